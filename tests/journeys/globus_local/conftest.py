"""A running local Globus and people in front of it, for the journeys in this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from file_manager_page import sign_in
from local_globus import ADA, COMMONS, PORTAL, LocalGlobusProcess


@pytest.fixture(scope="session")
def local_globus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGlobusProcess]:
    """One service for all journeys. Each test works in folders of its own."""
    service = LocalGlobusProcess(tmp_path_factory.mktemp("local-globus"), {"bytes_per_second": 4_000_000})
    service.start()
    yield service
    service.stop()


@pytest.fixture
def ada(page: Page, local_globus: LocalGlobusProcess) -> Page:
    """Ada's browser, signed in."""
    sign_in(page, local_globus)
    return page


@pytest.fixture
def ada_without_scripts(browser: Browser, local_globus: LocalGlobusProcess) -> Iterator[Page]:
    """Ada's browser with scripts turned off, signed in."""
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    context.set_default_timeout(15_000)
    opened = context.new_page()
    sign_in(opened, local_globus)
    yield opened
    context.close()


@pytest.fixture
def inbox(local_globus: LocalGlobusProcess, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder of COMMONS that Ada may change, and nothing else there, as a portal would open it for her."""
    folder: Path = local_globus.commons / str(request.node.name)[:80]
    folder.mkdir()
    portal = local_globus.transfer(PORTAL)
    rule = portal.add_endpoint_acl_rule(
        COMMONS,
        {
            "DATA_TYPE": "access",
            "principal_type": "identity",
            "principal": ADA,
            "path": f"/{folder.name}/",
            "permissions": "rw",
        },
    )
    yield folder
    portal.delete_endpoint_acl_rule(COMMONS, rule["access_id"])


@pytest.fixture
def bench(local_globus: LocalGlobusProcess, request: pytest.FixtureRequest) -> Path:
    """A folder of Ada's own LAB."""
    folder: Path = local_globus.lab / str(request.node.name)[:80]
    folder.mkdir()
    return folder
