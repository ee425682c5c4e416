"""Pages of an upload of which much is to be said, on a narrow screen."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import FloatRect, sync_playwright

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


def measured(pages: dict[str, str]) -> tuple[dict[str, int], list[FloatRect]]:
    """How wide each page is on a narrow screen, by address; and where on a wide one the acts and warnings stand."""
    chromium = find_chromium()
    if chromium is None:
        unavailable("Chromium is not installed (Debian: chromium).")
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=str(chromium), args=list(CHROMIUM_OPTIONS)).new_page()
        page.set_viewport_size({"width": NARROW, "height": 800})
        widths = {}
        for address, html in pages.items():
            page.set_content(html)
            widths[address] = page.evaluate("document.documentElement.scrollWidth")
        page.set_viewport_size({"width": WIDE, "height": 800})
        page.set_content(next(iter(pages.values())))
        acts = page.locator("section.panel > .acts + p.state").locator("xpath=preceding-sibling::div[1]")
        stand = [one.bounding_box() for one in (acts, *page.locator("section.panel > p.state").all())]
        return widths, [box for box in stand if box is not None]


def test_nothing_scrolls_sideways_and_each_warning_has_a_line_of_its_own(pages: dict[str, str]) -> None:
    # In a thread: journeys may have a browser of their own in this one, and Django lets none at the database there.
    with ThreadPoolExecutor(1) as thread:
        widths, boxes = thread.submit(measured, pages).result()

    assert all(width <= NARROW for width in widths.values()), widths
    assert len(boxes) == 4, "Undo, and three warnings"
    for above, below in pairwise(boxes):
        assert above["y"] + above["height"] < below["y"], "they stand apart"
