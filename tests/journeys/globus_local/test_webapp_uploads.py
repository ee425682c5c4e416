"""Files from the person's own computer: dropped, chosen, refused, retried, cancelled."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from browser import check_accessibility
from file_manager_page import Pane, link_to, upload_line
from local_globus import ADA, COMMONS, PORTAL, LocalGlobusProcess

pytestmark = pytest.mark.journey


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder of the person's own computer with a small tree in it."""
    tree = tmp_path / "desk" / "Campaign 7, αβγ"
    (tree / "raw" / "run 1").mkdir(parents=True)
    (tree / "empty").mkdir()
    (tree / "notes # 1%.txt").write_text("hello")
    (tree / "raw" / "nothing.dat").touch()
    for number in range(5):
        (tree / "raw" / "run 1" / f"{number}.bin").write_bytes(bytes([number]) * 300_000)
    return tree.parent


def tree_of(folder: Path) -> dict[str, bytes | None]:
    """Every entry below a folder; None stands for a folder."""
    return {
        entry.relative_to(folder).as_posix(): entry.read_bytes() if entry.is_file() else None
        for entry in folder.rglob("*")
    }


def finished(page: Page) -> None:
    expect(page.get_by_role("button", name="Close")).to_be_visible(timeout=30_000)


def test_a_dropped_folder_arrives_whole_with_its_empty_folders(
    ada: Page, local_globus: LocalGlobusProcess, inbox: Path, desk: Path
) -> None:
    pane = Pane(ada, "destination")
    ada.goto(link_to(local_globus, destination=inbox))
    pane.drop([desk / "Campaign 7, αβγ"])
    finished(ada)

    assert tree_of(inbox) == tree_of(desk)
    expect(pane.row("Campaign 7, αβγ")).to_be_visible()
    expect(ada.locator("[data-uploads-summary]")).to_contain_text("7 of 7 files, 1.5 MB of 1.5 MB")
    check_accessibility(ada)


def test_files_and_a_folder_are_dropped_together(
    ada: Page, local_globus: LocalGlobusProcess, inbox: Path, desk: Path
) -> None:
    (desk / "single.txt").write_text("alone")
    ada.goto(link_to(local_globus, origin=inbox))
    Pane(ada, "origin").drop([desk / "Campaign 7, αβγ", desk / "single.txt"])
    finished(ada)

    assert tree_of(inbox) == tree_of(desk)


def test_files_and_folders_can_be_chosen_without_dragging(
    ada: Page, local_globus: LocalGlobusProcess, inbox: Path, desk: Path
) -> None:
    (desk / "one.txt").write_text("1")
    (desk / "two.txt").write_text("2")
    pane = Pane(ada, "origin")
    ada.goto(link_to(local_globus, origin=inbox))
    pane.press("Upload")
    pane.here.get_by_label("Files", exact=True).set_input_files([desk / "one.txt", desk / "two.txt"])
    finished(ada)
    ada.get_by_role("button", name="Close").click()
    pane.press("Upload")
    pane.here.get_by_label("Or a whole folder").set_input_files(desk / "Campaign 7, αβγ")
    finished(ada)

    arrived = tree_of(inbox)
    assert arrived["one.txt"] == b"1"
    assert arrived["two.txt"] == b"2"
    assert arrived["Campaign 7, αβγ/raw/run 1/4.bin"] == bytes([4]) * 300_000


def test_a_file_that_is_there_already_is_asked_about(
    ada: Page, local_globus: LocalGlobusProcess, inbox: Path, desk: Path
) -> None:
    (desk / "same.txt").write_text("from the desk")
    (inbox / "same.txt").write_text("there before")
    pane = Pane(ada, "origin")
    ada.goto(link_to(local_globus, origin=inbox))
    pane.drop([desk / "same.txt"])
    ada.get_by_role("dialog").get_by_role("button", name="Keep those that are there").click()
    finished(ada)
    assert (inbox / "same.txt").read_text() == "there before"

    ada.get_by_role("button", name="Close").click()
    pane.drop([desk / "same.txt"])
    ada.get_by_role("dialog").get_by_role("button", name="Replace them").click()
    finished(ada)
    assert (inbox / "same.txt").read_text() == "from the desk"


def test_a_connection_that_breaks_is_tried_again_by_itself(
    ada: Page, local_globus: LocalGlobusProcess, inbox: Path, desk: Path
) -> None:
    broken: list[str] = []

    def break_once(route: Route) -> None:
        if route.request.method == "PUT" and not broken:
            broken.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    (desk / "shaky.txt").write_text("arrives")
    ada.route("**/collections-data/**", break_once)
    ada.goto(link_to(local_globus, origin=inbox))
    Pane(ada, "origin").drop([desk / "shaky.txt"])
    finished(ada)

    assert broken
    assert (inbox / "shaky.txt").read_text() == "arrives"


def test_a_refusal_is_said_in_words_and_can_be_retried(
    ada: Page, local_globus: LocalGlobusProcess, inbox: Path, desk: Path
) -> None:
    (desk / "refused.txt").write_text("finally")
    ada.goto(link_to(local_globus, origin=inbox))
    away = inbox.with_name("away")
    inbox.rename(away)
    Pane(ada, "origin").drop([desk / "refused.txt"])
    failed = upload_line(ada, "refused.txt")
    expect(failed).to_contain_text("Failed")
    expect(failed).to_contain_text("not there")
    check_accessibility(ada)

    away.rename(inbox)
    failed.get_by_role("button", name="Retry").click()
    expect(failed).to_contain_text("Uploaded")
    assert (inbox / "refused.txt").read_text() == "finally"


def test_a_cancelled_upload_leaves_no_half_file(
    ada: Page, local_globus: LocalGlobusProcess, inbox: Path, desk: Path
) -> None:
    for number in range(4):
        (desk / f"large {number}.bin").write_bytes(b"x" * 20_000_000)
    devtools = ada.context.new_cdp_session(ada)
    ada.goto(link_to(local_globus, origin=inbox))
    devtools.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 3_000_000}
    devtools.send("Network.emulateNetworkConditions", slow)
    Pane(ada, "origin").drop(sorted(desk.glob("large*")))
    expect(upload_line(ada, "Uploading")).to_have_count(3)
    ada.get_by_role("button", name="Cancel all").click()
    finished(ada)

    expect(upload_line(ada, "Cancelled")).to_have_count(4)
    assert tree_of(inbox) == {}


def test_a_read_only_folder_offers_no_upload(
    ada: Page, local_globus: LocalGlobusProcess, inbox: Path, desk: Path
) -> None:
    shown = local_globus.commons / "for reading"
    shown.mkdir()
    local_globus.transfer(PORTAL).add_endpoint_acl_rule(
        COMMONS,
        {
            "DATA_TYPE": "access",
            "principal_type": "identity",
            "principal": ADA,
            "path": "/for reading/",
            "permissions": "r",
        },
    )
    ada.goto(link_to(local_globus, origin=shown))

    expect(ada.get_by_text("You may read here, not change")).to_be_visible()
    expect(Pane(ada, "origin").here.get_by_text("Upload", exact=True)).to_have_count(0)
    Pane(ada, "origin").drop([desk / "Campaign 7, αβγ"])
    ada.wait_for_timeout(500)
    assert tree_of(shown) == {}
