"""Tasks started and watched in the browser: transfers between two panes, deletes, cancelling."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser import check_accessibility
from file_manager_page import Pane, link_to
from local_globus import LocalGlobusProcess

pytestmark = pytest.mark.journey

TASK_SECONDS = 30


def test_a_selection_is_transferred_from_left_to_right_and_watched(
    ada: Page, local_globus: LocalGlobusProcess, bench: Path, inbox: Path
) -> None:
    (bench / "scans" / "day 1").mkdir(parents=True)
    (bench / "scans" / "day 1" / "a.tif").write_bytes(b"a" * 6_000_000)
    (bench / "scans" / "day 1" / "b.tif").write_bytes(b"b" * 6_000_000)
    (bench / "notes.txt").write_text("not selected")
    left, right = Pane(ada, "origin"), Pane(ada, "destination")
    ada.goto(link_to(local_globus, origin=bench, destination=inbox))
    left.select("scans")
    ada.get_by_text("Transfer options").click()
    ada.get_by_label("Label").fill("Monday's <scans>")
    check_accessibility(ada)
    ada.get_by_role("button", name="Start transfer of what is selected on the left").click()
    expect(right.row("scans")).to_be_visible()

    ada.get_by_role("link", name="Watch it").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Monday's <scans>")
    expect(ada.get_by_text("Running")).to_be_visible()
    check_accessibility(ada)
    expect(ada.locator(".task-state").get_by_text("Succeeded")).to_be_visible(timeout=TASK_SECONDS * 1000)
    expect(ada.locator(".task-progress")).to_contain_text("2 of 2 files")
    expect(ada.get_by_role("table", name="Files that have arrived")).to_contain_text("/day 1/b.tif")
    check_accessibility(ada)
    assert (inbox / "scans" / "day 1" / "a.tif").read_bytes() == b"a" * 6_000_000
    assert not (inbox / "notes.txt").exists()


def test_a_selection_is_transferred_from_right_to_left(
    ada: Page, local_globus: LocalGlobusProcess, bench: Path, inbox: Path
) -> None:
    (inbox / 'result "1".csv').write_text("1,2,3")
    ada.goto(link_to(local_globus, origin=bench, destination=inbox))
    Pane(ada, "destination").select('result "1".csv')
    ada.get_by_role("button", name="Start transfer of what is selected on the right").click()

    expect(Pane(ada, "origin").row('result "1".csv')).to_be_visible()


def test_start_without_a_selection_or_collection_says_what_is_missing(
    ada: Page, local_globus: LocalGlobusProcess, inbox: Path
) -> None:
    (inbox / "a.txt").touch()
    ada.goto(link_to(local_globus, destination=inbox))
    right_to_left = ada.get_by_role("button", name="Start transfer of what is selected on the right")
    right_to_left.click()
    expect(Pane(ada, "destination").here.get_by_role("alert")).to_contain_text("Select what to transfer")
    Pane(ada, "destination").select("a.txt")
    right_to_left.click()
    expect(Pane(ada, "destination").here.get_by_role("alert")).to_contain_text("Choose a collection in both")


def test_a_running_task_is_cancelled_on_its_page(
    ada: Page, local_globus: LocalGlobusProcess, bench: Path, inbox: Path
) -> None:
    (bench / "huge.bin").write_bytes(b"0" * 400_000_000)
    ada.goto(link_to(local_globus, origin=bench, destination=inbox))
    Pane(ada, "origin").select("huge.bin")
    ada.get_by_role("button", name="Start transfer of what is selected on the left").click()
    ada.get_by_role("link", name="Watch it").click()
    ada.get_by_role("button", name="Cancel this task").click()

    expect(ada.get_by_text("Cancelled").first).to_be_visible()
    expect(ada.get_by_role("button", name="Cancel this task")).to_have_count(0)
    ada.get_by_role("link", name="Activity").first.click()
    row = ada.get_by_role("row").filter(has_text=re.compile("Ada's lab to Commons")).first
    expect(row).to_contain_text("Cancelled")
    check_accessibility(ada)


def test_what_is_selected_is_deleted_after_a_question(ada: Page, local_globus: LocalGlobusProcess, bench: Path) -> None:
    (bench / "old" / "deep").mkdir(parents=True)
    (bench / "old" / "deep" / "x.txt").touch()
    (bench / "<b>bold?").touch()
    (bench / "kept.txt").touch()
    pane = Pane(ada, "origin")
    ada.goto(link_to(local_globus, origin=bench))
    pane.select("old", "<b>bold?")
    pane.press("Delete")
    dialog = ada.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete these 2 items?")
    check_accessibility(ada)
    dialog.get_by_role("button", name="Keep").click()
    assert (bench / "old").exists()

    pane.press("Delete")
    dialog.get_by_role("button", name="Delete").click()
    expect(pane.row("old")).to_have_count(0)
    expect(pane.row("kept.txt")).to_be_visible()
    assert [entry.name for entry in bench.iterdir()] == ["kept.txt"]


def test_a_task_of_somebody_else_is_not_found(ada: Page, local_globus: LocalGlobusProcess) -> None:
    answer = ada.goto(f"{local_globus.url}/activity/00000000-0000-4000-8000-000000000000/overview")

    assert answer is not None
    assert answer.status == 404
    expect(ada.get_by_role("heading", level=1)).to_have_text("Not found")
