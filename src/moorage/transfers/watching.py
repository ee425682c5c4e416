"""Whether somebody is looking at a collection's uploads: then task lists and areas are read more often."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from moorage.transfers.models import CollectionWatch

WATCHED_FOR: Final = timedelta(seconds=45)  # after the last page that showed them
NOTED_EVERY: Final = timedelta(seconds=10)


def note_watched(collection_id: UUID, *, at: datetime) -> None:
    """A page that shows tasks or arrivals was looked at. It writes at most every few seconds."""
    watch, made = CollectionWatch.objects.get_or_create(pk=collection_id, defaults={"watched_at": at})
    if not made and (watch.watched_at is None or at - watch.watched_at >= NOTED_EVERY):
        CollectionWatch.objects.filter(pk=collection_id).update(watched_at=at)


def is_watched(watch: CollectionWatch | None, *, at: datetime) -> bool:
    """Whether somebody has looked within the last moments."""
    return watch is not None and watch.watched_at is not None and at - watch.watched_at < WATCHED_FOR


def note_trouble(collection_id: UUID, sentence: str) -> bool:
    """Why Globus could not be asked; empty when it answers again. True: it was not known yet."""
    watch, made = CollectionWatch.objects.get_or_create(pk=collection_id, defaults={"trouble": sentence})
    known = not made and watch.trouble == sentence
    if not made and not known:
        CollectionWatch.objects.filter(pk=collection_id).update(trouble=sentence)
    return not known
