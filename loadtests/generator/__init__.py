"""Generator processes: the only part that imports Locust, and with it gevent's patches.

process.py    one process: local, master or worker; `python -m loadtests.generator`
load_test.py  what all users of a process share: arrivals, the budget of requests, the recorder
users.py      Locust's users, who carry out visits
shape.py      the number of users over time, for closed load
"""
