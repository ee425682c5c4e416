"""What the file manager shows, as a value that is read from a URL and written to one: two spots, and panes.

The URL is the whole state, so reload, back and a shared link show the same. Nothing here asks whether a
collection or path exists.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from globus_local.webapp.names import encode

Side = Literal["origin", "destination"]
SIDES: Final[tuple[Side, Side]] = ("origin", "destination")
SORT_KEYS: Final = ("name", "size", "modified")
PAGE: Final = "/file-manager"


@dataclass(frozen=True)
class Spot:
    """A folder of a collection, and how its listing is shown. `sort` is a key, with "-" for descending."""

    collection_id: str | None = None
    path: str = "/"
    sort: str = "name"
    page: int = 1

    def into(self, name: str) -> Spot:
        """The folder `name` in this one."""
        return replace(self, path=f"{self.path}{name}/", page=1)

    @property
    def parent(self) -> Spot | None:
        """One folder up, or None at the top of the collection."""
        if self.path == "/":
            return None
        return replace(self, path=folder_path(posixpath.dirname(self.path.rstrip("/"))), page=1)

    @property
    def trail(self) -> list[tuple[str, Spot]]:
        """(name, spot) of each folder from below the top down to this one."""
        steps: list[tuple[str, Spot]] = []
        path = "/"
        for name in self.path.strip("/").split("/") if self.path != "/" else []:
            path = f"{path}{name}/"
            steps.append((name, replace(self, path=path, page=1)))
        return steps

    def sorted_by(self, key: str) -> Spot:
        """The same folder ordered by `key`; asked twice, the other way round."""
        return replace(self, sort=f"-{key}" if self.sort == key else key, page=1)


@dataclass(frozen=True)
class View:
    """What both panes show. A pane that is not shown keeps its spot for when it is shown again."""

    origin: Spot = Spot()
    destination: Spot = Spot()
    two_pane: bool = False

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that are on the page."""
        return SIDES if self.two_pane else ("origin",)

    def spot(self, side: Side) -> Spot:
        return self.origin if side == "origin" else self.destination

    def with_spot(self, side: Side, spot: Spot) -> View:
        return replace(self, origin=spot) if side == "origin" else replace(self, destination=spot)

    def url(self, page: str = PAGE, **further: str) -> str:
        """The address of this view on `page`, with further parameters."""
        pairs = [*self.pairs, *further.items()]
        return f"{page}?" + "&".join(f"{key}={encode(value)}" for key, value in pairs)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The URL parameters of this view."""
        values: list[tuple[str, str]] = []
        for side in SIDES:
            spot = self.spot(side)
            if spot.collection_id is not None:
                values += [(f"{side}_id", spot.collection_id), (f"{side}_path", spot.path)]
            if spot.sort != "name":
                values.append((f"{side}_sort", spot.sort))
            if spot.page != 1:
                values.append((f"{side}_page", str(spot.page)))
        values.append(("two_pane", "true" if self.two_pane else "false"))
        return values


def read_view(values: Mapping[str, str]) -> View:
    """The view that URL parameters ask for. What they leave out or say wrongly has a sensible default.

    A link with only a destination, as portals make, opens two panes: a person brings something there.
    """
    origin, destination = (_read_spot(values, side) for side in SIDES)
    asked = values.get("two_pane", "").lower()
    two_pane = asked in {"true", "1"} if asked else destination.collection_id is not None
    if destination.collection_id is not None and origin.collection_id is None:
        two_pane = True  # one pane alone is the origin's, and the link's place must be seen
    return View(origin=origin, destination=destination, two_pane=two_pane)


def folder_path(path: str) -> str:
    """A path as a folder from the top of its collection: `~`, `.`, `..` and doubled slashes are resolved."""
    home, slash, rest = path.lstrip("/").partition("/")
    if home == "~":
        path = slash + rest
    inside = posixpath.normpath("/" + path.lstrip("/")).lstrip("/")
    return f"/{inside}/" if inside else "/"


def _read_spot(values: Mapping[str, str], side: Side) -> Spot:
    collection_id = values.get(f"{side}_id", "").strip() or None
    sort = values.get(f"{side}_sort", "name")
    page = values.get(f"{side}_page", "1")
    return Spot(
        collection_id=collection_id,
        path=folder_path(values.get(f"{side}_path", "/")),
        sort=sort if sort.removeprefix("-") in SORT_KEYS else "name",
        page=int(page) if page.isascii() and page.isdigit() and 0 < int(page) < 1_000_000 else 1,
    )
