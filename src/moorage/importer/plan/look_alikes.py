"""Names of one folder that differ only in case or normal form: both are imported, with a warning.

A folder is seen in parts, and the first of two twins may have been written down by the time the second is seen.
"""

from typing import Final, NamedTuple

from moorage.files.paths import path_key
from moorage.importer.words import paths
from moorage.storage.walk import PART_ENTRIES, FolderPart, FoundKind

MOST_NAMES: Final = 100_000  # of one folder that are compared with each other: they are kept in memory meanwhile


class _Seen(NamedTuple):
    """The first name of its kind. Entries of a part that is over are written; a folder's not before it is entered."""

    part: int
    path: bytes
    is_folder: bool


class Twins:
    """What is known of the folder that is walked through. `written` has the keys of entries whose twin came later."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self._folder: bytes | None = None
        self._part = 0
        self._seen: dict[bytes, _Seen] = {}  # of that folder, by folded name
        self._waiting: set[bytes] = set()  # paths that look like another, and have no entry yet

    @property
    def wait(self) -> bool:
        """Whether a path that comes may have been found to look like another."""
        return bool(self._waiting)

    def take(self, path: bytes) -> bool:
        """Whether a path looks like another; asked once, when it gets its entry."""
        if path not in self._waiting:
            return False
        self._waiting.discard(path)
        return True

    def look_through(self, part: FolderPart) -> bool:
        """Note the names of a part that look like another of the folder, and those others; whether there are any."""
        if part.path != self._folder:
            self._folder, self._seen = part.path, {}
        self._part += 1
        prefix = len(part.path) + 1 if part.path else 0
        names = [(name, False) for name in part.names]
        names += [(one.path[prefix:], one.kind is FoundKind.DIRECTORY) for one in part.found]
        folded = {paths.folded(name) for name, _ in names}
        is_whole = len(names) < PART_ENTRIES and not self._seen
        if is_whole and len(folded) == len(names):
            return False
        return self._compare(part.path + b"/" if part.path else b"", names)

    def _compare(self, prefix: bytes, names: list[tuple[bytes, bool]]) -> bool:
        some = False
        for name, is_folder in names:
            folded = paths.folded(name)
            if len(self._seen) >= MOST_NAMES and folded not in self._seen:
                continue
            this = _Seen(self._part, prefix + name, is_folder)
            first = self._seen.setdefault(folded, this)
            if first is this:
                continue
            some = True
            self._waiting.add(this.path)
            if first.part == self._part or first.is_folder:
                self._waiting.add(first.path)
            else:
                self.written.append(path_key(first.path))
        return some
