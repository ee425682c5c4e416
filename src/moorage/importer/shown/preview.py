"""A preview as pages and documents show it: what it found, and whether that still holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from moorage.importer.ledger.conflicts import CONFLICT
from moorage.importer.models import Preview, PreviewState
from moorage.importer.words.advice import advised
from moorage.importer.words.reasons import BAD_LIST, BAD_RULES, NOT_THERE, NOT_USED
from moorage.importer.words.reporting import Done
from moorage.importer.words.verdicts import GOOD, Verdict
from moorage.projects.choices import ImportChoices

UNDER_WAY: Final = (PreviewState.WANTED, PreviewState.RUNNING)


@dataclass(frozen=True)
class Counted:
    """How many files, and how many bytes of them."""

    files: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Cause:
    """A reason why paths are not imported, or a warning of some that are, with how many it is said of.

    `folders` is how many folders, besides the files.
    """

    code: str
    sentence: str
    verdict: str
    counted: Counted
    folders: int = 0


@dataclass(frozen=True)
class PreviewView:
    """A preview to be shown.

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
        return self.state in UNDER_WAY

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
        """How far it has been made. Bytes count where they are read."""
        size = (self.bytes_done, self.bytes_total) if self.with_digests else (0, 0)
        return Done(self.files_done, self.files_total, *size).percent

    @property
    def warnings(self) -> list[str]:
        """What of the upload's own rules and lists of digests does not count, and chosen paths that are not there."""
        return self.warnings_of(is_open=True)

    def warnings_of(self, *, is_open: bool) -> list[str]:
        """The same, with the next step that is right as long as files can be sent into the upload, or later."""
        told = {BAD_RULES, BAD_LIST, NOT_USED, NOT_THERE.code}
        return [advised(one.code, one.sentence, is_open=is_open) for one in self.causes if one.code in told]

    @property
    def stopped_by(self) -> Cause | None:
        """Why an import would bring nothing, although some of its files could be imported."""
        return next((cause for cause in self.causes if cause.code == CONFLICT), None)

    def of(self, verdict: Verdict) -> Counted:
        return self.verdicts.get(verdict, Counted())

    def causes_of(self, verdict: Verdict) -> list[Cause]:
        return [cause for cause in self.causes if cause.verdict == verdict]


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
    return Cause(kept["code"], kept["sentence"], kept.get("verdict", Verdict.REJECTED), counted, kept.get("folders", 0))
