"""Runs: many independent replications of one scenario, and what came of them.

events.py        one replication's events: hashed as they come, streamed to Parquet
replication.py   one replication as a job that any process can carry out
replicate.py     jobs on all cores of this machine;  cluster.py: on a Dask cluster
version.py       which code ran
canonical.py     the only form in which results are hashed
metrics.py       figures of a replication that people ask for
statistics.py    means, intervals and differences
series.py        the story over time, hour by hour
results.py       the folder of a run, written and read
compare.py       two runs under common random numbers
"""
