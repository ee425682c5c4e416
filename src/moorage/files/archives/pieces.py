"""A selection cut into pieces of some hundred entries, in an order that never changes for a revision. Reads only.

Of each folder only its id is kept; everything else is read again when a piece is. So a plan of a million files in a
thousand folders is some ten kilobytes, and any piece can be had without those before it.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from django.db.models import Count, QuerySet

from moorage.files.archives.forms import Entry, Sized
from moorage.files.archives.selection import Selection
from moorage.files.models import FileVersion
from moorage.files.paths import join_path
from moorage.files.subtrees import folders_below
from moorage.files.ways import folder_paths

ROWS_PER_PIECE: Final = 1000


class Piece(NamedTuple):
    """Folders themselves, the files in folders, or chosen files.

    `first` and `end` are places in `Plan.folder_ids`, or in the selection's files. `after` is the last name before
    this piece where a single folder has too many files for one.
    """

    kind: Literal["folders", "files", "chosen"]
    first: int
    end: int
    after: str | None = None


class Member(NamedTuple):
    """An entry, and the version whose bytes it has; a folder has none."""

    entry: Entry
    version: FileVersion | None


@dataclass
class Plan:
    """The pieces of a selection."""

    selection: Selection
    folder_ids: "array[int]" = field(default_factory=lambda: array("q"))

    def cut(self) -> Iterator[tuple[Piece, list[Sized]]]:
        """Find all pieces, each with its entries' paths and sizes. Once, before `read`."""
        files = self.selection.files
        for first in range(0, len(files), ROWS_PER_PIECE):
            some = files[first : first + ROWS_PER_PIECE]
            sizes = [Sized(file.path.encode(), file.size_bytes) for file in some]
            yield Piece("chosen", first, first + len(some)), sizes
        for folders in folders_below(self.selection.folders, view=self.selection.revision):
            first = len(self.folder_ids)
            self.folder_ids.extend(folder.directory_id for folder in folders)
            paths = dict(folders)
            sizes = [Sized(f"{path}/".encode(), 0) for path in paths.values() if path]
            yield Piece("folders", first, len(self.folder_ids)), sizes
            for piece in self._cut_files(first):
                rows = self._files(piece).values_list("directory_id", "name", "size_bytes")
                if piece.after is None:
                    yield piece, [Sized(join_path(paths[pk], name).encode(), size) for pk, name, size in rows]
                else:
                    yield from self._cut_large(piece, paths[self.folder_ids[piece.first]])

    def _cut_files(self, first: int) -> Iterator[Piece]:
        """Pieces of the files in the folders from `first` on; a folder with too many for one stands alone."""
        ids = self.folder_ids[first:]
        versions = FileVersion.objects.at(self.selection.revision).filter(directory__in=ids)
        counts = dict(versions.values_list("directory_id").annotate(files=Count("pk")).order_by())
        start, held = first, 0
        for place, folder in enumerate(ids, start=first):
            count = counts.get(folder, 0)
            if held and held + count > ROWS_PER_PIECE:
                yield Piece("files", start, place)
                held = 0
            if not held:
                start = place
            if count > ROWS_PER_PIECE:
                yield Piece("files", place, place + 1, "")
            else:
                held += count
        if held:
            yield Piece("files", start, first + len(ids))

    def _cut_large(self, piece: Piece, path: str) -> Iterator[tuple[Piece, list[Sized]]]:
        while rows := list(self._files(piece).values_list("name", "size_bytes")):
            yield piece, [Sized(join_path(path, name).encode(), size) for name, size in rows]
            piece = piece._replace(after=rows[-1][0])

    def read(self, piece: Piece) -> Iterator[Member]:
        """The entries of a piece, in the order in which `cut` found them."""
        if piece.kind == "chosen":
            chosen = self.selection.files[piece.first : piece.end]
            versions = FileVersion.objects.select_related("stored_object").in_bulk([file.version_id for file in chosen])
            for file in chosen:
                yield _file_member(file.path, versions[file.version_id])
            return
        ids = self.folder_ids[piece.first : piece.end]
        paths = folder_paths(ids)
        if piece.kind == "folders":
            for folder in ids:
                if path := paths[folder]:
                    yield Member(Entry(f"{path}/".encode(), 0, 0, int(self.selection.at.timestamp())), None)
            return
        for version in self._files(piece).select_related("stored_object"):
            yield _file_member(join_path(paths[version.directory_id], version.name), version)

    def read_entries(self, piece: Piece) -> Iterator[Entry]:
        """The entries of a piece without their versions, at a fraction of the cost."""
        if piece.kind != "files":
            yield from (member.entry for member in self.read(piece))
            return
        paths = folder_paths(self.folder_ids[piece.first : piece.end])
        columns = "directory_id", "name", "size_bytes", "stored_object__crc32", "modified_at"
        for folder, name, size_bytes, crc32, modified_at in self._files(piece).values_list(*columns):
            path = join_path(paths[folder], name).encode()
            yield Entry(path, size_bytes, crc32, _seconds(modified_at))

    def _files(self, piece: Piece) -> "QuerySet[FileVersion, Any]":
        versions = FileVersion.objects.at(self.selection.revision)
        if piece.after is not None:
            alone = versions.filter(directory=self.folder_ids[piece.first], name__gt=piece.after)
            return alone.order_by("name")[:ROWS_PER_PIECE]
        ids = self.folder_ids[piece.first : piece.end]
        return versions.filter(directory__in=ids).order_by("directory_id", "name")


def _file_member(path: str, version: FileVersion) -> Member:
    modified_s = _seconds(version.modified_at)
    return Member(Entry(path.encode(), version.size_bytes, version.stored_object.crc32, modified_s), version)


def _seconds(at: datetime) -> int:
    return int(at.timestamp() // 1)
