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


@pytest.fixture(scope="module")
def open_globus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGlobusProcess]:
    """One that is as slow, and shows the paths of tasks to the managers of a collection."""
    settings = {"bytes_per_second": 1_000_000, "show_task_paths": True}
    process = LocalGlobusProcess(tmp_path_factory.mktemp("open-globus"), settings)
    process.start()
    yield process
    process.stop()


@pytest.fixture(params=["in memory", "over http"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "in memory":
        return MemoryWorld()
    return HttpWorld(request.getfixturevalue("slow_globus"))


@pytest.fixture(params=["in memory", "over http"])
def open_world(request: pytest.FixtureRequest) -> World:
    """A world where the collection's managers are told the paths of tasks."""
    if request.param == "in memory":
        return MemoryWorld(shows_paths=True)
    return HttpWorld(request.getfixturevalue("open_globus"))
