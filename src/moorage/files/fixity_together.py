"""Fixity checks of many objects, read one after the other in this process, with two short writes for a batch of them.

As `files.fixity` checks one: the marks of a batch are cleared before its first read, so that a crash cannot look like a
pass, and set again for what was whole. What is not whole, or was known to be damaged, is noted by itself.
"""

import errno
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from moorage.files.fixity import READABLE, Check, Checked, FixityChecks
from moorage.files.fixity_marks import clear_marks, set_marks
from moorage.files.models import StoredObject
from moorage.storage.digests import Stamp
from moorage.storage.fixity import Throttle

log = logging.getLogger(__name__)

MOST_OBJECTS: Final = 500
MOST_BYTES: Final = 64 << 20
WRITE_SECONDS: Final = 1.0  # what is found is written after that time, however much of a batch is left
# What says nothing of one object but of this process or its account: it would be the same for every other.
_OURS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def in_batches(
    objects: Iterable[StoredObject], throttle: Throttle, *, most_bytes: int = MOST_BYTES
) -> Iterator[list[StoredObject]]:
    """These objects by batches that are read in about a second; a large one is a batch by itself."""
    batch, total = list[StoredObject](), 0
    most = min(most_bytes, throttle.bytes_in_a_second or most_bytes)
    for stored in objects:
        cost = throttle.cost_of(stored.size_bytes)
        if batch and (len(batch) >= MOST_OBJECTS or total + cost > most):
            yield batch
            batch, total = [], 0
        batch.append(stored)
        total += cost
    if batch:
        yield batch


def check_together(checks: FixityChecks, batch: Sequence[StoredObject]) -> Iterator[Check]:
    """Read a batch of objects, and tell what became of each as soon as its row says so; see `FixityChecks.check`.

    Raises:
        StoreAwayError: the store is not there.
        OSError: this process can open no more files, or has no memory. What was read before and is not told of yet
            stays without a mark.
    """
    cleared = clear_marks([stored for stored in batch if stored.state in READABLE])
    checks.seam("mark cleared")
    whole, until = list[tuple[StoredObject, Stamp]](), time.monotonic() + WRITE_SECONDS
    for stored in batch:
        try:
            if stored.pk in cleared:
                yield from _read(checks, stored, whole)
            else:
                yield Check(stored, Checked.OVERTAKEN) if stored.state in READABLE else checks.check(stored)
        except OSError as error:
            if error.errno in _OURS:
                raise
            log.error("object %s could not be opened: %s", stored.digest, error)  # noqa: TRY400 - anticipated
            yield Check(stored, Checked.UNOPENED)
        if time.monotonic() >= until:
            yield from _note_whole(checks, whole)
            whole, until = [], time.monotonic() + WRITE_SECONDS
    yield from _note_whole(checks, whole)


def _read(checks: FixityChecks, stored: StoredObject, whole: list[tuple[StoredObject, Stamp]]) -> Iterator[Check]:
    """Read one whose mark is cleared. A whole one is put with the others, which are noted together."""
    reading, came_back = checks.read(stored)
    if reading.is_whole and reading.digested is not None and not came_back:
        whole.append((stored, reading.digested.stamp))
    else:
        yield checks.note(stored, reading, came_back=came_back)


def _note_whole(checks: FixityChecks, whole: Sequence[tuple[StoredObject, Stamp]]) -> Iterator[Check]:
    checks.seam("read")
    marked = set_marks(whole, at=checks.clock())
    for stored, _ in whole:
        yield Check(stored, Checked.WHOLE if stored.pk in marked else Checked.OVERTAKEN)
