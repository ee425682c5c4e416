"""Keeping a lease alive while a thread works under it."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, connection, connections

from moorage.leases import BEAT_SECONDS, Lease, LeaseLostError

log = logging.getLogger(__name__)


@contextmanager
def kept(lease: Lease, *, every_seconds: float = BEAT_SECONDS) -> Iterator[None]:
    """Beat for `lease` until the block ends. A lost lease stops the beat; writes under it then fail by themselves."""
    over = threading.Event()
    beat = threading.Thread(target=_beat, args=(lease, over, every_seconds), name=f"beat {lease.pk}", daemon=True)
    beat.start()
    try:
        yield
    finally:
        over.set()


def _beat(lease: Lease, over: threading.Event, every_seconds: float) -> None:
    try:
        while not over.wait(every_seconds):
            try:
                lease.keep()
            except LeaseLostError:
                # The work may have ended between two beats, and its lease with it.
                if not over.is_set():
                    name = lease.model._meta.verbose_name
                    log.warning("%s %s: the lease is gone: another worker has it, or it is not wanted", name, lease.pk)
                return
            except Error as error:
                log.warning("no beat for %s: %s", lease.pk, error)
                # Else every further beat fails as well, on the same connection.
                connection.close_if_unusable_or_obsolete()
    finally:
        connections.close_all()
