"""Asking for a revision: the row of a change of a project's files, before anything of it is written.

How a revision is registered and published is in `files.registering`; lists of revisions are in `files.history`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.files.models import Revision, RevisionKind
from moorage.projects.models import Project


def ask_revision(
    *,
    project: Project,
    kind: RevisionKind,
    by: Member | None,
    at: datetime,
    upload_id: UUID | None = None,
    undoes: Revision | None = None,
    request: Mapping[str, Any] | None = None,
) -> Revision:
    """Note that the project's files are to change. Nothing changes until the revision is published.

    Afterwards the revision is WAITING and has no number. `upload_id` names the upload that it imports, and is
    worked on under whose lease, or whose import it undoes: an undo is worked on under its own lease.
    `request` is what was asked of a remove, move or restore (`files.change_requests`).
    """
    with transaction.atomic():
        revision = Revision.objects.create(
            project=project,
            kind=kind,
            by=by,
            asked_at=at,
            upload_id=upload_id,
            undoes=undoes,
            request=dict(request or {}),
        )
        record("revision.asked", revision, actor=by, at=at, project_id=project.pk, kind=str(kind), **(request or {}))
    return revision
