"""Whether the same seed gives the same hash in other processes and on other Pythons."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness.bench.figures import Bar, Figure
from harness.bench.other_pythons import NotInstalled, environment_of, other_interpreters
from harness.bench.row import Bench
from harness.system import REPOSITORY

SEED = 7
# Calm and bad weather: what depends on an order shows most where deliveries fail and come twice.
SCENARIOS = (
    "baseline:population.users=400,days=2,warm_up_days=1",
    "bad-weather:population.users=400,days=2,warm_up_days=1",
)
PRINT_HASH = """
import sys
from simulator.runs.canonical import combined
from simulator.runs.replication import Job, carry_out
from simulator.scenario import parse_scenario_argument
seed, *scenarios = sys.argv[1:]
print(combined(carry_out(Job(parse_scenario_argument(text), int(seed), 0)).digest for text in scenarios))
"""


def measure(bench: Bench) -> list[Figure]:
    """Run twice on this Python and once on each other that is at hand."""
    pythons = [Path(sys.executable), Path(sys.executable)]
    for other in other_interpreters():
        try:
            pythons.append(environment_of(other))
        except NotInstalled as why:
            bench.say(f"hash: Python {other.version} is left out: {why}")
    hashes = [hash_on(python, number) for number, python in enumerate(pythons)]
    return [
        Figure(
            "hash.different",
            f"different hashes of {len(pythons)} processes",
            "",
            (len(set(hashes)),),
            Bar("=", 1),
        ),
        Figure("hash.pythons", "versions of Python", "", (len(pythons) - 1,), more_is_better=True),
    ]


def hash_on(python: Path, hash_seed: int) -> str:
    """Give the hash of the scenarios, run by an interpreter whose own hashes of texts begin elsewhere.

    Raises:
        RuntimeError: the run failed.
    """
    ended = subprocess.run(
        [str(python), "-c", PRINT_HASH, str(SEED), *SCENARIOS],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed + 1), "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(f"{python} failed: {ended.stderr.strip().splitlines()[-1]}")
    return ended.stdout.strip()
