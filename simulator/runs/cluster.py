"""The same replications on a Dask cluster, where one machine is too small."""

import logging
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from simulator.runs.replicate import ReplicationFailed, cannot_write
from simulator.runs.replication import Job, Outcome, carry_out
from simulator.runs.version import fingerprint

if TYPE_CHECKING:
    from simulator.runs.run import CarryOut

CONNECT_WITHIN_S = 5


class ClusterUnfit(Exception):
    """The cluster cannot carry out this run; the message says why."""


@contextmanager
def cluster(address: str) -> Iterator["CarryOut"]:
    """Connect to a Dask scheduler; gives what carries out jobs on its workers.

    Results and their hash are those of one machine. Event files are written by the workers, so their folder
    has to be one that all of them see.

    Args:
        address: ``tcp://host:port`` of the scheduler.
    Raises:
        ClusterUnfit: no scheduler answers, it has no workers, or they have other code than this process.
    """
    # Dask takes a second to load and is needed only here.
    from distributed import Client

    host, port = _host_and_port(address)
    try:
        _wait_for_greeting(host, port)
        with _quiet("distributed.comm", "distributed.client"):
            client = Client(  # type: ignore[no-untyped-call]
                address, timeout=CONNECT_WITHIN_S, set_as_default=False
            )
    except (OSError, ValueError) as problem:
        reason = str(problem).partition("\n")[0] or type(problem).__name__
        raise ClusterUnfit(
            f"CLUSTER={address}: no Dask scheduler answers ({reason}); start one with `dask scheduler`, and "
            "`dask worker` in this code's environment"
        ) from problem
    with client:
        _check_code(client, address)
        yield partial(_carried_out, client)


def _host_and_port(address: str) -> tuple[str, int]:
    """Refuse what is no address: Dask would say so only after the client's threads have begun.

    Raises:
        ClusterUnfit
    """
    try:
        parts = urlsplit(address)
        if parts.scheme == "tcp" and parts.hostname and parts.port and not parts.path:
            return parts.hostname, parts.port
    except ValueError:  # a port or an IPv6 address that is none
        pass
    raise ClusterUnfit(f"CLUSTER={address}: write tcp://host:port, as the Dask scheduler prints it")


def _wait_for_greeting(host: str, port: int) -> None:
    """Find out that a Dask scheduler listens, which speaks first: for any other server Dask waits for ever.

    Raises:
        OSError: nobody listens, or whoever does says nothing.
    """
    with socket.create_connection((host, port), CONNECT_WITHIN_S) as connection:
        try:
            if connection.recv(1):
                return
        except TimeoutError:
            pass
    raise OSError("something else listens there")


def _carried_out(client: Any, jobs: Sequence[Job]) -> Iterator[tuple[int, Outcome]]:
    """Give places and outcomes as they end.

    Raises:
        ReplicationFailed: a job could not write its events, or ended its worker again and again; the
            scheduler went away.
    """
    from distributed import KilledWorker, as_completed

    # Not pure: the same job twice is work twice, never an answer of an earlier run.
    futures = client.map(carry_out, jobs, pure=False)
    places = {future.key: place for place, future in enumerate(futures)}
    try:
        for future in as_completed(futures, loop=client.loop):  # type: ignore[no-untyped-call]
            place = places[future.key]
            try:
                yield place, future.result()
            except OSError as problem:
                raise cannot_write(jobs[place], problem) from problem
            except CancelledError as problem:
                raise ReplicationFailed("the Dask scheduler went away in the middle of the run") from problem
            except KilledWorker:
                raise ReplicationFailed(
                    f"replication {jobs[place].number} ended every worker that tried it: killed, or out of "
                    "memory?"
                ) from None
    finally:
        client.cancel([future for future in futures if not future.done()], force=True)


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Silence what Dask logs about a scheduler that is not there: our one line says more."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _check_code(client: Any, address: str) -> None:
    """Refuse a cluster that would compute something else, or nothing."""

    def code_there() -> str:
        # Sent by value, so that it runs where our modules cannot be loaded, and says so.
        try:
            from simulator.runs.version import fingerprint
        except ImportError as problem:
            return f"none ({problem})"
        return fingerprint()

    mine = fingerprint()
    theirs: dict[str, str] = client.run(code_there)
    if not theirs:
        raise ClusterUnfit(f"CLUSTER={address}: the scheduler has no workers; start some with `dask worker`")
    # The scheduler unpacks jobs as well.
    others = sorted(
        {told for told in (client.run_on_scheduler(code_there), *theirs.values()) if told != mine}
    )
    if others:
        raise ClusterUnfit(
            f"CLUSTER={address}: scheduler or workers run other code than this: {'; '.join(others)} there, "
            f"{mine} here. Start both with PYTHONPATH naming a checkout of this version"
        )
