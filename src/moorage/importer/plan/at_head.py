"""What a project has at the paths of staged files, at one revision: looked up folder by folder, as a walk goes."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from moorage.files.models import Directory, ObjectState
from moorage.importer.batches.plain import AtName
from moorage.importer.ledger.bulk import rows_of
from moorage.importer.plan.files_ahead import FilesAhead
from moorage.importer.plan.judging import AtHead

NAMES_PER_QUERY: Final = 500
FOLDERS_REMEMBERED: Final = 4096
UNCOUNTED: Final = 2**63

_FILES: Final = """
    SELECT v.name, v.object_id, o.digest, o.state, o.modified_ns
    FROM files_fileversion v JOIN files_storedobject o ON o.id = v.object_id
    WHERE v.directory_id = %s AND v.name {one_of} AND v.since <= %s AND (v.until IS NULL OR v.until > %s)
"""
_FOLDERS: Final = """
    SELECT d.name, d.id, (
        SELECT w.file_count FROM files_directoryversion w
        WHERE w.directory_id = d.id AND w.since <= %s AND (w.until IS NULL OR w.until > %s)
    ), EXISTS (SELECT 1 FROM files_directory c WHERE c.parent_id = d.id)
    FROM files_directory d WHERE d.parent_id = %s AND d.name {one_of}
"""


class FolderAtHead(NamedTuple):
    """A folder's path in the project. `id` is its identity, None if it never was a folder; that it has one does not
    mean that it is there now. `blocked_by` is the path of a file that stands there, or above it. Unless it
    `ever_had_folders`, none of its names has to be looked up as one. `files` are in it and below it.
    """

    id: int | None
    is_there: bool
    blocked_by: str = ""
    ever_had_folders: bool = True
    files: int = UNCOUNTED


_NEVER: Final = FolderAtHead(None, is_there=False)


class ProjectAtHead:
    """Looks paths up in a project at one revision."""

    def __init__(self, project_id: UUID, revision: int) -> None:
        self._revision = revision
        root = Directory.objects.filter(project=project_id, parent=None).values_list("pk", flat=True).first()
        self._root = _NEVER if root is None else FolderAtHead(root, is_there=True)
        self._known: dict[str, FolderAtHead] = {}
        self._ahead = FilesAhead(revision)

    def folder(self, path: str) -> FolderAtHead:
        """What stands at a path that a staged path needs as a folder; the empty path is the project's first folder."""
        if not path:
            return self._root
        found = self._known.get(path)
        if found is None:
            # From the nearest that is known, and not by calling itself: a path may have two thousand folders.
            unknown, above = [path], path.rpartition("/")[0]
            while above and above not in self._known:
                unknown.append(above)
                above = above.rpartition("/")[0]
            found = self._known[above] if above else self._root
            for below in reversed(unknown):
                found = self._step(found, below, below.rpartition("/")[2])
        return found

    def learn(self, folder: str, names: Sequence[str]) -> None:
        """Look these names of a folder up together: each is going to be asked for as a folder, the last one first."""
        above = self.folder(folder)
        if above.id is None or above.blocked_by:
            return
        if len(self._known) + len(names) > FOLDERS_REMEMBERED:
            self._known.clear()
        found = self._below(above, folder, names[:FOLDERS_REMEMBERED])
        self._known |= found
        self._ahead.expect([(one.id, one.files) for one in found.values() if one.id is not None])

    def look_up(self, folder: str, names: Sequence[str]) -> dict[str, AtHead]:
        """What stands at these names of a folder, by name; where nothing does, the name is left out."""
        above = self.folder(folder)
        if above.blocked_by:
            return dict.fromkeys(names, AtHead(blocked_by=above.blocked_by))
        if above.id is None:
            return {}
        found: dict[str, AtHead] = {}
        for start in range(0, len(names), NAMES_PER_QUERY):
            some = names[start : start + NAMES_PER_QUERY]
            folders = self._folders(above, some)
            found |= {name: AtHead(is_folder=True) for name, one in folders.items() if one.is_there}
            found |= self._files(above, some)
        return found

    def standing(self, folder: str, names: Sequence[bytes]) -> dict[bytes, AtName] | None:
        """The files that stand at these names of a folder, by name; None where more than that is to be said of one,
        such as a folder that stands there, or an object that is not to be relied on.
        """
        above = self.folder(folder)
        if above.blocked_by:
            return None
        found: dict[bytes, AtName] = {}
        if above.id is None:
            return found
        for start in range(0, len(names), NAMES_PER_QUERY):
            some = [name.decode(errors="replace") for name in names[start : start + NAMES_PER_QUERY]]
            if any(one.is_there for one in self._folders(above, some).values()):
                return None
            for name, object_id, digest, state, modified_ns in self._ahead_or_now(above, some):
                if state != ObjectState.LIVE:
                    return None
                found[name.encode()] = (bytes(digest), object_id, modified_ns)
        return found

    def _step(self, above: FolderAtHead, path: str, name: str) -> FolderAtHead:
        found = self._known.get(path)
        if found is None:
            found = above
            if above.id is not None and not above.blocked_by:
                found = self._below(above, path.rpartition("/")[0], [name])[path]
            if len(self._known) >= FOLDERS_REMEMBERED:
                self._known.clear()
            self._known[path] = found
        return found

    def _below(self, above: FolderAtHead, folder: str, names: Sequence[str]) -> dict[str, FolderAtHead]:
        """What stands at names of a folder that has an identity, each by its path."""
        found: dict[str, FolderAtHead] = {}
        for start in range(0, len(names), NAMES_PER_QUERY):
            some = names[start : start + NAMES_PER_QUERY]
            files, folders = self._files(above, some), self._folders(above, some)
            for name in some:
                path = f"{folder}/{name}" if folder else name
                is_file = FolderAtHead(None, is_there=False, blocked_by=path)
                found[path] = is_file if name in files else folders.get(name, _NEVER)
        return found

    def _files(self, above: FolderAtHead, names: Sequence[str]) -> dict[str, AtHead]:
        return {
            name: AtHead(is_file=True, digest=bytes(digest).hex(), object_id=object_id)
            for name, object_id, digest, *_ in self._files_with_digests(above, names)
        }

    def _ahead_or_now(self, above: FolderAtHead, names: Sequence[str]) -> list[Any]:
        ahead = self._ahead.of(above.id, above.files) if above.id is not None else None
        if ahead is None:
            return self._files_with_digests(above, names)
        return [ahead[name] for name in names if name in ahead]

    def _files_with_digests(self, above: FolderAtHead, names: Sequence[str]) -> list[Any]:
        return rows_of(_FILES, [above.id], names, [self._revision, self._revision])

    def _folders(self, above: FolderAtHead, names: Sequence[str]) -> dict[str, FolderAtHead]:
        if not above.ever_had_folders:
            return {}
        rows = rows_of(_FOLDERS, [self._revision, self._revision, above.id], names)
        return {
            name: FolderAtHead(
                pk,
                is_there=files is not None,
                ever_had_folders=bool(ever_had_folders),
                files=files or 0,
            )
            for name, pk, files, ever_had_folders in rows
        }
