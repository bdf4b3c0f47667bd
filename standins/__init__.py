"""Servers that stand in for the outside services of a shop, each a process on the loopback address."""
