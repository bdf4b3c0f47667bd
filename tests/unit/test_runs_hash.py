"""The hash of a run is the same in any process, under any hash seed and on every supported Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.system import REPOSITORY
from simulator.runs.canonical import combined
from simulator.runs.replication import Job, carry_out
from simulator.scenario import load_scenario
from tests import needed

# What two replications of each scenario come to under seed 7. Who changes on purpose what the core, the twin
# or its streams do puts the new hash here; that it changes unnoticed is what this is for.
GOLDEN = {
    "golden": "081e5542d08e5e88b0c18e6d013db09d31808c04d8110df0b0475fdc7170925a",
    "golden-orders": "b7f22f0b390c0548b9d5022d6682dddf9fd2a7d14985cebac8d837c7f134298c",
}
PRINT_HASH = """
import sys
from pathlib import Path
from simulator.runs.canonical import combined
from simulator.runs.replication import Job, carry_out
from simulator.scenario import load_scenario
for path in sys.argv[1:]:
    scenario = load_scenario(Path(path))
    print(combined(carry_out(Job(scenario, 7, number)).digest for number in range(2)))
"""
SUPPORTED = ("3.11", "3.12", "3.13")


def path_of(name: str) -> Path:
    return REPOSITORY / f"tests/data/runs/{name}.yaml"


def hashes_on(python: Path, **variables: str) -> dict[str, str]:
    """The hash of each scenario by its name."""
    done = subprocess.run(
        [str(python), "-c", PRINT_HASH, *(str(path_of(name)) for name in GOLDEN)],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(GOLDEN, done.stdout.split(), strict=True))


@pytest.mark.parametrize("name", GOLDEN)
def test_the_hash_of_a_small_world_is_known(name):
    """On whatever Python the tests run."""
    scenario = load_scenario(path_of(name))

    assert combined(carry_out(Job(scenario, 7, number)).digest for number in range(2)) == GOLDEN[name]


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_hash_does_not_depend_on_how_this_process_hashes_texts(seed):
    """Sets and dictionaries of texts are walked in another order, should any be walked."""
    assert hashes_on(Path(sys.executable), PYTHONHASHSEED=seed) == GOLDEN


@pytest.mark.parametrize("version", SUPPORTED)
def test_the_hash_is_the_same_on_every_supported_python(version):
    """In an environment with no more than the simulator needs, at the versions that the lock pins."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip("the Python of this process, which the other tests are about")
    assert hashes_on(needed.other_python(version)) == GOLDEN
