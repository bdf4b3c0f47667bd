"""The digital twin: the deployed system and its shoppers in one process, on a virtual clock.

twin.py          the whole, and one replication of a scenario: `run_replication`
system.py        the use cases on the memory adapters, wired as the handlers wire them
cloud.py         the streams behind it; event_source.py: one of them, with weather.py
shop.py          how shoppers' calls get there; functions.py: Lambda's environments
catalogue.py     what is on offer; warehouse.py: what is refilled, and what is lost
tally.py         what happened, counted by the hour and told to a sink; summary.py: what of it is handed on
"""

from simulator.twin.summary import Counts, EventKind, EventSink, Hour, ReplicationSummary
from simulator.twin.twin import Twin, run_replication

__all__ = [
    "Counts",
    "EventKind",
    "EventSink",
    "Hour",
    "ReplicationSummary",
    "Twin",
    "run_replication",
]
