"""The same replications on a Dask cluster, where one machine is too small."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from simulator.runs.replicate import ReplicationFailed, cannot_write
from simulator.runs.replication import Job, Outcome, carry_out
from simulator.runs.version import fingerprint

CONNECT_WITHIN_S = 5


class ClusterUnfit(Exception):
    """The cluster cannot carry out this run; the message says why."""


def on_cluster(jobs: Sequence[Job], address: str) -> Iterator[tuple[int, Outcome]]:
    """Carry out jobs on the workers of a Dask scheduler; places and outcomes come as they end.

    Results and their hash are those of one machine. Event files are written by the workers, so their folder
    has to be one that all of them see.

    Args:
        address: ``tcp://host:port`` of the scheduler.
    Raises:
        ClusterUnfit: no scheduler answers, it has no workers, or they have other code than this process.
        ReplicationFailed: a job could not write its events, or ended its worker again and again.
    """
    # Dask takes a second to load and is needed only here.
    from distributed import KilledWorker, as_completed

    with _connected(address) as client:
        _check_workers(client, address)
        # Not pure: the same job twice is work twice, never an answer of an earlier run.
        futures = client.map(carry_out, jobs, pure=False)
        places = {future.key: place for place, future in enumerate(futures)}
        try:
            for future in as_completed(futures):
                place = places[future.key]
                try:
                    yield place, future.result()
                except OSError as problem:
                    raise cannot_write(jobs[place], problem) from problem
                except KilledWorker:
                    raise ReplicationFailed(
                        f"replication {jobs[place].number} ended every worker that tried it: killed, or out "
                        "of memory?"
                    ) from None
        finally:
            client.cancel(futures, force=True)


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    from distributed import Client

    if not address.startswith(("tcp://", "tls://")):
        raise ClusterUnfit(f"CLUSTER={address}: write tcp://host:port, as the Dask scheduler prints it")
    # What Dask logs about a scheduler that is not there says less than our one line.
    loggers = [logging.getLogger(name) for name in ("distributed.comm", "distributed.client")]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        client = Client(address, timeout=CONNECT_WITHIN_S, set_as_default=False)
    except (OSError, ValueError) as problem:
        reason = f"{problem}".splitlines()[0] if str(problem) else type(problem).__name__
        raise ClusterUnfit(
            f"CLUSTER={address}: no Dask scheduler answers within {CONNECT_WITHIN_S} s ({reason}); start one "
            "with `dask scheduler`, and `dask worker` in this code's environment"
        ) from problem
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
    with client:
        yield client


def _check_workers(client: Any, address: str) -> None:
    """Refuse workers that would compute something else, or nothing."""
    from distributed.comm import CommClosedError

    mine = fingerprint()
    try:
        theirs: dict[str, str] = client.run(fingerprint)
    except (ImportError, AttributeError) as problem:
        raise ClusterUnfit(
            f"CLUSTER={address}: its workers cannot load this code ({problem}); start them with "
            "PYTHONPATH naming a checkout of the same version"
        ) from problem
    except CommClosedError as problem:
        raise ClusterUnfit(f"CLUSTER={address}: a worker went away ({problem})") from problem
    if not theirs:
        raise ClusterUnfit(f"CLUSTER={address}: the scheduler has no workers; start some with `dask worker`")
    others = sorted({told for told in theirs.values() if told != mine})
    if others:
        raise ClusterUnfit(
            f"CLUSTER={address}: workers run other code than this ({'; '.join(others)} there, {mine} here); "
            "results would not be the same. Restart them from this version"
        )
