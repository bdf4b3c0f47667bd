"""The bench: every number that the design holds, measured on this machine in one run (docs/bench.md).

figures.py      figures, bars and verdicts;  history.py: earlier runs, and what got worse
machine.py      what it was measured on;  report.py: lines and tables
rows.py         every row by name;  run.py: measures them one after the other
up.py, recommend.py, orders.py, race.py, capacity.py    rows on a system of the bench's own (own_system.py)
catalogue.py, cold_start.py, twin.py, same_hash.py    rows measured in processes of their own
market.py       random catalogues and counted reads, shared with the property tests
flame_graphs.py where the time of the twin and of a handler goes
"""
