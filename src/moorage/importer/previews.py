"""Asking for a preview, and reading the one that there is. What fills it is the engine; who may ask is decided above.

An upload has one preview. Asked for anew, it shows what the one before found until a worker has looked again, unless
other choices were made: what those would do nobody knows yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.files.choosing import checked_choices
from moorage.importer.models import Preview, PreviewState
from moorage.importer.reasons import BAD_RULES
from moorage.importer.verdicts import GOOD, Verdict
from moorage.projects.choices import ImportChoices

_UNDER_WAY: Final = (PreviewState.WANTED, PreviewState.RUNNING)


@dataclass(frozen=True)
class Counted:
    """How many files, and how many bytes of them."""

    files: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Cause:
    """A reason why paths are not imported, or a warning of some that are, with how many it is said of."""

    code: str
    sentence: str
    verdict: str
    counted: Counted


@dataclass(frozen=True)
class PreviewView:
    """A preview as pages and documents show it.

    `as_of` is when what it says was found out; None while nothing is known. It `holds` as long as neither the
    project nor the area has changed since and no other choices were made.
    """

    state: PreviewState
    with_digests: bool
    choices: ImportChoices
    asked_at: datetime
    as_of: datetime | None
    project_moved: bool
    area_changed: bool
    step: str
    files_total: int
    bytes_total: int
    files_done: int
    bytes_done: int
    reason: str
    reason_text: str
    verdicts: Mapping[str, Counted]
    causes: Sequence[Cause]

    @property
    def is_under_way(self) -> bool:
        return self.state in _UNDER_WAY

    @property
    def holds(self) -> bool:
        return self.state == PreviewState.READY and not self.project_moved and not self.area_changed

    @property
    def good(self) -> Counted:
        """What an import would bring, or find in the project already."""
        some = [self.verdicts[verdict] for verdict in GOOD if verdict in self.verdicts]
        return Counted(sum(one.files for one in some), sum(one.bytes for one in some))

    @property
    def percent(self) -> int:
        """How far it has been made."""
        done, total = (self.bytes_done, self.bytes_total) if self.with_digests else (self.files_done, self.files_total)
        return min(100, done * 100 // total) if total else 0

    @property
    def warnings(self) -> list[str]:
        """What of the upload's own ignore rules does not count."""
        return [cause.sentence for cause in self.causes if cause.code == BAD_RULES]

    def of(self, verdict: Verdict) -> Counted:
        return self.verdicts.get(verdict, Counted())

    def causes_of(self, verdict: Verdict) -> list[Cause]:
        return [cause for cause in self.causes if cause.verdict == verdict]


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
        if is_same and not anyway and preview.state in _UNDER_WAY:
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


def preview_of(upload_id: UUID, *, head: int, area_digest: str) -> PreviewView | None:
    """The preview of an upload whose project is at `head` and whose area looks as `area_digest` says; None without."""
    preview = Preview.objects.filter(upload_id=upload_id).first()
    if preview is None:
        return None
    is_known = preview.ended_at is not None and preview.planned_revision is not None
    return PreviewView(
        state=PreviewState(preview.state),
        with_digests=preview.with_digests,
        choices=ImportChoices.from_json(preview.choices),
        asked_at=preview.asked_at,
        as_of=preview.ended_at if is_known else None,
        project_moved=is_known and preview.planned_revision != head,
        area_changed=is_known and preview.area_digest != area_digest,
        step=preview.step,
        files_total=preview.files_total,
        bytes_total=preview.bytes_total,
        files_done=preview.files_done,
        bytes_done=preview.bytes_done,
        reason=preview.reason,
        reason_text=preview.reason_text,
        verdicts={name: Counted(counts["files"], counts["bytes"]) for name, counts in preview.verdicts.items()},
        causes=[_cause(kept) for kept in preview.problems],
    )


def _cause(kept: Mapping[str, Any]) -> Cause:
    counted = Counted(kept["files"], kept["bytes"])
    return Cause(kept["code"], kept["sentence"], kept.get("verdict", Verdict.REJECTED), counted)
