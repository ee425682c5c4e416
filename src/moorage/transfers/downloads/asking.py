"""Asking for a download, for more time, or once more: rows only. A worker prepares what was asked for."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.backends import backends
from moorage.errors import InvalidInputError
from moorage.files.archives.selection import select
from moorage.files.filters import clean_filter
from moorage.files.items import RevisionNotFoundError
from moorage.projects.models import Project
from moorage.projects.rules import check_may_view
from moorage.transfers.downloads.models import Download
from moorage.transfers.downloads.rules import check_may_decide
from moorage.transfers.downloads.states import LIVE, UNPREPARED, DownloadState, DownloadTransitionError
from moorage.transfers.downloads.trees import join_tree
from moorage.transfers.naming import DownloadNameError, clean_description, clean_name


class ExpiryError(InvalidInputError):
    """A time until which a download cannot be kept."""

    code = "download.expiry"


def request_download(
    *,
    project: Project,
    actor: Member,
    name: str,
    description: str = "",
    paths: Sequence[str] = (),
    filter_text: str = "",
    revision: int | None = None,
    verify_first: bool = False,
    at: datetime,
) -> Download:
    """Ask for files of a project at a revision, the newest by default. No path is the whole project.

    Raises:
        ProjectNotFoundError: the actor is no member.
        DownloadNameError, UploadDescriptionError, FilterError, TooManyPathsError
        PathNotFoundError, RevisionNotFoundError: nothing is there to be downloaded.
    """
    check_may_view(actor, project)
    clean = clean_name(name, of="A download", error=DownloadNameError)
    patterns = clean_filter(filter_text)
    selection = select(project, paths, revision=revision)
    if revision == 0:  # nobody means the time before the first one
        raise RevisionNotFoundError(project)
    with transaction.atomic():
        tree = join_tree(project, selection, filter_text=patterns, at=at)
        download = Download.objects.create(
            project=project,
            owner=actor,
            tree=tree,
            name=clean,
            description=clean_description(description),
            verify_first=verify_first,
            state_changed_at=at,
            created_at=at,
            **_asked(at),
        )
        record("download.requested", download, actor=actor, at=at, project_id=project.pk, name=clean, tree=str(tree.pk))
    return download


def _asked(at: datetime) -> dict[str, datetime]:
    return {"requested_at": at, "expires_at": at + backends().policies.downloads_kept}


def ask_again(*, download: Download, actor: Member, at: datetime) -> None:
    """Prepare a download that failed or has expired once more, of the same revision. Repeating it changes nothing.

    Raises:
        DownloadNotFoundError, DownloadRoleError: the actor may not decide on it.
        DownloadTransitionError: it has neither failed nor expired.
    """
    check_may_decide(actor, download)
    if download.current_state in UNPREPARED:
        return
    former = download.tree
    selection = select(download.project, former.paths, revision=former.revision)
    with transaction.atomic():
        tree = join_tree(download.project, selection, filter_text=former.filter, at=at)
        download.transition_to(
            DownloadState.REQUESTED,
            at=at,
            tree_id=tree.pk,
            **_asked(at),
            ready_at=None,
            reason="",
            reason_text="",
            damaged_paths=[],
            expiry_warned_days=None,
            overdue_since=None,
        )
        record("download.requested", download, actor=actor, at=at, project_id=download.project_id, tree=str(tree.pk))
    download.refresh_from_db()


def extend_download(*, download: Download, actor: Member, expires_at: datetime | None = None, at: datetime) -> None:
    """Keep a download until another time, by default as long from now as a new one is kept.

    Raises:
        DownloadNotFoundError, DownloadRoleError: the actor may not decide on it.
        DownloadTransitionError: it has ended.
        ExpiryError: the time has passed, or is further away than a new download is kept.
    """
    check_may_decide(actor, download)
    latest = at + backends().policies.downloads_kept
    until = latest if expires_at is None else expires_at
    if not at < until <= latest:
        raise ExpiryError(
            f"A download can be kept until {latest:%-d %B %Y, %H:%M} at the latest, and can be extended again later. "
            "Name a time between now and then.",
            field="expires_at",
        )
    with transaction.atomic():
        live = Download.objects.live().filter(pk=download.pk)
        if not live.update(expires_at=until, expiry_warned_days=None, overdue_since=None):
            download.refresh_from_db()
            if download.current_state not in LIVE:
                raise DownloadTransitionError(download.current_state, DownloadState.READY)
        record("download.extended", download, actor=actor, at=at, project_id=download.project_id)
    download.expires_at, download.expiry_warned_days = until, None
