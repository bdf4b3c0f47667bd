"""The story over time: every count of every replication by simulated hour, as Parquet."""

from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path

from simulator.runs.replication import Outcome
from simulator.twin.summary import COUNTED, Hour

LEVELS = ("units_left", "offers_in_stock", "pivots_open")  # at the end of an hour
SERIES = (*COUNTED, *LEVELS)


def write_series(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write one row per replication and counted hour: ``replication``, ``hour`` from 0, one column per name.

    Raises:
        OSError
    """
    # Slow to load, and only the process that writes results needs it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        (outcome.number, number, hour)
        for outcome in outcomes
        for number, hour in enumerate(outcome.summary.hours)
    ]
    columns = {
        "replication": pa.array([number for number, _, _ in rows], pa.int32()),
        "hour": pa.array([number for _, number, _ in rows], pa.int32()),
    }
    for name in SERIES:
        columns[name] = pa.array(array("q", (_value(hour, name) for _, _, hour in rows)))
    part = path.with_suffix(".part")
    pq.write_table(pa.table(columns), part, compression="zstd")
    part.replace(path)


def read_series(path: Path, names: Sequence[str]) -> Mapping[str, list[list[int]]]:
    """Read some columns: by name, one list of hours per replication, in order of replication.

    Raises:
        OSError, pyarrow.ArrowInvalid: there is no such file, or it is not what `write_series` wrote.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["replication", *names])
    replications = table["replication"].to_pylist()
    order = {number: place for place, number in enumerate(sorted(set(replications)))}
    series: dict[str, list[list[int]]] = {name: [[] for _ in order] for name in names}
    for name in names:
        for number, value in zip(replications, table[name].to_pylist(), strict=True):
            series[name][order[number]].append(value)
    return series


def _value(hour: Hour, name: str) -> int:
    return int(getattr(hour if name in LEVELS else hour.counts, name))
