"""Replay: recorded purchases become live traffic.

mapping.py    which columns mean what, read from YAML
rows.py       the file's rows, each a purchase or a fault with its line number
recording.py  baskets in the order in which they happened, kept in a SQLite file
catalogue.py  the offers that the recording needs
sessions.py   one basket against a shop
progress.py   which baskets are done, for resuming
run.py        many baskets at once, each customer's in order
"""
