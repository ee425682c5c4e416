"""The same work with scripts turned off: plain links and forms, slower but whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from file_manager_page import Pane, link_to
from local_globus import LocalGlobusProcess

pytestmark = pytest.mark.journey


def test_a_folder_is_made_and_opened(ada_without_scripts: Page, local_globus: LocalGlobusProcess, bench: Path) -> None:
    page, pane = ada_without_scripts, Pane(ada_without_scripts, "origin")
    page.goto(link_to(local_globus, origin=bench))
    pane.press("New folder")
    pane.here.get_by_label("Name of the new folder").fill("new one")
    pane.here.get_by_role("button", name="Make folder").click()
    expect(page.get_by_role("status").filter(has_text="The folder new one is made.")).to_be_visible()
    pane.open("new one")

    expect(pane.here).to_contain_text("This folder is empty")
    assert (bench / "new one").is_dir()


def test_one_file_is_uploaded_by_a_plain_form(
    ada_without_scripts: Page, local_globus: LocalGlobusProcess, inbox: Path, tmp_path: Path
) -> None:
    large = tmp_path / "größer & 'larger'.bin"
    large.write_bytes(bytes(range(256)) * 20_000)
    page, pane = ada_without_scripts, Pane(ada_without_scripts, "destination")
    page.goto(link_to(local_globus, destination=inbox))
    pane.press("Upload")
    pane.here.get_by_label("Files").set_input_files(large)
    pane.here.get_by_role("button", name="Upload").click()

    expect(pane.row(large.name)).to_be_visible()
    assert (inbox / large.name).read_bytes() == large.read_bytes()


def test_checked_items_are_transferred_and_the_task_is_cancelled(
    ada_without_scripts: Page, local_globus: LocalGlobusProcess, bench: Path, inbox: Path
) -> None:
    (bench / 'huge "1" <b>.bin').write_bytes(b"0" * 200_000_000)
    page = ada_without_scripts
    page.goto(link_to(local_globus, origin=bench, destination=inbox))
    Pane(page, "origin").select('huge "1" <b>.bin')
    page.get_by_role("button", name="Start transfer of what is selected on the left").click()
    page.get_by_role("link", name="Watch it").click()
    page.get_by_role("button", name="Cancel this task").click()

    expect(page.get_by_text("Cancelled").first).to_be_visible()


def test_deleting_asks_on_a_page_of_its_own(
    ada_without_scripts: Page, local_globus: LocalGlobusProcess, bench: Path
) -> None:
    (bench / "<i>gone").touch()
    page, pane = ada_without_scripts, Pane(ada_without_scripts, "origin")
    page.goto(link_to(local_globus, origin=bench))
    pane.select("<i>gone")
    pane.press("Delete")
    expect(page.get_by_role("heading", name="Delete 1 item?")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("link", name="Watch it").click()
    page.wait_for_timeout(1500)
    page.reload()

    expect(page.get_by_text("Succeeded").first).to_be_visible()
    assert list(bench.iterdir()) == []
