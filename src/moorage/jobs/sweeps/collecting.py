"""The collector's rounds, joined to what relies on objects besides versions: entries of unfinished uploads."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, OuterRef

from moorage.backends import backends
from moorage.files.collecting import Collector, DoomWatch
from moorage.files.leftovers import clear_leftovers
from moorage.files.models import StoredObject
from moorage.files.orphans import Orphans, give_back_needed
from moorage.importer.models import ManifestEntry
from moorage.storage.fixity import Throttle
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState

_WATCH: Final = DoomWatch()  # of this process


def relied_on_by_entries(ids: Collection[int]) -> set[int]:
    """Of these ids of objects, those that an entry of an upload has which may still be imported, or imported again.

    That is every upload but a discarded one and one whose remnants have gone. What an import has registered is
    among them for a while, and costs nothing: its file versions keep it anyway.
    """
    entries = (
        ManifestEntry.objects.filter(stored_object=OuterRef("pk"))
        .exclude(upload__state=UploadState.DISCARDED.value)
        .exclude(upload__state=UploadState.IMPORTED.value, upload__remnants_gone_at__isnull=False)
    )
    return set(StoredObject.objects.filter(Exists(entries), pk__in=ids).values_list("pk", flat=True))


def imports_at_work() -> frozenset[str]:
    """Imports that a worker has, or had when it died. Every taking raises the fence, and writes name it."""
    importing = Upload.objects.in_state(UploadState.IMPORTING).values_list("pk", "fence")
    return frozenset(f"{pk} {fence}" for pk, fence in importing)


def collector() -> Collector:
    """The collector of this process, by its policies."""
    outside = backends()
    return Collector(
        store=outside.store,
        relied_on=relied_on_by_entries,
        running=imports_at_work,
        watch=_WATCH,
        kept=outside.policies.objects_kept,
        trash_kept=outside.policies.trash_kept,
    )


def collect(at: datetime) -> timedelta | None:
    """One round over all objects, but first over what may keep some for nothing."""
    clear_leftovers()
    collector().collect(at=at)
    return None


def finish_leaving(at: datetime) -> timedelta | None:
    """Finish what a round that died has left: imports of the same bytes wait for it."""
    collector().finish(at=at)
    return None


def look_for_orphans(at: datetime) -> timedelta | None:  # noqa: ARG001 - a sweep's signature
    """Give files without a row one, and rows whose file lies in the trash their file."""
    outside = backends()
    outside.store.check_is_there()
    give_back_needed(outside.store)
    orphans = Orphans(outside.store, outside.clock, Throttle(outside.policies.fixity_bytes_per_second))
    for digest in orphans.find():
        orphans.adopt(digest)
    return None
