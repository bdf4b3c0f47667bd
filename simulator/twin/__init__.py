"""The digital twin: the deployed system and its shoppers in one process, on a virtual clock.

summary.py     what a replication tells: counts, hours, events
system.py      the use cases on the memory adapters, wired as the handlers wire them
run.py         one replication of a scenario: `run_replication`
"""
