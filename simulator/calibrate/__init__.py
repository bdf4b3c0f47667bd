"""Calibration: a scenario from recorded transactions, and how far its arrivals are from them.

observed.py    orders as arrays, from a recording
lapsing.py     how often customers come and when they stop: MBG/NBD by maximum likelihood
estimate.py    everything that a scenario takes from the data
simulate.py    the arrival part alone, with the same curve and rates as the twin
distances.py   Kolmogorov-Smirnov distances between data and simulation
writing.py     the scenario file with a comment per derived value, and the report beside it
"""
