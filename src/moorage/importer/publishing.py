"""Register and publish: the part of an import that takes turns with other imports into the project."""

from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Q, QuerySet, Sum

from moorage.files.registering import (
    RegisterRight,
    RevisionCounts,
    RightLostError,
    give_back,
    publish,
    take_right,
)
from moorage.importer.job import ImportJob, Outcome
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.placing import place_all, to_place
from moorage.importer.problems import not_imported, write_problems
from moorage.importer.register import register, registered_under
from moorage.importer.replanning import plan_again
from moorage.importer.runs import end_run, fail_run, forget_unpublished
from moorage.importer.verdicts import GOOD, EntryKind, EntryState, Verdict

ASK_AGAIN_SECONDS: Final = 0.3


def register_and_publish(job: ImportJob, run: ImportRun) -> int | None:
    """Let everyone see what was placed, as one revision. Returns its number, or None if the run ended as failed.

    Whenever the right is lost, register begins again at the first entry under a new one.

    Raises:
        LeaseLostError, ImportStoppedError: the import is left for whoever takes it next.
    """
    while True:
        right = _wait_for_right(job, run)
        try:
            done, number = _under(job, run, right)
        except RightLostError:
            continue
        if done:
            return number


def _wait_for_right(job: ImportJob, run: ImportRun) -> RegisterRight:
    job.note(step="register")
    while True:
        try:
            right = take_right(revision=run.revision, may_take=job.may_take_right, also=job.write_progress)
        except RightLostError:
            right = None
        if right is not None:
            job.seam("right taken")
            # Entries that an interrupted register marked are marked for nothing: the versions have been cleared.
            forget_unpublished(job)
            return right
        job.sleep(ASK_AGAIN_SECONDS)


def _under(job: ImportJob, run: ImportRun, right: RegisterRight) -> tuple[bool, int | None]:
    """One try under one right: whether the run has ended, and the number that it published."""
    plan_again(job, run, head=right.head)
    if to_place(job).exists():
        # The project has changed so that more can be imported than was planned. Others go first meanwhile.
        give_back(right)
        place_all(job)
        return False, None
    if not _has_something_good(job):
        write_problems(job, run)
        _count(job, run, right)
        fail_run(job, run, code=_why_nothing(job)[0], sentence=_why_nothing(job)[1], right=right)
        return True, None
    if not register(job, right):
        give_back(right)
        place_all(job)
        return False, None
    write_problems(job, run)
    counts = _count(job, run, right)
    job.seam("registered")
    job.note(step="publish")
    now = job.clock()
    number = publish(right, at=now, counts=counts, also=lambda: _finish(job, run, right, now))
    job.seam("published")
    return True, number


def _has_something_good(job: ImportJob) -> bool:
    good = ManifestEntry.objects.filter(upload_id=job.upload_id, verdict__in=GOOD).exclude(
        state__in=(EntryState.FAILED, EntryState.REGISTERED)
    )
    return good.exists()


def _why_nothing(job: ImportJob) -> tuple[str, str]:
    if not_imported(job).exists():
        return (
            "import.nothing_good",
            "None of its files could be imported. See why below, and send them in another upload.",
        )
    return "import.empty", "Nothing was in the staging area. Transfer the files in another upload, or press DELETE."


def _count(job: ImportJob, run: ImportRun, right: RegisterRight) -> RevisionCounts:
    """What this run found and did, by verdict; also for the revision. Counted before the transaction that publishes."""
    registered = registered_under(job, right)
    rows = [*_by_verdict(registered), *_by_verdict(not_imported(job))]
    verdicts: dict[str, dict[str, int]] = {}
    for verdict, files, size in rows:
        sums = verdicts.setdefault(verdict, {"files": 0, "bytes": 0})
        sums["files"] += files
        sums["bytes"] += size
    run.verdicts = verdicts
    total = registered.aggregate(files=Count("pk"), bytes=Sum("size_bytes"))
    run.files, run.bytes = total["files"], total["bytes"] or 0
    added, changed = (verdicts.get(name, {"files": 0, "bytes": 0}) for name in (Verdict.NEW, Verdict.NEW_VERSION))
    return RevisionCounts(
        files_added=added["files"], files_changed=changed["files"], bytes_added=added["bytes"] + changed["bytes"]
    )


def _by_verdict(entries: QuerySet[ManifestEntry]) -> list[tuple[str, int, int]]:
    """(verdict, files, bytes); what failed counts as rejected, and a folder that is taken does not count."""
    rejected = Q(state=EntryState.FAILED)
    counted = entries.exclude(Q(kind=EntryKind.DIRECTORY) & Q(verdict__in=GOOD)).order_by()
    rows: list[tuple[str, int, int]] = []
    for verdict, files, size in _grouped(counted.exclude(rejected)):
        rows.append((verdict, files, size or 0))
    for _, files, size in _grouped(counted.filter(rejected)):
        rows.append((str(Verdict.REJECTED), files, size or 0))
    return rows


def _grouped(entries: QuerySet[ManifestEntry]) -> Any:
    return entries.values_list("verdict").annotate(files=Count("pk"), bytes=Sum("size_bytes"))


def _finish(job: ImportJob, run: ImportRun, right: RegisterRight, at: datetime) -> None:
    """In the transaction that moves the head: the run's end, then the upload's."""
    run.register_fence = right.fence
    end_run(run, outcome="imported", at=at)
    job.finish(Outcome(revision=right.number, files=run.files, bytes=run.bytes, problems=run.problem_count), at)
