"""Questions to the manifest: entries by page. What a page or a route shows is made of these."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from moorage.importer.ledger.runs import published_runs
from moorage.importer.models import ManifestEntry
from moorage.importer.words import paths
from moorage.importer.words.included import warning_text
from moorage.importer.words.reasons import INCLUDED_ALTHOUGH_DOUBTFUL
from moorage.importer.words.verdicts import GOOD, Compared, EntryState, Verdict


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
    warning_text: str
    size_bytes: int
    digest: str
    revision: int | None
    compared: str


@dataclass(frozen=True)
class EntryPage:
    """Some entries in the order of the manifest. `next` is the number to go on after; None at the end."""

    items: tuple[EntryItem, ...]
    next: int | None


def entries_page(
    upload_id: UUID,
    *,
    verdict: str = "",
    state: str = "",
    compared: str = "",
    warning: str = "",
    run: int | None = None,
    after: int = -1,
    limit: int = 100,
) -> EntryPage:
    """A page of an upload's manifest. Takes the same time wherever the page lies.

    `run`: only what that run saw last. What it has published stays so. Where few entries are of a `run`, were
    `compared` so, or have that `warning`, the manifest is read on until a page is full.
    """
    entries = ManifestEntry.objects.filter(upload_id=upload_id, number__gt=after).order_by("number")
    if run is not None:
        entries = entries.filter(run=run)
    if verdict:
        entries = (entries if verdict == Verdict.NEW else entries.not_new()).filter(verdict=verdict)
    if compared:
        entries = entries.filter(compared=compared)
    if warning:
        entries = entries.filter(warning=warning)
    if warning == INCLUDED_ALTHOUGH_DOUBTFUL:
        # Those of which it is told, and the run has counted.
        entries = entries.exclude(~Q(compared=Compared.DIFFERS), verdict=Verdict.IDENTICAL)
    published = published_runs(upload_id)
    if state:
        has_place = state in {EntryState.PLACED, EntryState.REGISTERED}
        entries = (entries if has_place else entries.without_place()).filter(_in_state(state, published))
    found = list(entries[: limit + 1])
    items = tuple(_item(entry, published) for entry in found[:limit])
    return EntryPage(items, items[-1].number if len(found) > limit else None)


def _in_state(state: str, published: Mapping[int, int]) -> Q:
    is_registered = Q(state=EntryState.PLACED, run__in=list(published), verdict__in=GOOD)
    if state == EntryState.REGISTERED:
        return is_registered
    return Q(state=EntryState.PLACED) & ~is_registered if state == EntryState.PLACED else Q(state=state)


def _item(entry: ManifestEntry, published: Mapping[int, int]) -> EntryItem:
    path = bytes(entry.path)
    is_registered = entry.state == EntryState.PLACED and entry.run in published and entry.verdict in GOOD
    warning = warning_text(entry.warning, verdict=entry.verdict, compared=entry.compared)
    text = paths.printable(path)
    return EntryItem(
        number=entry.number,
        path=text,
        path_base64="" if text.encode() == path else b64encode(path).decode(),
        kind=entry.kind,
        verdict=entry.verdict,
        state=EntryState.REGISTERED.value if is_registered else entry.state,
        reason=entry.reason,
        reason_text=entry.reason_text,
        warning=entry.warning,
        warning_text=warning if is_registered else "",
        size_bytes=entry.size_bytes,
        digest=entry.digest,
        revision=published[entry.run] if is_registered else None,
        compared=entry.compared,
    )
