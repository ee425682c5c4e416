"""The real service over real HTTP, for everything in this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_globus import LocalGlobusProcess, StartLocalGlobus


@pytest.fixture(scope="module")
def local_globus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGlobusProcess]:
    """One service for all tests of a module. Use paths of your own in its folders."""
    service = LocalGlobusProcess(tmp_path_factory.mktemp("local-globus"))
    service.start()
    yield service
    service.stop()


@pytest.fixture
def start_local_globus(tmp_path: Path) -> Iterator[StartLocalGlobus]:
    """Start a service of this test's own: `start_local_globus(bytes_per_second=1000)`."""
    started: list[LocalGlobusProcess] = []

    def start(**settings: Any) -> LocalGlobusProcess:
        folder = tmp_path / f"local-globus-{len(started)}"
        folder.mkdir()
        service = LocalGlobusProcess(folder, settings)
        started.append(service)
        service.start()
        return service

    yield start
    for service in started:
        service.stop()
