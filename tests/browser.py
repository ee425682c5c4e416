"""Fixtures of a real browser: the distribution's Chromium, driven by Playwright.

A journey talks to real processes and never to the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from machine import find_chromium, unavailable

if TYPE_CHECKING:
    from running_moorage import RunningMoorage

WAIT_SECONDS: Final = 15.0

# No sandbox: the suite may run as root. The rest keeps Chromium from looking for hosts of its own.
CHROMIUM_OPTIONS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the session; each test gets a clean profile by `page`."""
    chromium = find_chromium()
    if chromium is None:
        unavailable("Chromium is not installed (Debian: chromium).")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(chromium), args=list(CHROMIUM_OPTIONS))
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a person who has never been here. A script that throws fails the test."""
    context = browser.new_context(locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(WAIT_SECONDS * 1000)
    opened = context.new_page()
    thrown: list[str] = []
    opened.on("pageerror", lambda error: thrown.append(str(error)))
    yield opened
    context.close()
    assert not thrown, f"scripts of the page threw: {thrown}"


def check_accessibility(page: Page) -> None:
    """Let axe-core look at the page as it stands; every finding is named with its element."""
    results = Axe().run(page)
    assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"


def sign_in(page: Page, moorage: RunningMoorage) -> None:
    """Sign the demo member in."""
    member = moorage.demo["member"]
    page.goto(f"{moorage.site}/accounts/login/")
    page.get_by_label("Email").fill(member["email"])
    page.get_by_label("Password").fill(member["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
