"""Receipts: what a run of an import did. Made of the run's own rows, which never change after its end."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q, Sum

from moorage.errors import NotFoundError
from moorage.importer.ledger.counting import folders_not_imported
from moorage.importer.models import ImportProblem, ImportRun
from moorage.importer.words import paths, reasons
from moorage.importer.words.verdicts import GOOD, Verdict
from moorage.projects.choices import ImportChoices

# Codes of problems by verdict; those of REJECTED are all others that are said of a staged path.
CODES: Final[Mapping[Verdict, tuple[str, ...]]] = {
    Verdict.DOUBTFUL: reasons.DOUBT,
    Verdict.SKIPPED: reasons.LEFT_OUT,
}


class ReceiptNotFoundError(NotFoundError):
    """The upload has no finished import (of this revision, or of this number)."""

    code = "receipt.not_found"


@dataclass(frozen=True)
class Receipt:
    """One run. `verdicts` is {verdict: {"files", "bytes"}}. `revision` is None when it published nothing: then it
    brought no files, verdicts of files that could be imported are what they would have been, and `reason` (a code) and
    `reason_text` say why.

    `choices` are those that it followed. `folders` says how many of the problems are folders, `left_out` how many have
    no other reason than a rule or a choice, `untried` how many its own `choices` and rules left out. `missing` counts
    files that lists name and that were not there; None where that was not found out. `warnings` ({"code", "sentence"})
    are of what it was given and could not use, and of what it brought although that was doubtful.
    """

    run: int
    outcome: str
    revision: int | None
    choices: ImportChoices
    files: int
    bytes: int
    problems: int
    folders: int
    left_out: int
    untried: int
    missing: int | None
    reason: str
    reason_text: str
    warnings: list[dict[str, str]] = field(hash=False)
    verdicts: dict[str, dict[str, int]] = field(hash=False)
    started_at: datetime
    ended_at: datetime
    duration: timedelta

    @property
    def is_in_vain_again(self) -> bool:
        """Whether a retry with the same choices would leave out again all that this run did not import."""
        is_unpublished = self.revision is None and any(verdict in GOOD for verdict in self.verdicts)
        return 0 < self.problems == self.untried and not is_unpublished


@dataclass(frozen=True)
class ReceiptProblem:
    """A path that the run did not import. `id` is the place to go on after.

    `kind` is empty, and the size of a file not known, in receipts of earlier versions. What was chosen and is not there
    has no verdict.
    """

    id: int
    path: str
    kind: str
    size_bytes: int | None
    code: str
    sentence: str
    kept_until: datetime | None

    @property
    def verdict(self) -> str:
        if self.code == reasons.NOT_THERE.code:
            return ""
        return next((verdict.value for verdict, codes in CODES.items() if self.code in codes), Verdict.REJECTED.value)


def receipts(upload_id: UUID) -> list[Receipt]:
    """The receipts of an upload, the newest first; none while its first import runs."""
    runs = ImportRun.objects.select_related("revision").filter(upload_id=upload_id).exclude(outcome="")
    return [_receipt(run) for run in runs.order_by("-number")]


def receipt(upload_id: UUID, *, revision: int | None = None, run: int | None = None) -> Receipt:
    """The receipt of the run that published a revision, by default the newest; of the newest run if none published.

    `run` is the number of any run, whether it published or not.

    Raises:
        ReceiptNotFoundError: there is none.
    """
    ended = receipts(upload_id)
    if run is not None:
        return _of_run(ended, run, revision=revision)
    published = [one for one in ended if one.revision is not None and revision in {None, one.revision}]
    found = next(iter(published or (ended if revision is None else [])), None)
    if found is None:
        raise ReceiptNotFoundError(
            "There is no such receipt. It comes when the import has ended; look at Upload Status."
        )
    return found


def _of_run(ended: Sequence[Receipt], run: int, *, revision: int | None) -> Receipt:
    found = next((one for one in ended if one.run == run and revision in {None, one.revision}), None)
    if found is None:
        of_revision = "" if revision is None else f" and has published revision {revision}"
        raise ReceiptNotFoundError(
            f"This upload has no run {run} that has ended{of_revision}. Runs are counted from 1; the newest that has "
            f"ended is {ended[0].run if ended else 'still to come'}."
        )
    return found


def newest_counted(found: Sequence[Receipt]) -> Receipt | None:
    """Of an upload's receipts, the one of the newest run that came to count what it left out: no cancelled one did."""
    return next((one for one in found if one.verdicts), None)


def newest_missing(found: Sequence[Receipt]) -> Receipt | None:
    """The one of the newest run that found out what is missing."""
    return next((one for one in found if one.missing is not None), None)


def imported_totals(upload_ids: Collection[UUID]) -> dict[UUID, tuple[int, int]]:
    """Files and bytes that the published runs of uploads have brought into their projects, by upload."""
    published = ImportRun.objects.filter(upload_id__in=upload_ids, revision__number__isnull=False)
    rows = published.order_by().values_list("upload_id").annotate(files=Sum("files"), size=Sum("bytes"))
    return {upload_id: (files or 0, size or 0) for upload_id, files, size in rows}


def problems(
    upload_id: UUID, run: int, *, verdict: str = "", after: int = 0, limit: int = 100
) -> Iterator[ReceiptProblem]:
    """What a run did not import, in pages; of one verdict, where it is asked for."""
    # A run that ended before it had counted may have written some: they are none of its receipt.
    counted = Q(run__problem_count__gt=0) | Q(code=reasons.NOT_THERE.code)
    rows = ImportProblem.objects.filter(counted, _is_of(verdict), run__upload_id=upload_id, run__number=run)
    rows = rows.filter(pk__gt=after)
    for row in rows.order_by("pk")[:limit]:
        path = paths.printable(bytes(row.path))
        yield ReceiptProblem(row.pk, path, row.kind, row.size_bytes, row.code, row.sentence, row.kept_until)


def _is_of(verdict: str) -> Q:
    if verdict == Verdict.REJECTED:
        return ~Q(code__in=[reasons.NOT_THERE.code, *(code for codes in CODES.values() for code in codes)])
    return Q(code__in=CODES[Verdict(verdict)]) if verdict else Q()


def _receipt(run: ImportRun) -> Receipt:
    ended_at = run.ended_at or run.started_at
    is_in_project = run.outcome == "imported"
    return Receipt(
        run=run.number,
        outcome=run.outcome,
        revision=run.revision.number,
        choices=ImportChoices.from_json(run.choices),
        files=run.files if is_in_project else 0,
        bytes=run.bytes if is_in_project else 0,
        problems=run.problem_count,
        folders=folders_not_imported(run),
        left_out=run.left_out_count,
        untried=run.untried_count,
        missing=run.missing_count,
        reason=run.reason,
        reason_text=run.reason_text,
        warnings=run.warnings,
        verdicts=run.verdicts,
        started_at=run.started_at,
        ended_at=ended_at,
        duration=ended_at - run.started_at,
    )
