"""One pane of the file manager as a template needs it: listing, links, or the reason why there is no listing.

Access is judged by `transfer.files` alone; its refusal is put into a person's words here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from globus_local.auth.callers import Caller
from globus_local.errors import TransferError
from globus_local.transfer import files
from globus_local.transfer.endpoints import Collection
from globus_local.transfer.paths import parse_path, to_text
from globus_local.webapp import wording
from globus_local.webapp.locations import Side, Spot, View
from globus_local.webapp.names import encode, plain
from globus_local.world import LocalGlobus

ROWS_PER_PAGE: Final = 250
WAYS_IN: Final = 20

_ORDER: Final = {"name": "name", "size": "size", "modified": "last_modified"}
_COLUMNS: Final = (("name", "Name"), ("size", "Size"), ("modified", "Changed"))
_KIND_WORDS: Final = {
    "dir": "Folder",
    "file": "File",
    "invalid_symlink": "Link that leads nowhere here",
    "chr": "Device",
    "blk": "Device",
    "pipe": "Pipe",
    "other": "Socket or other special file",
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why something cannot be shown, and what to do next."""

    title: str
    next_step: str
    icon: str = "exclamation-triangle"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a listing. `key` is the name for forms, `label` for speech; `url` is None if nothing opens."""

    name: str
    key: str
    label: str
    kind: str
    kind_word: str
    size: str
    modified_at: datetime
    url: str | None


@dataclass(frozen=True, kw_only=True)
class Column:
    key: str
    title: str
    url: str
    order: str | None  # as in aria-sort


@dataclass(frozen=True, kw_only=True)
class Pane:
    """What one pane shows. Without `collection` nothing is chosen, or `problem` says why it cannot be opened."""

    side: Side
    spot: Spot
    choose_url: str
    here_url: str
    root_url: str = ""
    up_url: str | None = None
    collection: Collection | None = None
    problem: Problem | None = None
    open_to_you: list[tuple[str, str]] = field(default_factory=list)  # (path, url), when the spot is not
    may_write: bool = False
    upload_url: str = ""
    trail: list[tuple[str, str]] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    summary: str = ""
    pages: int = 1
    previous_url: str | None = None
    next_url: str | None = None


def data_path(collection: Collection, path: str) -> str:
    """Where a file's bytes are read and written over HTTP, on this host."""
    return f"/collections-data/{collection.id}{encode(path)}"


def build_pane(world: LocalGlobus, caller: Caller, *, view: View, side: Side) -> Pane:
    """Open the pane's spot for the caller. Whatever forbids it is the pane's `problem`, never an exception."""
    spot = view.spot(side)
    pane = Pane(
        side=side,
        spot=spot,
        choose_url=view.url("/file-manager/choose", side=side),
        here_url=view.url(),
    )
    if spot.collection_id is None:
        return pane
    try:
        collection = world.collections.visible(caller, spot.collection_id)
    except TransferError:
        return replace(pane, problem=_unknown_collection(spot.collection_id))
    pane = _with_links(replace(pane, collection=collection), view)
    try:
        listing = files.list_directory(
            world,
            caller,
            collection,
            spot.path,
            orderby=_order(spot.sort),
            limit=ROWS_PER_PAGE,
            offset=(spot.page - 1) * ROWS_PER_PAGE,
        )
    except TransferError as error:
        problem = explain(world, caller, collection, spot.path, error)
        spots = open_to(world, caller, collection) if error.http_status == 403 else []
        ways_in = [(each.path, view.with_spot(side, each).url()) for each in spots]
        return replace(pane, problem=problem, open_to_you=ways_in)
    return _with_listing(world, caller, pane, view, listing)


def explain(world: LocalGlobus, caller: Caller, collection: Collection, path: str, error: TransferError) -> Problem:
    """What a refusal means to the person who is signed in."""
    where = f"{plain(path)} on {plain(collection.display_name)}"
    if error.http_status == 403:
        return Problem(
            title=f"You may not open {where}",
            next_step=f"You are signed in as {_identities(world, caller)}, and no access rule of this collection"
            " lets that identity in here. Open the folder that was shared with you by its own link, ask whoever"
            " shared it, or sign in with the identity that it was shared with.",
            icon="lock",
        )
    if error.http_status == 404:
        return Problem(
            title=f"There is no folder {where}",
            next_step="It may have been renamed or deleted. Go up and look for it.",
        )
    if error.code.endswith("NotDirectory"):
        return Problem(title=f"{where} is a file", next_step="Go up to its folder to download it.")
    return Problem(title=f"{where} cannot be opened", next_step=error.message)


def _identities(world: LocalGlobus, caller: Caller) -> str:
    others = (each for each in world.identities.members_of(caller.identity_id) if not each.is_client)
    linked = [each.username for each in others if each.id != caller.identity_id]
    return f"{caller.username} (linked with {', '.join(linked)})" if linked else caller.username


def _unknown_collection(collection_id: str) -> Problem:
    return Problem(
        title="There is no such collection here for you",
        next_step=f"No collection has the id {plain(collection_id)}. Check the link, or choose one by name.",
    )


def open_to(world: LocalGlobus, caller: Caller, collection: Collection) -> list[Spot]:
    """The folders that access rules open to this very person: where she may have meant to go."""
    paths = {
        rule.path.raw_folder
        for rule in world.rules.all_of(collection)
        if rule.principal_type == "identity" and rule.principal in caller.identity_set
    }
    return [Spot(collection_id=collection.id, path=to_text(path)) for path in sorted(paths)[:WAYS_IN]]


def _with_links(pane: Pane, view: View) -> Pane:
    def url(spot: Spot) -> str:
        return view.with_spot(pane.side, spot).url()

    parent = pane.spot.parent
    return replace(
        pane,
        root_url=url(replace(pane.spot, path="/", page=1)),
        up_url=url(parent) if parent else None,
        trail=[(name, url(spot)) for name, spot in pane.spot.trail],
        columns=[_column(pane.spot, key, title, url(pane.spot.sorted_by(key))) for key, title in _COLUMNS],
    )


def _with_listing(world: LocalGlobus, caller: Caller, pane: Pane, view: View, listing: files.Listing) -> Pane:
    assert pane.collection is not None  # noqa: S101 (for the type checker)
    spot, collection = pane.spot, pane.collection
    pages = max(1, -(-listing.total // ROWS_PER_PAGE))

    def page_url(page: int) -> str | None:
        turned = view.with_spot(pane.side, replace(spot, page=page))
        return turned.url() if 1 <= page <= pages and page != spot.page else None

    return replace(
        pane,
        may_write=world.rules.allows(caller.identity_set, collection, parse_path(spot.path), "rw"),
        upload_url=data_path(collection, spot.path),
        rows=[_row(entry, pane, view) for entry in listing.entries],
        summary=_summary(listing, spot.page),
        pages=pages,
        previous_url=page_url(min(spot.page - 1, pages)),
        next_url=page_url(spot.page + 1),
    )


def _row(entry: files.Entry, pane: Pane, view: View) -> Row:
    url = None
    if entry.kind == "dir":
        url = view.with_spot(pane.side, pane.spot.into(entry.name)).url()
    elif entry.kind == "file" and pane.collection is not None:
        url = data_path(pane.collection, pane.spot.path + entry.name) + "?download"
    return Row(
        name=entry.name,
        key=encode(entry.name),
        label=plain(entry.name),
        kind=entry.kind,
        kind_word=_KIND_WORDS.get(entry.kind, entry.kind),
        size=wording.size(entry.size_bytes) if entry.kind == "file" else "",
        modified_at=entry.modified_at,
        url=url,
    )


def _column(spot: Spot, key: str, title: str, url: str) -> Column:
    order = {key: "ascending", f"-{key}": "descending"}.get(spot.sort)
    return Column(key=key, title=title, url=url, order=order)


def _order(sort: str) -> str:
    """Globus's `orderby` of a sort key; folders come first in every order."""
    direction = "DESC" if sort.startswith("-") else "ASC"
    return f"type ASC,{_ORDER[sort.removeprefix('-')]} {direction}"


def _summary(listing: files.Listing, page: int) -> str:
    if not listing.total:
        return ""
    first = (page - 1) * ROWS_PER_PAGE + 1
    last = first + len(listing.entries) - 1
    if listing.total > ROWS_PER_PAGE and listing.entries:
        return f"{first:,} to {last:,} of {wording.count(listing.total, 'entry', 'entries')}"
    return wording.count(listing.total, "entry", "entries")
