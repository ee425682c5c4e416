"""Files of folders that a walk comes to soon, looked up for many folders at a time: a query for each takes longer."""

from collections.abc import Iterable
from typing import Any, Final

from moorage.importer.ledger.bulk import rows_of

MOST_FILES: Final = 4000  # that are looked up together, and remembered
MOST_FOLDERS: Final = 100
EXPECTED_FOLDERS: Final = 4096

_FILES: Final = """
    SELECT v.directory_id, v.name, v.object_id, o.digest, o.state, o.modified_ns
    FROM files_fileversion v JOIN files_storedobject o ON o.id = v.object_id
    WHERE v.directory_id {one_of} AND v.since <= %s AND (v.until IS NULL OR v.until > %s)
"""

FileRow = tuple[str, int, Any, str, int]  # name, object's number, its digest, state and time of modification


class FilesAhead:
    """What stands in folders at one revision. A folder is told by its identity."""

    def __init__(self, revision: int) -> None:
        self._revision = revision
        self._expected: list[tuple[int, int]] = []  # with how many files each has, the next one last
        self._found: dict[int, dict[str, FileRow]] = {}

    def expect(self, folders: Iterable[tuple[int, int]]) -> None:
        """Look these folders up with the next one, which is the last of them. Each with its number of files."""
        self._expected += folders
        del self._expected[:-EXPECTED_FOLDERS]

    def of(self, folder: int, files: int) -> dict[str, FileRow] | None:
        """The files of a folder, by name; None if it has too many of them to be looked up at once."""
        if files > MOST_FILES:
            return None
        if folder not in self._found:
            self._look_up(self._next(folder, files))
        return self._found[folder]

    def _next(self, folder: int, files: int) -> list[int]:
        some = [folder]
        while self._expected and len(some) < MOST_FOLDERS:
            following, count = self._expected.pop()
            if following == folder or count > MOST_FILES:
                continue
            files += count
            if files > MOST_FILES:
                self._expected.append((following, count))
                break
            some.append(following)
        return some

    def _look_up(self, folders: list[int]) -> None:
        # Folders below this one come before those that stand beside it, which are asked for after them.
        if sum(map(len, self._found.values())) > MOST_FILES or len(self._found) > EXPECTED_FOLDERS:
            self._found.clear()
        self._found |= {folder: {} for folder in folders}
        for folder, *row in rows_of(_FILES, [], folders, [self._revision, self._revision]):
            self._found[folder][row[0]] = (row[0], row[1], row[2], row[3], row[4])
