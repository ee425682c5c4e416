"""The file manager of a local Globus as journeys use it: signing in, links, panes, rows, drops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from playwright.sync_api import Locator, Page

from local_globus import COMMONS, LAB, PASSWORD, LocalGlobusProcess


def sign_in(page: Page, service: LocalGlobusProcess, username: str = "ada@example.org") -> None:
    """Open the web app and sign in as a person would."""
    page.goto(service.url + "/")
    fill_in_sign_in(page, username)
    page.get_by_role("heading", name="File manager").wait_for()


def fill_in_sign_in(page: Page, username: str = "ada@example.org") -> None:
    """Give username and password on the sign-in page that is open."""
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def link_to(service: LocalGlobusProcess, *, origin: Path | None = None, destination: Path | None = None) -> str:
    """The file manager's address for these folders of LAB and COMMONS, as a portal would link to it."""
    values: dict[str, str] = {}
    for side, folder in (("origin", origin), ("destination", destination)):
        if folder is None:
            continue
        in_lab = folder.is_relative_to(service.lab)
        inside = folder.relative_to(service.lab if in_lab else service.commons).as_posix()
        values[f"{side}_id"] = LAB if in_lab else COMMONS
        values[f"{side}_path"] = "/" if inside == "." else f"/{inside}/"
    return f"{service.url}/file-manager?{urlencode(values, quote_via=quote)}"


def upload_line(page: Page, name: str) -> Locator:
    """The line of the uploads panel that speaks of a name or a state."""
    return page.get_by_role("region", name="Uploads").get_by_role("listitem").filter(has_text=name)


@dataclass(frozen=True)
class Pane:
    """One pane of the page: "origin" is the left one."""

    page: Page
    side: str

    @property
    def here(self) -> Locator:
        return self.page.locator(f"#pane-{self.side}")

    @property
    def names(self) -> list[str]:
        """The names that are listed, as they are shown."""
        return self.here.locator("tbody .file-name").all_inner_texts()

    def row(self, name: str) -> Locator:
        """The line of a name, as it is shown."""
        return self.here.get_by_role("row").filter(has=self.page.get_by_label(f"Select {name}", exact=True))

    def select(self, *names: str) -> None:
        for name in names:
            self.here.get_by_label(f"Select {name}", exact=True).check()

    def open(self, name: str) -> None:
        """Go into a folder."""
        self.row(name).get_by_role("link").click()
        self.here.get_by_role("heading", level=2).wait_for()

    def press(self, name: str) -> None:
        """Press a button of this pane's toolbar."""
        self.here.locator(".toolbar > .btn, .toolbar > details > summary").get_by_text(name, exact=True).click()

    def drop(self, paths: Sequence[Path]) -> None:
        """Drop files and folders of this machine onto the list, as the system's file manager does."""
        listing = self.here.locator("[data-listing]")
        listing.scroll_into_view_if_needed()
        box = listing.bounding_box()
        assert box is not None
        devtools = self.page.context.new_cdp_session(self.page)
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + min(box["height"] / 2, 150)}
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            devtools.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})
        devtools.detach()
