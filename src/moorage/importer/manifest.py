"""Questions to the manifest: entries by page. What a page or a route shows is made of these."""

from base64 import b64encode
from dataclasses import dataclass
from uuid import UUID

from moorage.importer import paths
from moorage.importer.models import ManifestEntry


@dataclass(frozen=True)
class EntryItem:
    """An entry as people and scripts see it. `path_base64` is empty where `path` is the path exactly."""

    number: int
    path: str
    path_base64: str
    kind: str
    verdict: str
    state: str
    reason: str
    reason_text: str
    warning: str
    size_bytes: int
    digest: str
    revision: int | None


@dataclass(frozen=True)
class EntryPage:
    """Some entries in the order of the manifest. `next` is the number to go on after; None at the end."""

    items: tuple[EntryItem, ...]
    next: int | None


def entries_page(
    upload_id: UUID, *, verdict: str = "", state: str = "", after: int = -1, limit: int = 100
) -> EntryPage:
    """A page of an upload's manifest. Takes the same time wherever the page lies."""
    entries = ManifestEntry.objects.filter(upload_id=upload_id, number__gt=after).order_by("number")
    if verdict:
        entries = entries.filter(verdict=verdict)
    if state:
        entries = entries.filter(state=state)
    found = list(entries[: limit + 1])
    items = tuple(_item(entry) for entry in found[:limit])
    return EntryPage(items, items[-1].number if len(found) > limit else None)


def _item(entry: ManifestEntry) -> EntryItem:
    path = bytes(entry.path)
    text = paths.printable(path)
    return EntryItem(
        number=entry.number,
        path=text,
        path_base64="" if text.encode() == path else b64encode(path).decode(),
        kind=entry.kind,
        verdict=entry.verdict,
        state=entry.state,
        reason=entry.reason,
        reason_text=entry.reason_text,
        warning=entry.warning,
        size_bytes=entry.size_bytes,
        digest=entry.digest,
        revision=entry.registered_revision,
    )
