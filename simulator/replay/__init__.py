"""Replay: recorded purchases become live traffic.

mapping.py    which columns mean what, read from YAML
rows.py       the file's rows, each a purchase or a fault with its line number
recording.py  baskets in the order in which they happened, kept in a SQLite file
units.py      how many units a row is, whatever number stands there
catalogue.py  the offers and products that the recording needs
sessions.py   one basket against a shop
ordering.py   what of it goes to the till: its orders, and which offers their lines carry
progress.py   which baskets are done, for resuming
ledger.py     the orders that were placed, and what is given back of them
run.py        many baskets at once, each customer's in order
backlog.py    no more open orders than the shop can work off soon
final.py      waiting for the orders, then the returns
report.py     how it is shown
"""
