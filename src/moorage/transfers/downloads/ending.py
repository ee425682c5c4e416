"""The end of a download: deleted, expired, damaged, or its member no longer belongs to the project.

Rows only: rules are desired no more in the same transaction, and the tree goes with its last download.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.backends import backends
from moorage.projects.models import Membership
from moorage.projects.rules import role_of
from moorage.transfers.downloads.leaving import LONGEST_WAIT
from moorage.transfers.downloads.models import Download, DownloadTree
from moorage.transfers.downloads.rules import check_may_decide
from moorage.transfers.downloads.states import LIVE, DownloadState, DownloadTransitionError, TreeState
from moorage.transfers.downloads.trees import hold_tree, leave_tree
from moorage.transfers.due import Sweep, make_due
from moorage.transfers.grants import follow_reasons_of_tree, withdraw_all
from moorage.transfers.warnings import nearest_warning

BY_MEMBER: Final = "cancelled.by_member"
MEMBERSHIP_ENDED: Final = "cancelled.membership_ended"
EXPIRED: Final = "expired.time"


def delete_download(*, download: Download, actor: Member, at: datetime) -> None:
    """End a download, in whatever state it is. Repeating it changes nothing.

    Raises:
        DownloadNotFoundError, DownloadRoleError: the actor may not decide on it.
    """
    check_may_decide(actor, download)
    while download.current_state is not DownloadState.CANCELLED:
        try:
            end_download(
                download,
                DownloadState.CANCELLED,
                by=actor,
                reason=BY_MEMBER,
                reason_text=f"Deleted by {actor}.",
                at=at,
            )
        except DownloadTransitionError:
            download.refresh_from_db()  # a worker has moved it at the same moment


def end_download(
    download: Download,
    state: DownloadState,
    *,
    reason: str,
    reason_text: str,
    at: datetime,
    by: Member | None = None,
    **changes: Any,
) -> None:
    """Move a download to a state in which it needs no tree, and let its access and its tree follow.

    Raises:
        DownloadTransitionError: another process was quicker.
    """
    needed_tree = download.current_state in LIVE
    with transaction.atomic():
        if needed_tree:
            hold_tree(download.tree_id)
        download.transition_to(state, at=at, reason=reason, reason_text=reason_text, **changes)
        record(f"download.{state.value}", download, actor=by, at=at, project_id=download.project_id, reason=reason)
        if not needed_tree:
            return
        leave_tree(download.tree_id, at=at)
        tree = DownloadTree.objects.get(pk=download.tree_id)
        if tree.current_state is TreeState.LEAVING:
            withdraw_all(tree)
        else:
            follow_reasons_of_tree(tree)
        make_due(Sweep.GRANTS)


def end_downloads_without_membership(member: Member, *, at: datetime) -> None:
    """Her downloads of projects that she no longer belongs to end. Call it where a membership or an account ends."""
    for download in Download.objects.live().filter(owner=member).select_related("project", "owner").order_by("tree_id"):
        if role_of(member, download.project) is not None:
            continue
        sentence = f"Ended, because {member} no longer belongs to the project."
        while download.current_state in LIVE:
            try:
                end_download(download, DownloadState.CANCELLED, reason=MEMBERSHIP_ENDED, reason_text=sentence, at=at)
            except DownloadTransitionError:
                download.refresh_from_db()  # a worker has moved it at the same moment


def fail_downloads(
    tree: DownloadTree, *, reason: str, reason_text: str, damaged: Iterable[str] = (), at: datetime
) -> list[Download]:
    """End everything that a tree serves or should have served, and return it. Call it in a transaction."""
    failed = []
    for download in Download.objects.live().filter(tree=tree).select_related("project", "owner"):
        end_download(
            download,
            DownloadState.FAILED,
            reason=reason,
            reason_text=reason_text,
            damaged_paths=list(damaged),
            at=at,
        )
        failed.append(download)
    return failed


def expiring_downloads(*, at: datetime) -> QuerySet[Download]:
    """Downloads whose time has passed, or of whose end may be warned."""
    soon = at + timedelta(days=max(backends().policies.download_warned_days, default=0))
    return Download.objects.live().filter(expires_at__lte=soon).select_related("owner", "project", "tree")


def members_without_reason() -> QuerySet[Member]:
    """Members who have downloads of projects that they do not belong to, asked for as their membership ended."""
    belongs = Membership.objects.filter(project=OuterRef("project"), member=OuterRef("owner"), member__is_active=True)
    owners = Download.objects.live().exclude(Exists(belongs)).values("owner")
    return Member.objects.filter(pk__in=owners)


def warning_due(download: Download, *, at: datetime) -> int | None:
    """The days of the warning that is to be sent now: the nearest one that is due and was not sent."""
    warned_days = backends().policies.download_warned_days
    return nearest_warning(download.expires_at - at, warned_days, sent=download.expiry_warned_days)


def note_warned(download: Download, *, days: int) -> bool:
    """Write down that this warning is sent; False when another process has sent it. Call it with the notice."""
    same = Download.objects.live().filter(pk=download.pk, expires_at=download.expires_at)
    return bool(same.filter(expiry_warned_days=download.expiry_warned_days).update(expiry_warned_days=days))


def expire_download(download: Download, *, at: datetime) -> bool:
    """End a download whose time has passed. True: it has expired by this. Call it in a transaction."""
    hold_tree(download.tree_id)
    # An UPDATE, so that whoever extends it at this moment waits and finds that it has ended, or was there before.
    due = Download.objects.live().filter(pk=download.pk, expires_at__lte=at)
    if not due.update(expires_at=F("expires_at")):
        return False
    download.refresh_from_db()
    if download.current_state is not DownloadState.READY:
        # It could not be prepared in all that time.
        state, sentence = DownloadState.FAILED, "Its time passed before it was ready. Ask for it again."
    else:
        days = (download.expires_at - (download.ready_at or download.created_at)).days
        state, sentence = DownloadState.EXPIRED, f"Expired: it was kept for {days} days. Ask for it again if needed."
    try:
        end_download(download, state, reason=EXPIRED, reason_text=sentence, at=at)
    except DownloadTransitionError:
        return False
    return True


def postpone_expiry(download: Download, *, until: datetime, at: datetime) -> bool:
    """Keep a download a little longer, because its member's transfer reads from it; False when that lasts too long."""
    if download.overdue_since is not None and at - download.overdue_since >= LONGEST_WAIT:
        return False
    late = Download.objects.live().filter(pk=download.pk, expires_at__lte=at)
    return bool(late.update(expires_at=until, overdue_since=download.overdue_since or at))
