"""Orphans: files in the object store without a row, which a process leaves that dies between the link and the row.

A file without a row gets one first; then the collector's rules are its own (`files.collecting`). To give one is
harmless at any time: the row says only what a reading of the file has proven, and an import that is about to write
the same row finds this one and sets it live. So no age and no clock has to tell whether an import is at work; that
the object does not leave before is seen to by `collecting.DoomWatch`.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Final

from moorage.files.fixity import bring_back
from moorage.files.models import ObjectState, StoredObject
from moorage.storage.digests import Digest
from moorage.storage.fixity import Finding, Throttle, read_object
from moorage.storage.inventory import PREFIXES, read_prefix
from moorage.storage.layout import StoreLayout
from moorage.storage.objects import ObjectStore
from moorage.storage.sync import sync_folder
from moorage.storage.trash import Trash

NAMES_PER_QUERY: Final = 400


class Adopted(StrEnum):
    DOOMED = "doomed"  # whole: it stays for the retention time
    DAMAGED = "damaged"  # not what its name says: never used, and collected in its time too
    NOT = "not"  # it is gone, has a row by now, or cannot be read


@dataclass(frozen=True)
class Orphans:
    """What the search for them works with."""

    store: StoreLayout
    clock: Callable[[], datetime]
    throttle: Throttle

    def find(self) -> Iterator[str]:
        """The digests of all orphans. Memory holds one folder of the fan-out."""
        for prefix in PREFIXES:
            names = iter([listed.name for listed in read_prefix(self.store.objects, prefix) if listed.is_object])
            while chunk := list(islice(names, NAMES_PER_QUERY)):
                known = set(StoredObject.objects.filter(digest__in=chunk).values_list("digest", flat=True))
                yield from (name for name in chunk if name not in known)

    def adopt(self, digest: str) -> Adopted:
        """Read an orphan, and give it the row that it deserves."""
        with ObjectStore(self.store.objects) as objects:
            path = objects.path_of(Digest(digest))
            reading = read_object(objects, Digest(digest), size_bytes=None, throttle=self.throttle)
        if reading.digested is None or reading.finding is Finding.MISSING:
            return Adopted.NOT
        _put_on_disk(path)  # bytes are on disk before a row says so
        state = ObjectState.DOOMED if reading.is_whole else ObjectState.DAMAGED
        now, found = self.clock(), reading.digested
        row = StoredObject(
            digest=digest,
            size_bytes=found.stamp.size_bytes,
            crc32=found.crc32,
            modified_ns=found.stamp.modified_ns,
            changed_ns=found.stamp.changed_ns,
            verified_at=now if reading.is_whole else None,
            state=state,
            state_changed_at=now,
            damage_told_at=None if reading.is_whole else now,  # nobody's file is damaged
        )
        # Whoever has written the row meanwhile knows better.
        StoredObject.objects.bulk_create([row], ignore_conflicts=True)
        is_ours = StoredObject.objects.filter(digest=digest, state=state, state_changed_at=now).exists()
        return Adopted(state.value) if is_ours else Adopted.NOT


def needed_in_trash(store: StoreLayout) -> Iterator[StoredObject]:
    """Rows whose file lies in the trash and not in its place: as after an older copy of the database was put back."""
    names = Trash(store.trash).object_names()
    while chunk := list(islice(names, NAMES_PER_QUERY)):
        rows = StoredObject.objects.filter(digest__in=chunk).exclude(state=ObjectState.LEAVING)
        with ObjectStore(store.objects) as objects:
            yield from [row for row in rows if not os.path.lexists(objects.path_of(Digest(row.digest)))]


def give_back_needed(store: StoreLayout) -> int:
    """Give every row its file back that lies in the trash; returns how many."""
    return sum(bring_back(row, store=store) for row in needed_in_trash(store))


def _put_on_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)
