"""A deployed system of the twin test's own, since it looks at everything that is stored."""

from collections.abc import Iterator

import pytest

from harness.system import RunningSystem
from tests.emulated.target import Target


@pytest.fixture(scope="module")
def deployed(guarded: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """The application as it is straight after seeding."""
    with Target(tmp_path_factory.mktemp("twin")) as target:
        yield target.up()
