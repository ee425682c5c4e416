"""The fixity check of one stored object: its file is read again, and its row says what was found.

The mark `verified_at` is cleared before the read, by compare-and-set, so that a check that dies cannot look like
a pass. An object that is not what its name promises becomes DAMAGED; it is never given out (`files.content`), and
bytes of its digest that an import brings later take its place. Who is told is known to `files.damage` and `jobs`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet

from moorage.audit.records import record
from moorage.files.models import ObjectState, StoredObject
from moorage.storage.digests import Digest, Stamp
from moorage.storage.fixity import Finding, Reading, Throttle, read_object
from moorage.storage.layout import StoreLayout
from moorage.storage.objects import ObjectStore
from moorage.storage.trash import Trash

log = logging.getLogger(__name__)

READABLE: Final = (ObjectState.LIVE, ObjectState.DOOMED)  # a leaving one's file is on its way


class Checked(StrEnum):
    WHOLE = "whole"
    HEALED = "whole again"  # it was damaged, or its file lay in the trash
    DAMAGED = "damaged"
    OVERTAKEN = "overtaken"  # somebody else reads it, or has placed it anew, or takes it away
    UNOPENED = "not opened"  # nothing is known of its bytes


@dataclass(frozen=True)
class Check:
    """What became of one check."""

    stored: StoredObject
    checked: Checked
    finding: Finding | None = None


def _pass(seam: str) -> None:
    """Nothing happens between two steps; tests put a crash here."""


@dataclass(frozen=True)
class FixityChecks:
    """What checks work with."""

    store: StoreLayout
    clock: Callable[[], datetime]
    throttle: Throttle
    seam: Callable[[str], None] = _pass

    def check(self, stored: StoredObject) -> Check:
        """Read an object's file to its end, and write into its row (as it was read) what was found.

        A file that is missing and lies in the trash is brought back first.

        Raises:
            StoreAwayError: the whole store is not there; nothing is said of the object.
            OSError: it could not be read for a reason that says nothing of its bytes. The mark stays cleared.
        """
        if stored.state == ObjectState.LEAVING or not _clear_mark(stored):
            return Check(stored, Checked.OVERTAKEN)
        self.seam("mark cleared")
        reading, came_back = self.read(stored)
        self.seam("read")
        return self.note(stored, reading, came_back=came_back)

    def note(self, stored: StoredObject, reading: Reading, *, came_back: bool) -> Check:
        """Write what a reading found into the row of an object whose mark is cleared."""
        if reading.digested is None or not reading.is_whole:
            is_noted = self._note_damage(stored, reading.finding)
            return Check(stored, Checked.DAMAGED if is_noted else Checked.OVERTAKEN, reading.finding)
        if not self._note_whole(stored, reading.digested.stamp):
            return Check(stored, Checked.OVERTAKEN)
        is_healed = came_back or stored.state == ObjectState.DAMAGED
        return Check(stored, Checked.HEALED if is_healed else Checked.WHOLE, reading.finding)

    def read(self, stored: StoredObject) -> tuple[Reading, bool]:
        """Read the file of an object whose mark is cleared; whether it lay in the trash, and came back.

        Raises:
            StoreAwayError, OSError: as of `check`.
        """
        digest = Digest(stored.digest)
        with ObjectStore(self.store.objects) as objects:
            reading = read_object(objects, digest, size_bytes=stored.size_bytes, throttle=self.throttle)
            if not reading.is_whole:
                self.store.check_is_there()
            if reading.finding is not Finding.MISSING or not bring_back(stored, store=self.store):
                return reading, False
            self.seam("brought back")
            return read_object(objects, digest, size_bytes=stored.size_bytes, throttle=self.throttle), True

    def _note_whole(self, stored: StoredObject, stamp: Stamp) -> bool:
        now = self.clock()
        with transaction.atomic():
            rows = _cleared(stored)
            if stored.state != ObjectState.DAMAGED:
                return bool(rows.filter(state__in=READABLE).update(verified_at=now, **_times(stamp)))
            healed = rows.filter(state=ObjectState.DAMAGED).update(
                state=ObjectState.LIVE, state_changed_at=now, verified_at=now, damage_told_at=None, **_times(stamp)
            )
            if healed:
                record("object.healed", stored, actor=None, at=now, digest=stored.digest)
                log.warning("object %s: whole again", stored.digest)
        return bool(healed)

    def _note_damage(self, stored: StoredObject, finding: Finding) -> bool:
        """Whether it is damaged as far as its row says. It is told once, when the row becomes so."""
        now = self.clock()
        if stored.state == ObjectState.DAMAGED:
            return _cleared(stored).filter(state=ObjectState.DAMAGED).exists()
        with transaction.atomic():
            # A mark that is set again, or another state, is of bytes that were placed while these were read.
            damaged = (
                _cleared(stored)
                .filter(state__in=READABLE)
                .update(state=ObjectState.DAMAGED, state_changed_at=now, damage_told_at=None)
            )
            if damaged:
                record("object.damaged", stored, actor=None, at=now, digest=stored.digest, finding=finding.name.lower())
        if damaged:
            log.error("object %s is damaged: %s", stored.digest, finding)
        return bool(damaged)


def _clear_mark(stored: StoredObject) -> bool:
    """Take the mark away, unless the row has changed since it was read."""
    rows = StoredObject.objects.filter(pk=stored.pk, state=stored.state, digest=stored.digest)
    if stored.verified_at is None:
        return rows.filter(verified_at__isnull=True).exists()
    return bool(rows.filter(verified_at=stored.verified_at).update(verified_at=None))


def _cleared(stored: StoredObject) -> QuerySet[StoredObject]:
    return StoredObject.objects.filter(pk=stored.pk, digest=stored.digest, verified_at__isnull=True)


def _times(stamp: Stamp) -> dict[str, int]:
    return {"modified_ns": stamp.modified_ns, "changed_ns": stamp.changed_ns}


def bring_back(stored: StoredObject, *, store: StoreLayout) -> bool:
    """Give an object whose file lies in the trash its file back. False: it does not lie there, or is leaving.

    Nobody has read what came back: the mark stays cleared until somebody does.
    """
    with transaction.atomic():
        # Holds the row until the file is there: the collector waits, and sees that it was needed.
        kept = StoredObject.objects.filter(pk=stored.pk, digest=stored.digest).exclude(state=ObjectState.LEAVING)
        if not kept.update(digest=F("digest")):
            return False
        with ObjectStore(store.objects) as objects:
            file = objects.path_of(Digest(stored.digest))
        if not Trash(store.trash).give_back_object(file):
            return False
        kept.update(verified_at=None)
    log.warning("object %s: its file lay in the trash, and is back", stored.digest)
    return True
