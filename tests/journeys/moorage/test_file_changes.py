"""Files moved, removed and restored by hand: with the keyboard, in a narrow window, and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from browser import check_accessibility, sign_in
from running_moorage import RunningMoorage
from script_author import ScriptAuthor

pytestmark = pytest.mark.journey

TREE = {"day 1/a.tif": b"one", "day 1/b.tif": b"two", "day 2/deep/c.tif": b"three", "notes.txt": b"notes"}


def test_a_member_moves_removes_and_restores(page: Page, moorage: RunningMoorage) -> None:
    author = ScriptAuthor(moorage)
    project = author.filled_project("Tidied", TREE)
    before = author.project_files(project=project)
    sign_in(page, moorage)
    page.goto(f"{moorage.site}/projects/{project}/files/")
    check_accessibility(page)

    # With the keyboard alone.
    page.get_by_role("checkbox", name="Choose day 1").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Move or rename…").press("Enter")
    expect(page.get_by_role("heading", name="Move or rename")).to_be_visible()
    page.get_by_label("New path").fill("day 2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("There is a folder at “day 2” already")).to_be_visible()
    check_accessibility(page)
    page.get_by_label("New path").fill("night/day 1")
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Move it")
    expect(button).to_be_visible()
    expect(page.get_by_text("2 files, 6 bytes")).to_be_visible()
    check_accessibility(page)
    button.press("Enter")
    expect(page.get_by_text("Moved “day 1” to “night/day 1”, as revision 2.")).to_be_visible()
    expect(page.get_by_role("link", name="night")).to_be_visible()
    expect(page.get_by_role("link", name="day 1", exact=True)).to_have_count(0)
    check_accessibility(page)

    page.set_viewport_size({"width": 390, "height": 800})
    page.get_by_role("checkbox", name="Choose night").check()
    page.get_by_role("checkbox", name="Choose notes.txt").check()
    page.get_by_role("button", name="Remove…").click()
    expect(page.get_by_text("3 files, 11 bytes")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("button", name="Remove them").click()
    expect(page.get_by_text(re.compile("Removed “night” and 1 other, as revision 3"))).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 800})

    page.goto(f"{moorage.site}/projects/{project}/revisions/")
    expect(page.get_by_text("Moved “day 1” to “night/day 1”")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("link", name="3 removed").click()
    expect(page.get_by_role("heading", name="From revision 2 to 3")).to_be_visible()
    check_accessibility(page)

    page.goto(f"{moorage.site}/projects/{project}/files/?revision=1")
    page.get_by_role("link", name="restore everything as it was").click()
    expect(page.get_by_text("3 files and 1 folder")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("button", name="Restore it").click()
    expect(page.get_by_text("Restored everything as it was at revision 1, as revision 4.")).to_be_visible()
    assert author.project_files(project=project) == before


def test_all_of_it_works_without_scripts(browser_without_scripts: BrowserContext, moorage: RunningMoorage) -> None:
    author = ScriptAuthor(moorage)
    project = author.filled_project("Plain", TREE)
    page = browser_without_scripts.new_page()
    sign_in(page, moorage)
    page.goto(f"{moorage.site}/projects/{project}/file/?path=notes.txt")
    page.get_by_role("link", name="Move or rename…").click()
    page.get_by_label("New path").fill("read me.txt")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Move it").click()

    done = page.get_by_text("Moved “notes.txt” to “read me.txt”, as revision 2.")
    for _ in range(30):
        if done.is_visible():
            break
        page.wait_for_timeout(500)
        page.get_by_role("link", name="Look again").click()
    expect(done).to_be_visible()
    assert "read me.txt" in author.project_files(project=project)
