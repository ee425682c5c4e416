"""Damage does not leave the house: a version's bytes are opened for giving out only when there is no doubt of them.

Doubtful is an object that is not as its row says, and one that nobody has read for longer than the operator wants.
Its file is read again, to its end, before one byte is given out. What a reading writes down is known to
`files.fixity`; that every other object is opened at once, to `files.content`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Final

from moorage.backends import backends
from moorage.errors import CorruptContentError, UnavailableError
from moorage.files.content import Content, open_content
from moorage.files.fixity import FixityChecks
from moorage.files.models import FileVersion, ObjectState, StoredObject
from moorage.storage.fixity import Throttle
from moorage.storage.layout import StoreLayout

PATIENCE_SECONDS: Final = 30.0
SIDE_BY_SIDE: Final = 2
TRIES: Final = 3


class BeingReadError(UnavailableError):
    """The bytes must be read before they are given out, and that takes its time."""

    code = "object.being_read"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The stored bytes of “{name}” are being checked before they are given out, or wait for that. "
            "Try again in a moment."
        )


class Readings:
    """The objects that this process reads again: so many at a time, so that its threads stay free, and none twice."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = Condition()
        self._digests: set[str] = set()

    @contextmanager
    def of(self, version: FileVersion, *, patience_seconds: float) -> Iterator[None]:
        """Wait for a turn to read a version's object, and have it meanwhile.

        Raises:
            BeingReadError: there was none in this time.
        """
        digest = version.stored_object.digest
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room_for(digest), timeout=patience_seconds):
                raise BeingReadError(version.name)
            self._digests.add(digest)
        try:
            yield
        finally:
            with self._changed:
                self._digests.remove(digest)
                self._changed.notify_all()

    def _has_room_for(self, digest: str) -> bool:
        return len(self._digests) < self._most and digest not in self._digests


READINGS: Final = Readings(SIDE_BY_SIDE)


def open_proved(
    version: FileVersion,
    *,
    store: StoreLayout,
    patience_seconds: float | None = None,
) -> Content:
    """Open a file version's bytes for giving them out; what is doubtful has been read, and is whole.

    The patience, PATIENCE_SECONDS if none is given, is for a turn to read; the reading itself takes as long as the
    disk does.

    Raises:
        StoreAwayError, ObjectGoneError, ObjectTouchedError: as `open_content`; its row now says that it is damaged.
        BeingReadError: others are being read, or somebody else is at work on this one.
    """
    patience = PATIENCE_SECONDS if patience_seconds is None else patience_seconds
    refused: CorruptContentError | None = None
    for _ in range(TRIES):
        try:
            content = open_content(version, store=store)
        except CorruptContentError as error:
            if version.stored_object.state == ObjectState.DAMAGED:
                raise
            refused = error
        else:
            if not is_overdue(version.stored_object):
                return content
            content.close()
            refused = None
        with READINGS.of(version, patience_seconds=patience):
            _read(version.stored_object, store)
    # What is still not as its row says after it was read is at somebody's hands.
    raise refused or BeingReadError(version.name)


def is_overdue(stored: StoredObject) -> bool:
    """Whether nobody has read an object for longer than the operator wants."""
    outside = backends()
    within = outside.policies.fixity_within
    return bool(within) and (stored.verified_at is None or stored.verified_at < outside.clock() - within)


def _read(stored: StoredObject, store: StoreLayout) -> None:
    """Read an object, unless somebody has done so since its row was; its row then says what was found."""
    known = stored.verified_at, stored.modified_ns, stored.state
    stored.refresh_from_db()
    if known == (stored.verified_at, stored.modified_ns, stored.state):
        FixityChecks(store, backends().clock, Throttle(0)).check(stored)
        stored.refresh_from_db()
