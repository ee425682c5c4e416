"""Downloads whose time comes to its end: their members are warned, then they expire; and those that are damaged end."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from moorage.files.models import ObjectState, StoredObject
from moorage.jobs.addresses import download_path
from moorage.jobs.beating import kept
from moorage.jobs.download_endings import fail_tree
from moorage.jobs.sweeps.each import for_each
from moorage.jobs.sweeps.globus_trouble import survives_globus
from moorage.leases import LeaseWatch, take
from moorage.notices.telling import tell
from moorage.transfers.downloads.damage import damaged_paths
from moorage.transfers.downloads.doubt import NAMED_PATHS, DamagedFilesError
from moorage.transfers.downloads.ending import (
    end_downloads_without_membership,
    expire_download,
    expiring_downloads,
    members_without_reason,
    note_warned,
    postpone_expiry,
    warning_due,
)
from moorage.transfers.downloads.leaving import is_read_by_its_member
from moorage.transfers.downloads.models import Download, DownloadTree
from moorage.transfers.downloads.states import DownloadState, TreeState

WHILE_READ: Final = timedelta(minutes=15)  # how long an expiry waits for a transfer until it is looked for again

_watch: Final = LeaseWatch()  # of this process: a beat is judged by seeing it again


@survives_globus
def warn_and_expire(at: datetime) -> timedelta | None:
    """Warn of what expires soon, end what has expired and its member does not read from, or has no reason any more."""
    for_each(list(members_without_reason()), lambda member: end_downloads_without_membership(member, at=at), at=at)
    for_each(list(expiring_downloads(at=at)), lambda download: _look_at(download, at=at), at=at)
    return None


def end_damaged(at: datetime) -> timedelta | None:
    """End the downloads of trees in which an object was found to be damaged after they were built."""
    if not StoredObject.objects.filter(state=ObjectState.DAMAGED).exists():
        return None
    ready = DownloadTree.objects.filter(state=TreeState.READY).select_related("project")
    for_each(list(ready), _look_for_damage, at=at)
    return None


def _look_at(download: Download, *, at: datetime) -> None:
    if download.expires_at <= at:
        _expire(download, at=at)
        return
    days = warning_due(download, at=at)
    if days is None:
        return
    with transaction.atomic():
        if note_warned(download, days=days):
            left = "1 day" if days == 1 else f"{days} days"
            tell(
                download.owner,
                kind="download.expires",
                subject=f"The download “{download.name}” expires in {left}",
                text=f"The download “{download.name}” of {download.project.name} ends on "
                f"{download.expires_at:%-d %B %Y}. Press Extend if you still need it.",
                path=download_path(download),
                at=at,
            )


def _expire(download: Download, *, at: datetime) -> None:
    is_read = download.current_state is DownloadState.READY and is_read_by_its_member(download)
    if is_read and postpone_expiry(download, until=at + WHILE_READ, at=at):
        return
    with transaction.atomic():
        if expire_download(download, at=at):
            tell(
                download.owner,
                kind="download.expired",
                subject=f"The download “{download.name}” has expired",
                text=f"The download “{download.name}” of {download.project.name} is not kept any more. The project "
                "is not touched; ask for the download again if you still need it.",
                path=download_path(download),
                at=at,
            )


def _look_for_damage(tree: DownloadTree) -> None:
    paths = damaged_paths(tree)
    if not paths or not _watch.may_take(tree):
        return
    lease = take(tree, where={"state": TreeState.READY})
    if lease is None:
        return
    error = DamagedFilesError(paths[:NAMED_PATHS], len(paths))
    with kept(lease):
        fail_tree(tree, lease, code=error.code, sentence=str(error), damaged=error.paths)
