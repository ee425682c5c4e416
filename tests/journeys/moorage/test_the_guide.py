"""The seed's guide, section by section, by hand in a browser: from a member without a Globus account to files.

The headings below are the guide's own.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from browser import check_accessibility
from running_moorage import RunningMoorage

pytestmark = pytest.mark.journey

PASSWORD = "wind-tide-harbour-42"
MINUTE = 60_000


def sign_up(page: Page, moorage: RunningMoorage) -> str:
    """A new member, signed in on the dashboard; returns her e-mail."""
    email = f"member-{uuid.uuid4().hex[:8]}@example.org"
    page.goto(f"{moorage.site}/accounts/signup/")
    check_accessibility(page)
    page.get_by_label("Email").fill(email)
    page.get_by_label("Your name").fill("Maria Micrograph")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    check_accessibility(page)
    return email


def sidebar(page: Page, place: str) -> Locator:
    """A link of the sidebar."""
    return page.get_by_role("navigation", name="Main").get_by_role("link", name=place, exact=True)


def state_of(page: Page) -> Locator:
    """The part of an upload's page that says how it stands."""
    return page.get_by_role("region", name="State")


def in_new_tab(page: Page, link: str) -> Page:
    """Follow a link that opens beside this page."""
    with page.context.expect_page() as opened:
        page.get_by_role("link", name=link).first.click()
    opened.value.wait_for_load_state()
    return opened.value


def create_globus_account(page: Page, email: str) -> None:
    """Section "Using Globus for Uploads": the link on the Account page leads to where one gets an account."""
    sidebar(page, "Account").click()
    check_accessibility(page)
    link = page.get_by_role("link", name="Create one at Globus")
    there = page.context.new_page()
    there.goto(str(link.get_attribute("href")))
    there.get_by_label("E-mail").fill(email)
    there.get_by_label("Name").fill("Maria")
    there.get_by_label("Password", exact=True).fill(PASSWORD)
    there.get_by_label("Password again").fill(PASSWORD)
    there.get_by_role("button", name="Create account").click()
    expect(there.get_by_text(email).first).to_be_visible()
    there.close()


def register_globus_account(page: Page, email: str) -> None:
    """Section "Registering Your Globus Account": type the e-mail address, click Save."""
    page.get_by_label("E-mail address of your Globus account").fill(email)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Is this you?")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text(email).first).to_be_visible()


def create_project(page: Page, name: str) -> None:
    sidebar(page, "Projects").click()
    page.get_by_role("link", name="New project").first.click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name=re.compile("Create")).click()
    expect(page.get_by_role("heading", name="Files")).to_be_visible()
    check_accessibility(page)


def create_upload(page: Page, name: str) -> None:
    """Section "Uploading files": Globus Uploads in the sidebar, a name and an optional description."""
    sidebar(page, "Globus Uploads").click()
    check_accessibility(page)
    expect(page.get_by_text("Room that is left")).to_be_visible()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Description").fill("Scanned on Tuesday")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("link", name="Goto Globus")).to_be_visible(timeout=MINUTE)
    check_accessibility(page)


def upload_in_file_manager(page: Page, files: list[Path]) -> None:
    """Put files from this computer into the folder that Goto Globus opened."""
    page.locator("input[type=file]:not([webkitdirectory])").last.set_input_files(files)
    for file in files:
        expect(page.get_by_text(file.name).first).to_be_visible(timeout=MINUTE)


@pytest.fixture
def micrographs(tmp_path: Path) -> list[Path]:
    files = [tmp_path / f"micrograph {number}.tif" for number in range(3)]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]) * 50_000)
    return files


def test_every_section_of_the_guide_holds(page: Page, moorage: RunningMoorage, micrographs: list[Path]) -> None:
    email = sign_up(page, moorage)
    create_globus_account(page, email)
    register_globus_account(page, email)
    create_project(page, "Tuesday's scans")
    create_upload(page, "Micrographs")
    expect(page.get_by_text(f"Sign in there as {email}")).to_be_visible()

    globus = in_new_tab(page, "Goto Globus")
    upload_in_file_manager(globus, micrographs[:2])

    # "View Outstanding Globus Uploads"
    sidebar(page, "Upload Status").click()
    expect(page.get_by_role("row", name=re.compile("Micrographs"))).to_contain_text("2 files", timeout=MINUTE)
    check_accessibility(page)

    # "Upload additional files"
    again = in_new_tab(page, "Goto Globus")
    upload_in_file_manager(again, micrographs[2:])
    expect(page.get_by_role("row", name=re.compile("Micrographs"))).to_contain_text("3 files", timeout=MINUTE)

    # "Mark upload as done"
    page.get_by_role("link", name="DONE").click()
    expect(page.get_by_role("heading", name="Mark Done")).to_be_visible()
    check_accessibility(page)
    activity = in_new_tab(page, "View Globus Upload Activity")
    expect(activity).to_have_url(re.compile("/activity"))
    activity.close()
    page.get_by_role("button", name="Import now").click()
    expect(state_of(page)).to_contain_text("Imported", timeout=2 * MINUTE)
    check_accessibility(page)

    page.get_by_role("link", name="see the files").click()
    for file in micrographs:
        expect(page.get_by_role("link", name=file.name)).to_be_visible()
    check_accessibility(page)
    page.get_by_role("link", name=micrographs[0].name).click()
    check_accessibility(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).first.click()
    assert Path(download.value.path()).read_bytes() == micrographs[0].read_bytes()


def test_delete_leaves_the_project_as_it_was(page: Page, moorage: RunningMoorage, micrographs: list[Path]) -> None:
    email = sign_up(page, moorage)
    create_globus_account(page, email)
    register_globus_account(page, email)
    create_project(page, "Nothing happened")
    create_upload(page, "Wrong folder")
    globus = in_new_tab(page, "Goto Globus")
    upload_in_file_manager(globus, micrographs)

    sidebar(page, "Upload Status").click()
    expect(page.get_by_role("row", name=re.compile("Wrong folder"))).to_contain_text("3 files", timeout=MINUTE)
    page.get_by_role("link", name="DELETE").click()
    expect(page.get_by_text("What will be deleted")).to_be_visible()
    expect(page.get_by_role("link", name="View Globus Upload Activity")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("button", name="DELETE this upload").click()

    expect(state_of(page)).to_contain_text("Deleted by", timeout=MINUTE)
    check_accessibility(page)
    sidebar(page, "Files").click()
    expect(page.get_by_text("0 files")).to_be_visible()


def test_the_guide_works_without_javascript(browser_without_scripts: BrowserContext, moorage: RunningMoorage) -> None:
    page = browser_without_scripts.new_page()
    demo = moorage.demo
    page.goto(moorage.site)
    page.get_by_label("Email").fill(demo["member"]["email"])
    page.get_by_label("Password").fill(demo["member"]["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Aluminium bronze").click()
    sidebar(page, "Globus Uploads").click()
    page.get_by_label("Name").fill("Without scripts")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("link", name="Goto Globus")).to_be_visible(timeout=MINUTE)
    sidebar(page, "Upload Status").click()
    row = page.get_by_role("row", name=re.compile("Without scripts"))
    row.get_by_role("link", name="DONE").click()
    page.get_by_role("button", name="Import now").click()
    expect(page.get_by_text("Nothing has arrived in this upload yet")).to_be_visible()
    page.go_back()
    page.goto(f"{moorage.site}/projects/{demo['project']}/upload-status/")
    row.get_by_role("link", name="DELETE").click()
    page.get_by_role("button", name="DELETE this upload").click()
    expect(page.get_by_text("Your project is not touched")).to_be_visible()


def test_signing_in_with_globus_makes_an_account_and_links_it(page: Page, moorage: RunningMoorage) -> None:
    page.goto(f"{moorage.site}/accounts/signup/")
    page.get_by_role("button", name="Continue with Globus").click()
    page.get_by_role("link", name="Create an account").click()
    email = f"globus-{uuid.uuid4().hex[:8]}@example.org"
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Name").fill("Gustav Globus")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    allow = page.get_by_role("button", name="Allow")
    expect(allow.or_(page.get_by_role("heading", name="Dashboard"))).to_be_visible()
    if allow.is_visible():
        allow.click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    sidebar(page, "Account").click()
    expect(page.get_by_text("verified")).to_be_visible()


def test_pages_are_legible_in_the_dark_and_on_a_narrow_screen(page: Page, moorage: RunningMoorage) -> None:
    demo = moorage.demo
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(moorage.site)
    page.get_by_label("Email").fill(demo["member"]["email"])
    page.get_by_label("Password").fill(demo["member"]["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    for path in ("files/", "globus-uploads/", "upload-status/", "globus-downloads/", "members/", "settings/"):
        page.goto(f"{moorage.site}/projects/{demo['project']}/{path}")
        check_accessibility(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, f"{path} is {width} pixels wide"
