"""Looking around in the file manager: links from portals, folders, refusals, names that want to do harm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser import check_accessibility
from file_manager_page import Pane, fill_in_sign_in, link_to, sign_in
from local_globus import COMMONS, LocalGlobusProcess

pytestmark = pytest.mark.journey

HOSTILE_NAMES = {
    b"quote \"double\" 'single'.txt": "quote \"double\" 'single'.txt",
    b"<script>alert(1)<": "<script>alert(1)<",
    b"#%41?&=+ back\\slash;.txt": "#%41?&=+ back\\slash;.txt",
    "קובץ.txt".encode(): "קובץ.txt",
    "invoice\u202egpj.exe".encode(): r"invoice\u{202e}gpj.exe",
    b"caf\xe9.txt": r"caf\xe9.txt",
    b"bell\x07.txt": r"bell\u{7}.txt",
    b"-rf": "-rf",
    b"x" * 255: "x" * 255,
    "👩‍🔬.txt".encode(): "👩‍🔬.txt",
}


def test_a_portals_link_leads_through_the_sign_in_page_to_the_very_folder(
    page: Page, local_globus: LocalGlobusProcess, inbox: Path
) -> None:
    (inbox / "arrived.txt").write_text("hello")
    page.goto(link_to(local_globus, destination=inbox))
    fill_in_sign_in(page)

    destination = Pane(page, "destination")
    expect(destination.row("arrived.txt")).to_be_visible()
    expect(Pane(page, "origin").here.get_by_role("heading", level=2)).to_contain_text("No collection chosen")
    check_accessibility(page)


def test_the_other_pane_opens_the_collection_that_the_person_chooses(
    ada: Page, local_globus: LocalGlobusProcess, inbox: Path
) -> None:
    ada.goto(link_to(local_globus, destination=inbox))
    ada.get_by_role("link", name="Choose a collection").first.click()
    dialog = ada.get_by_role("dialog")
    check_accessibility(ada)
    dialog.get_by_role("searchbox").fill("lab")
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    dialog.get_by_role("link", name="Ada's lab").click()

    expect(Pane(ada, "origin").here.get_by_role("heading", level=2)).to_contain_text("Ada's lab")
    ada.reload()
    expect(Pane(ada, "origin").here.get_by_role("heading", level=2)).to_contain_text("Ada's lab")
    expect(Pane(ada, "destination").here.get_by_role("heading", level=2)).to_contain_text("Commons")


def test_folders_open_and_back_leads_back(ada: Page, local_globus: LocalGlobusProcess, bench: Path) -> None:
    (bench / "outer" / "inner").mkdir(parents=True)
    (bench / "outer" / "inner" / "deep.txt").touch()
    pane = Pane(ada, "origin")
    ada.goto(link_to(local_globus, origin=bench))
    pane.open("outer")
    pane.open("inner")
    expect(pane.row("deep.txt")).to_be_visible()

    ada.go_back()
    expect(pane.row("inner")).to_be_visible()
    ada.reload()
    expect(pane.row("inner")).to_be_visible()
    pane.press("Up")
    expect(pane.row("outer")).to_be_visible()
    pane.here.get_by_label("Path").fill(f"/{bench.name}/outer/inner")
    pane.here.get_by_role("button", name="Go").click()
    expect(pane.row("deep.txt")).to_be_visible()


def test_a_folder_without_a_rule_is_not_listed_and_says_what_to_do(
    ada: Page, local_globus: LocalGlobusProcess, inbox: Path
) -> None:
    secret = local_globus.commons / "of somebody else"
    secret.mkdir(exist_ok=True)
    (secret / "secret.txt").touch()
    ada.goto(link_to(local_globus, origin=secret))

    problem = Pane(ada, "origin").here.get_by_role("alert").filter(has_text="You may not open")
    expect(problem).to_contain_text("ada@example.org (linked with ada@home.example)")
    expect(ada.get_by_text("secret.txt")).to_have_count(0)
    check_accessibility(ada)
    ada.get_by_role("link", name=f"/{inbox.name}/").click()
    expect(Pane(ada, "origin").here).to_contain_text("This folder is empty")


def test_a_stranger_sees_nothing_of_a_folder_that_is_shared_with_another(
    page: Page, local_globus: LocalGlobusProcess, inbox: Path
) -> None:
    (inbox / "for ada only.txt").touch()
    sign_in(page, local_globus, "bob@example.org")
    page.goto(link_to(local_globus, origin=inbox))

    expect(page.get_by_text("You are signed in as bob@example.org")).to_be_visible()
    expect(page.get_by_text("for ada only.txt")).to_have_count(0)
    expect(page.get_by_text("Open to you in this collection")).to_have_count(0)


def test_a_folder_that_is_gone_and_a_file_are_explained(
    ada: Page, local_globus: LocalGlobusProcess, bench: Path
) -> None:
    (bench / "file.txt").touch()
    ada.goto(link_to(local_globus, origin=bench / "gone"))
    expect(ada.get_by_role("alert")).to_contain_text(["There is no folder"])
    ada.goto(link_to(local_globus, origin=bench / "file.txt"))
    expect(ada.get_by_text("is a file")).to_be_visible()
    ada.goto(f"{local_globus.url}/file-manager?origin_id={COMMONS[:-1]}9")
    expect(ada.get_by_text("There is no such collection here for you")).to_be_visible()


def test_hostile_names_are_shown_and_can_be_downloaded(
    ada: Page, local_globus: LocalGlobusProcess, bench: Path
) -> None:
    for name in HOSTILE_NAMES:
        Path(os.fsdecode(os.fsencode(bench) + b"/" + name)).write_bytes(b"the content of " + name)
    (bench / "two\nlines.txt").touch()
    pane = Pane(ada, "origin")
    ada.goto(link_to(local_globus, origin=bench))

    assert sorted(pane.names) == sorted([*HOSTILE_NAMES.values(), r"two\nlines.txt"])
    check_accessibility(ada)
    for name, shown in HOSTILE_NAMES.items():
        with ada.expect_download() as started:
            pane.row(shown).get_by_role("link").click()
        assert started.value.path().read_bytes() == b"the content of " + name


def test_folders_with_hostile_names_open_and_reload(ada: Page, local_globus: LocalGlobusProcess, bench: Path) -> None:
    pane = Pane(ada, "origin")
    inner = bench
    for name in HOSTILE_NAMES:
        inner = Path(os.fsdecode(os.fsencode(inner) + b"/" + name))
        inner.mkdir()
    (inner / "inside.txt").touch()
    ada.goto(link_to(local_globus, origin=bench))
    for shown in HOSTILE_NAMES.values():
        pane.open(shown)
        expect(pane.row(shown)).to_have_count(0)
    expect(pane.row("inside.txt")).to_be_visible()
    ada.reload()
    expect(pane.row("inside.txt")).to_be_visible()


def test_a_path_of_four_thousand_bytes_opens(ada: Page, local_globus: LocalGlobusProcess, bench: Path) -> None:
    name = "д" * 120
    deepest = bench
    folder = os.open(bench, os.O_RDONLY)
    while len(os.fsencode(deepest.relative_to(local_globus.lab))) < 3_700:
        os.mkdir(name, dir_fd=folder)
        inner = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder, deepest = inner, deepest / name
    os.close(os.open("bottom.txt", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    ada.goto(link_to(local_globus, origin=deepest, destination=deepest))

    expect(Pane(ada, "origin").row("bottom.txt")).to_be_visible()
    Pane(ada, "destination").press("Up")
    expect(Pane(ada, "destination").row(name)).to_be_visible()


def test_a_large_folder_comes_page_by_page_in_any_order(
    ada: Page, local_globus: LocalGlobusProcess, bench: Path
) -> None:
    for number in range(300):
        (bench / f"{number:03}.dat").write_bytes(b"x" * (300 - number))
    pane = Pane(ada, "origin")
    ada.goto(link_to(local_globus, origin=bench))
    expect(pane.here).to_contain_text("1 to 250 of 300 entries")
    pane.here.get_by_role("link", name="Next").click()
    expect(pane.row("299.dat")).to_be_visible()

    pane.here.get_by_role("link", name="Size").click()
    expect(pane.here.get_by_role("columnheader", name="Size")).to_have_attribute("aria-sort", "ascending")
    assert pane.names[0] == "299.dat"
    pane.here.get_by_role("link", name="Size").click()
    expect(pane.here.get_by_role("columnheader", name="Size")).to_have_attribute("aria-sort", "descending")
    assert pane.names[0] == "000.dat"


def test_folders_are_made_and_entries_renamed(ada: Page, local_globus: LocalGlobusProcess, bench: Path) -> None:
    pane = Pane(ada, "origin")
    ada.goto(link_to(local_globus, origin=bench))
    pane.press("New folder")
    pane.here.get_by_label("Name of the new folder").fill('Über uns & "mehr"')
    ada.keyboard.press("Enter")
    expect(pane.row('Über uns & "mehr"')).to_be_visible()

    pane.select('Über uns & "mehr"')
    pane.press("Rename")
    dialog = ada.get_by_role("dialog")
    dialog.get_by_label("New name").fill("about <us>")
    check_accessibility(ada)
    dialog.get_by_role("button", name="Rename").click()
    expect(pane.row("about <us>")).to_be_visible()
    assert [entry.name for entry in bench.iterdir()] == ["about <us>"]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_every_page_is_accessible_and_fits(
    ada: Page, local_globus: LocalGlobusProcess, inbox: Path, scheme: str, width: int
) -> None:
    (inbox / "a file.txt").touch()
    ada.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    ada.set_viewport_size({"width": width, "height": 844})
    for address in (
        link_to(local_globus, origin=local_globus.lab, destination=inbox),
        f"{local_globus.url}/activity",
        f"{local_globus.url}/collections",
        f"{local_globus.url}/collections/{COMMONS}",
        f"{local_globus.url}/account",
    ):
        ada.goto(address)
        check_accessibility(ada)
        assert ada.evaluate("document.documentElement.scrollWidth") <= width, address
