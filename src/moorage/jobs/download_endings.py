"""What becomes of a tree and its downloads when it is ready, cannot be made, or has to wait; and who is told."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from moorage.audit.records import record
from moorage.backends import backends
from moorage.jobs.addresses import download_path
from moorage.leases import Lease, LeaseLostError
from moorage.notices.telling import tell
from moorage.transfers.downloads.building import Built
from moorage.transfers.downloads.ending import fail_downloads
from moorage.transfers.downloads.models import Download, DownloadTree
from moorage.transfers.downloads.states import UNPREPARED, DownloadState, TreeState
from moorage.transfers.due import Sweep, make_due
from moorage.transfers.grants import follow_reasons_of_tree

# Whoever waits for less is looking at the page.
TOLD_AFTER: Final = timedelta(minutes=1)


class TreeUnwantedError(Exception):
    """The last download of a tree has ended while it was built."""


def tree_is_ready(tree: DownloadTree, lease: Lease, *, read_since: datetime | None, built: Built | None = None) -> None:
    """Let a tree serve its downloads, in one transaction. `built`: it has just been built.

    Every object has been read since `read_since`; a download that wants that of a later time waits for another look.

    Raises:
        LeaseLostError: another worker has it.
        TreeUnwantedError: nobody wants it any more.
    """
    now = backends().clock()
    facts: dict[str, Any] = {}
    if built is not None:
        facts = {
            "files_total": built.files,
            "bytes_total": built.bytes,
            "files_done": built.files,
            "fingerprint": str(built.sum),
            "digests_name": built.digests_name,
            "facts_name": built.facts_name,
            "built_at": now,
            "state_changed_at": now,
        }
    with transaction.atomic():
        mine = lease.rows().exclude(state=TreeState.LEAVING)
        ended = {"state": TreeState.READY.value, "held_by": "", "step": "", "tries": 0, "not_before": None}
        if not mine.update(**ended, reason="", reason_text="", **facts):
            lease.check()
            raise TreeUnwantedError
        tree.refresh_from_db()
        for download in Download.objects.in_state(UNPREPARED).filter(tree=tree).select_related("project", "owner"):
            if download.verify_first and (read_since is None or download.requested_at > read_since):
                continue  # it has joined while the tree was made
            _is_ready(download, at=now)
        follow_reasons_of_tree(tree)
        make_due(Sweep.GRANTS)


def _is_ready(download: Download, *, at: datetime) -> None:
    expires_at = max(download.expires_at, at + backends().policies.downloads_kept)
    download.transition_to(
        DownloadState.READY, at=at, ready_at=at, expires_at=expires_at, reason="", reason_text="", damaged_paths=[]
    )
    record("download.ready", download, actor=None, at=at, project_id=download.project_id)
    if at - download.requested_at < TOLD_AFTER:
        return
    tell(
        download.owner,
        kind="download.ready",
        subject=f"The download “{download.name}” is ready",
        text=f"The files of “{download.name}” from {download.project.name}, revision {download.tree.revision}, can be "
        f"transferred with Globus now. They are kept until {download.expires_at:%-d %B %Y}.",
        path=download_path(download),
        at=at,
    )


def fail_tree(tree: DownloadTree, lease: Lease, *, code: str, sentence: str, damaged: Iterable[str] = ()) -> None:
    """End all downloads of a tree with this reason, and have it removed."""
    now = backends().clock()
    try:
        with transaction.atomic():
            lease.update(held_by="", not_before=None)
            for download in fail_downloads(tree, reason=code, reason_text=sentence, damaged=damaged, at=now):
                tell(
                    download.owner,
                    kind="download.failed",
                    subject=f"The download “{download.name}” "
                    f"{'has ended' if download.ready_at else 'could not be prepared'}",
                    text=f"“{download.name}” from {download.project.name}: {sentence}",
                    path=download_path(download),
                    at=now,
                )
    except LeaseLostError:
        return


def put_off(lease: Lease, delay: timedelta, **columns: Any) -> None:
    """Leave the tree to whoever takes it after a while."""
    lease.rows().update(held_by="", not_before=backends().clock() + delay, **columns)
