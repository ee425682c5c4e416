"""What lists of digests say of staged files, and whether they are as those say."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from moorage.importer.ledger.entries import Entry
from moorage.importer.lists.kept import lists_of, rows_of
from moorage.importer.lists.overlaps import Said, said_of
from moorage.importer.lists.parsing import FoundList, found_lists
from moorage.importer.words.verdicts import Compared, EntryKind, EntryState

_FILE: Final = EntryKind.FILE.value
_ITSELF: Final = Said(None, "", "")  # what is said of a list that no list names


class Expectations:
    """The lists that came along with an upload, as they were when a scan began. None of them is held in memory."""

    def __init__(self, upload_id: UUID) -> None:
        self._upload_id = upload_id
        self._folders = _folders(upload_id)

    def __bool__(self) -> bool:
        return bool(self._folders)

    def of(self, entries: Sequence[Entry]) -> Mapping[bytes, Said]:
        """What the lists say of these entries, by their keys."""
        if not self._folders:
            return {}
        files = [entry for entry in entries if entry.kind == _FILE]
        said = said_of(rows_of(self._upload_id), [entry.key for entry in files])
        return {**self._lists_among(files), **said}

    def _lists_among(self, files: Sequence[Entry]) -> dict[bytes, Said]:
        at_top = {entry.path: entry.key for entry in files if b"/" not in entry.path}
        places = {one.place: at_top[one.name] for one in found_lists(at_top)}
        whole = lists_of(self._upload_id).filter(place__in=list(places)).values_list("place", flat=True)
        return {places[bytes(place)]: _ITSELF for place in whole}

    def compare(self, entry: Entry, listed: Mapping[bytes, Said]) -> None:
        """Say of an entry whether it is as the lists say, as far as that is known before its bytes are read."""
        if not self._folders or entry.kind != _FILE:
            return
        expected = listed.get(entry.key)
        if expected is None or expected is _ITSELF:
            is_extra = expected is None and any(is_below(entry.path, one) for one in self._folders)
            entry.compared = Compared.EXTRA.value if is_extra else ""
            return
        entry.listed = None
        sha256 = dict(expected.digests).get("sha256", "")
        if expected.size_bytes not in {None, entry.size_bytes} or (entry.digest and sha256 not in {"", entry.digest}):
            entry.compared = Compared.DIFFERS.value
        elif not expected.digests or (entry.digest and sha256 and len(expected.digests) == 1):
            entry.compared = Compared.MATCHES.value
        else:
            entry.listed = expected.digests
            if entry.state == EntryState.PLACED:
                # Its bytes must be read again: what is known of them is a digest of another kind.
                entry.state, entry.object_id = EntryState.DIGESTED.value, None


def _folders(upload_id: UUID) -> frozenset[bytes]:
    """The folders whose files the lists mean to name all of. What else a bag has is not in its manifest."""
    lists = lists_of(upload_id).order_by()
    if not lists.exists():
        return frozenset()
    maybe_of_bags = lists.filter(source__istartswith="manifest-").values_list("source", flat=True)
    folders = {FoundList(source.encode(), "").folder for source in maybe_of_bags.iterator()}
    if lists.exclude(source__istartswith="manifest-").exists():
        folders.add(b"")
    return frozenset(folders)


def is_below(path: bytes, folder: bytes) -> bool:
    """Whether a path lies in a folder; everything lies in the first one."""
    return not folder or path.startswith(folder + b"/")
