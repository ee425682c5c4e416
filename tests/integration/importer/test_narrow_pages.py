"""Pages of an upload of which much is to be said, on a narrow screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Page, sync_playwright

from browser import CHROMIUM_OPTIONS
from importing import World, fill
from machine import find_chromium, unavailable

pytestmark = pytest.mark.django_db(transaction=True)

NARROW, WIDE = 400, 1280
STYLE_SHEET = re.compile(r'<link rel="stylesheet" href="/static/([^"?]+)[^>]*>')


@pytest.fixture
def pages(world: World) -> dict[str, str]:
    """The pages of an upload with two files missing, some not imported, and a list that compares nothing."""
    upload, area = world.an_area(name="Scan-42-" * 20)
    fill(area, {"good": b"good", "differs": b"other", "MD5SUMS": b"garbage here\n"})
    lines = [f"{sha256(path.encode()).hexdigest()}  {path}\n" for path in ("good", "differs", "gone", "gone, too")]
    (area / "SHA256SUMS").write_text("".join(lines))
    world.seal(upload)
    world.work(upload)
    client = Client()
    client.force_login(upload.owner)
    addresses = [f"/uploads/{upload.pk}/", f"/projects/{upload.project_id}/upload-status/"]
    return {address: with_styles(client.get(address).content.decode()) for address in addresses}


def with_styles(html: str) -> str:
    """A page that needs no server for its looks."""

    def style(link: re.Match[str]) -> str:
        found = finders.find(link[1])
        assert found, link[1]
        return f"<style>{Path(found).read_text()}</style>"

    shown, count = STYLE_SHEET.subn(style, html)
    assert count, "the page has a style sheet"
    return shown


def opened() -> Iterator[Page]:
    # Not by the fixture of journeys: as long as Playwright runs, Django does not let this thread at the database.
    chromium = find_chromium()
    if chromium is None:
        unavailable("Chromium is not installed (Debian: chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=list(CHROMIUM_OPTIONS))
        yield browser.new_page()
        browser.close()


def test_nothing_scrolls_sideways_and_each_warning_has_a_line_of_its_own(pages: dict[str, str]) -> None:
    for page in opened():
        for address, html in pages.items():
            page.set_viewport_size({"width": NARROW, "height": 800})
            page.set_content(html)
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW, address
        page.set_viewport_size({"width": WIDE, "height": 800})
        page.set_content(next(iter(pages.values())))
        told = [one.bounding_box() for one in page.locator("section.panel > p.state").all()]
        acts = page.locator("section.panel > .acts + p.state").locator("xpath=preceding-sibling::div[1]").bounding_box()
    assert len(told) == 3
    boxes = [box for box in (acts, *told) if box is not None]
    assert len(boxes) == 4
    for above, below in pairwise(boxes):
        assert above["y"] + above["height"] < below["y"], "they stand apart"
