"""Each test here runs against the fake and against a local Globus over HTTP."""

from collections.abc import Iterator

import pytest

from globus_worlds import HttpWorld, MemoryWorld, World
from local_globus import LocalGlobusProcess


@pytest.fixture(scope="module")
def slow_globus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGlobusProcess]:
    """A local Globus that moves a million bytes a second, so that a transfer can be caught running."""
    process = LocalGlobusProcess(tmp_path_factory.mktemp("globus"), {"bytes_per_second": 1_000_000})
    process.start()
    yield process
    process.stop()


@pytest.fixture(params=["in memory", "over http"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "in memory":
        return MemoryWorld()
    return HttpWorld(request.getfixturevalue("slow_globus"))
