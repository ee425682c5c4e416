"""What lists of digests say of staged files, and whether they are as those say."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from moorage.importer.ledger.entries import Entry
from moorage.importer.lists.kept import lists_of
from moorage.importer.lists.parsing import FoundList, source_of
from moorage.importer.models import ExpectedFile
from moorage.importer.words.verdicts import Compared, EntryKind, EntryState

KEYS_PER_QUERY: Final = 500
_FILE: Final = EntryKind.FILE.value
_DIGESTS: Final = ("algorithm", "digest", "other_algorithm", "other_digest")


class Listed(NamedTuple):
    """What lists say of a file: its size if they do, and its digests, each with hashlib's name."""

    size_bytes: int | None
    digests: tuple[tuple[str, str], ...]


class Expectations:
    """The lists that came along with an upload, as they were when a scan began."""

    def __init__(self, upload_id: UUID) -> None:
        self._upload_id = upload_id
        self._sources = set(lists_of(upload_id).values_list("source", flat=True))
        # What else a bag has is not in its manifest.
        self._folders = {FoundList(source.encode(), "").folder for source in self._sources}

    def __bool__(self) -> bool:
        return bool(self._sources)

    def of(self, entries: Sequence[Entry]) -> Mapping[bytes, Listed]:
        """What the lists say of these entries, by their keys."""
        if not self._sources:
            return {}
        keys = [entry.key for entry in entries if entry.kind == _FILE]
        found: dict[bytes, Listed] = {}
        for start in range(0, len(keys), KEYS_PER_QUERY):
            rows = ExpectedFile.objects.filter(
                upload_id=self._upload_id, path_digest__in=keys[start : start + KEYS_PER_QUERY]
            )
            for key, size, *said in rows.values_list("path_digest", "size_bytes", *_DIGESTS):
                found[bytes(key)] = Listed(
                    size, tuple(pair for pair in zip(said[::2], said[1::2], strict=True) if pair[1])
                )
        return found

    def compare(self, entry: Entry, listed: Mapping[bytes, Listed]) -> None:
        """Say of an entry whether it is as the lists say, as far as that is known before its bytes are read."""
        if not self._sources or entry.kind != _FILE:
            return
        expected = listed.get(entry.key)
        if expected is None:
            # A list does not name itself.
            is_meant = any(is_below(entry.path, one) for one in self._folders)
            is_extra = is_meant and source_of(entry.path) not in self._sources
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


def is_below(path: bytes, folder: bytes) -> bool:
    """Whether a path lies in a folder; everything lies in the first one."""
    return not folder or path.startswith(folder + b"/")
