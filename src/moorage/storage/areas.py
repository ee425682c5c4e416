"""Staging areas: made in the collection, looked at, sealed out of it, discarded into the trash.

Every move is one rename, may be repeated, and is on disk when it returns. Who may do it, and
when, is decided in `transfers`. Nothing is made, or called missing, while the store is away: then StoreAwayError.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from moorage.errors import NotFoundError
from moorage.storage.layout import StoreLayout
from moorage.storage.room import FreeSpace, free_space
from moorage.storage.sync import sync_folder
from moorage.storage.trash import Trash
from moorage.storage.walk import FolderPart, Found, FoundKind, walk


class AreaMissingError(NotFoundError):
    """The staging area is neither where it should be nor where it should go."""

    code = "area.missing"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The staging area {name} is gone from the disk. Ask the operator to look for it in the store's folders."
        )
        self.name = name


@dataclass(frozen=True)
class Arrived:
    """What lies in an area. `state_digest` is the same as before when nothing has changed since.

    `files` and `bytes` count regular files; `folders` and `others` count the rest.
    `newest_ns` is the latest change of any of them, nanoseconds since the epoch, 0 for an empty area.
    """

    files: int = 0
    bytes: int = 0
    folders: int = 0
    others: int = 0
    newest_ns: int = 0
    state_digest: str = ""


@dataclass(frozen=True)
class StagingAreas:
    """The areas of one store."""

    layout: StoreLayout

    def path_of(self, area_name: str) -> Path:
        """Where an area lies while Globus can reach it."""
        return self.layout.collection / _one_name(area_name)

    def sealed_path(self, upload_id: object) -> Path:
        """Where an upload's area lies after the seal."""
        return self.layout.sealed / _one_name(str(upload_id))

    def make(self, area_name: str) -> None:
        """Make an empty area; harmless when it is there."""
        self.layout.check_is_there()
        self.path_of(area_name).mkdir(mode=0o755, exist_ok=True)
        sync_folder(self.layout.collection)

    def exists(self, area_name: str) -> bool:
        """Whether this name is in the collection; after the seal that means that it has reappeared."""
        return self._surely(os.path.lexists(self.path_of(area_name)))

    def is_sealed(self, upload_id: object) -> bool:
        return self._surely(self.sealed_path(upload_id).is_dir())

    def look(self, area_name: str) -> Arrived:
        """Count what lies in an area; nothing is followed. Takes as long as listing it does.

        An area that is not there is empty.
        """
        arrived = look_at(self.path_of(area_name))
        self._surely(bool(arrived.state_digest))
        return arrived

    def seal(self, area_name: str, upload_id: object) -> Path:
        """Move an area out of Globus's reach; an area that was moved before stays where it is.

        Raises:
            AreaMissingError: it is in neither place.
        """
        source, target = self.path_of(area_name), self.sealed_path(upload_id)
        if not target.exists():
            try:
                source.rename(target)
            except FileNotFoundError:
                if not self._surely(target.exists()):
                    raise AreaMissingError(area_name) from None
        # The rename is only durable once both folders are.
        sync_folder(self.layout.sealed)
        sync_folder(self.layout.collection)
        return target

    def discard(self, area_name: str, *, until: datetime) -> bool:
        """Put an area that Globus can reach into the trash. False when there is none (any more)."""
        return self._surely(self._trash.take(self.path_of(area_name), until=until))

    def discard_sealed(self, upload_id: object, *, until: datetime) -> bool:
        """Put a sealed area into the trash. False when there is none (any more)."""
        return self._surely(self._trash.take(self.sealed_path(upload_id), until=until))

    def reappeared(self) -> list[str]:
        """Every name in the collection: which of them should not be there (any more) is known to `transfers`."""
        return sorted(os.listdir(self.layout.collection))

    def sealed_names(self) -> list[str]:
        """The ids of uploads that have a sealed area."""
        return sorted(os.listdir(self.layout.sealed))

    def empty_trash(self, *, at: datetime) -> int:
        """Remove what has lain in the trash until its time; see `Trash.empty`."""
        return self._trash.empty(at=at)

    def free_space(self) -> FreeSpace:
        return free_space(self.layout.root)

    def _surely(self, is_found: bool) -> bool:
        """The same, unless what was not found is away with the store."""
        if not is_found:
            self.layout.check_is_there()
        return is_found

    @property
    def _trash(self) -> Trash:
        return Trash(self.layout.trash)


@dataclass
class Look:
    """What a walk over an area has seen so far; whoever walks it anyway need not walk it again to count it."""

    files: int = 0
    bytes: int = 0
    folders: int = 0
    others: int = 0
    newest_ns: int = 0
    _total: int = 0

    def add(self, found: Found) -> None:
        """Count one path; each but the root once."""
        is_file = found.kind is FoundKind.FILE
        self.files += is_file
        self.folders += found.kind is FoundKind.DIRECTORY
        self.others += found.kind not in {FoundKind.FILE, FoundKind.DIRECTORY}
        self.bytes += found.size_bytes if is_file else 0
        self.newest_ns = max(self.newest_ns, found.changed_ns)
        state = repr((found.path, found.size_bytes, found.modified_ns, found.changed_ns)).encode()
        # A sum, so that the order in which the folder lists its names does not matter.
        self._total += int.from_bytes(blake2b(state, digest_size=16).digest())

    def add_part(self, part: FolderPart) -> None:
        for found in part.paths():
            self.add(found)

    def arrived(self) -> Arrived:
        digest = f"{self._total % 2**256:064x}"
        return Arrived(self.files, self.bytes, self.folders, self.others, self.newest_ns, digest)


def look_at(folder: Path) -> Arrived:
    """Count what lies below a folder; see `StagingAreas.look`."""
    look = Look()
    try:
        for found in walk(folder):
            look.add(found)
    except FileNotFoundError:
        return Arrived()
    return look.arrived()


def _one_name(name: str) -> str:
    if not name or name in {".", ".."} or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is not the name of an area.")
    return name
