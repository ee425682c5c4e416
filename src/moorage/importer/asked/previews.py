"""Asking for a preview. What fills it is the engine, who may ask is decided above, and `shown.preview` shows it.

An upload has one preview. Asked for anew, it shows what the one before found until a worker has looked again, unless
other choices were made: what those would do nobody knows yet.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.files.choosing import checked_choices
from moorage.importer.models import Preview, PreviewState
from moorage.importer.shown.preview import UNDER_WAY
from moorage.projects.choices import ImportChoices


def ask_preview(
    *,
    upload_id: UUID,
    project_id: UUID,
    by: Member,
    at: datetime,
    with_digests: bool = False,
    choices: ImportChoices | None = None,
    from_the_start: bool = False,
) -> None:
    """Have a worker find out what an import with these choices would do.

    Asked again while one waits or runs it changes nothing; with other choices, or `from_the_start`, it begins anew, and
    whoever fills the one before has lost it. The caller has made sure that `by` may ask, and that there is something
    to look at.

    Raises:
        InvalidChoiceError: no import could have these choices.
    """
    chosen = checked_choices(choices or ImportChoices()).as_json()
    wanted = {"with_digests": with_digests, "choices": chosen}
    with transaction.atomic():
        preview, is_first = Preview.objects.get_or_create(
            upload_id=upload_id, defaults={**wanted, "asked_by": by, "asked_at": at}
        )
        if is_first or _begin_anew(preview, wanted, by=by, at=at, anyway=from_the_start):
            record("upload.checked", preview, actor=by, at=at, project_id=project_id, upload=str(upload_id), **wanted)


def _begin_anew(preview: Preview, wanted: Mapping[str, Any], *, by: Member, at: datetime, anyway: bool) -> bool:
    """Have it made again. False: the same is being made already."""
    while True:
        is_same = (preview.with_digests, preview.choices) == (wanted["with_digests"], wanted["choices"])
        if is_same and not anyway and preview.state in UNDER_WAY:
            return False
        forgotten = {} if preview.choices == wanted["choices"] else _NOTHING_FOUND
        anew = {**wanted, **_ANEW, **forgotten, "asked_by": by, "asked_at": at, "fence": preview.fence + 1}
        if Preview.objects.filter(pk=preview.pk, state=preview.state, fence=preview.fence).update(**anew):
            return True
        # A worker, or another request, was quicker by a moment: what it made of it counts.
        preview.refresh_from_db()


_ANEW: Final[Mapping[str, Any]] = {
    "state": PreviewState.WANTED,
    "held_by": "",
    "started_at": None,
    "step": "",
    "files_total": 0,
    "bytes_total": 0,
    "files_done": 0,
    "bytes_done": 0,
    "reason": "",
    "reason_text": "",
}
_NO_REVISION: Final = -1
_NOTHING_FOUND: Final[Mapping[str, Any]] = {
    "ended_at": None,
    "planned_revision": None,
    "area_digest": "",
    "verdicts": {},
    "problems": [],
}


def look_again(*, upload_id: UUID, project_id: UUID, by: Member, at: datetime) -> None:
    """Have the preview made from the start if there is one: what it was made from has changed."""
    preview = Preview.objects.filter(upload_id=upload_id).first()
    if preview is not None:
        ask_preview(
            upload_id=upload_id,
            project_id=project_id,
            by=by,
            at=at,
            with_digests=preview.with_digests,
            choices=ImportChoices.from_json(preview.choices),
            from_the_start=True,
        )


def outdate_previews(project_id: UUID) -> None:
    """The project's defaults have changed: what is being found out begins anew, what was found holds no longer."""
    previews = Preview.objects.filter(upload__project=project_id)
    previews.filter(state=PreviewState.RUNNING).update(**_ANEW, fence=F("fence") + 1)
    previews.filter(state=PreviewState.READY).update(planned_revision=_NO_REVISION)
