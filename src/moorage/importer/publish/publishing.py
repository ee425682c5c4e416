"""Register and publish: the part of an import that takes turns with other imports into the project."""

import logging
import time
from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet

from moorage.files.registering import RegisterRight, RevisionCounts, RightLostError, give_back, publish
from moorage.files.taking import keep_right, take_right
from moorage.importer.batches.place import place_batch
from moorage.importer.ledger.conflicts import CONFLICT, why_stopped
from moorage.importer.ledger.counting import BYTES, FILES, IS_FOLDER
from moorage.importer.ledger.durability import on_disk_at_once
from moorage.importer.ledger.job import ImportJob
from moorage.importer.ledger.runs import end_run, fail_run, outcome_of
from moorage.importer.ledger.unmatched import sentence_of, unmatched
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.place.passes import place_queued
from moorage.importer.plan.again import plan_again
from moorage.importer.plan.planner import Planner, planner_for
from moorage.importer.plan.still_to_place import to_place
from moorage.importer.publish.included import warn_of_included
from moorage.importer.publish.problems import not_imported, write_problems
from moorage.importer.register.early import EarlyRegister
from moorage.importer.register.ranges import is_still_live, register, registering
from moorage.importer.words import reasons
from moorage.importer.words.verdicts import GOOD, EntryState, Verdict
from moorage.projects.choices import OnConflict

ASK_AGAIN_SECONDS: Final = 0.3

_NOTHING_GOOD: Final = "None of its files could be imported. See why below, and retry or send them in another upload."
_NOTHING_CHOSEN: Final = (
    "All of its files were left out, by a rule or by what was chosen. See which below, and retry with other choices."
)

log = logging.getLogger(__name__)


def register_and_publish(job: ImportJob, run: ImportRun, early: EarlyRegister) -> int | None:
    """Let everyone see what was placed, as one revision. Returns its number, or None if the run ended as failed.

    What was registered `early` is registered already, as long as nobody has taken the right.

    Whenever the right is lost, register begins again at the first entry under a new one.

    Raises:
        LeaseLostError, ImportStoppedError: the import is left for whoever takes it next.
    """
    while True:
        # Not under the right, which others wait for. What is found out under it and says otherwise begins it anew.
        write_problems(job, run)
        right, first = _wait_for_right(job, run, early)
        try:
            done, number = _under(job, run, right, first)
        except RightLostError:
            continue
        if done:
            return number


def _wait_for_right(job: ImportJob, run: ImportRun, early: EarlyRegister) -> tuple[RegisterRight, int]:
    """The right, and the entry at which register begins under it."""
    job.note(step="register")
    ours, early.right = early.right, None
    kept = keep_right(ours, run.revision, also=job.write_progress) if ours is not None else None
    if kept is not None:
        job.seam("right kept")
        return kept, early.next
    while True:
        try:
            right = take_right(revision=run.revision, may_take=job.may_take_right, also=job.write_progress)
        except RightLostError:
            right = None
        if right is not None:
            job.seam("right taken")
            return right, 0
        job.sleep(ASK_AGAIN_SECONDS)


def _under(job: ImportJob, run: ImportRun, right: RegisterRight, first: int) -> tuple[bool, int | None]:
    """One try under one right: whether the run has ended, and the number that it published."""
    planner = planner_for(job, head=right.head, defaults=run.defaults)
    if not job.choices.include_skipped:
        planner.ignoring.check_read()
    if plan_again(job, run, planner, head=right.head) or to_place(job, run.number).exists():
        # The project has changed so that more can be imported than was planned, or less. Others go first meanwhile.
        give_back(right)
        place_queued(job, planner, run.number, place_batch)
        return False, None
    why_not = _why_nothing(job, run, planner)
    if why_not is not None:
        _count(job, run)
        with on_disk_at_once():
            fail_run(job, run, code=why_not[0], sentence=why_not[1], right=right)
        return True, None
    is_sound = not first or is_still_live(job, right, run.number, before=first)
    if not is_sound or not register(job, right, run.number, first=first):
        give_back(right)
        place_queued(job, planner, run.number, place_batch)
        return False, None
    warn_of_included(job, run)
    counts = _count(job, run)
    job.seam("registered")
    job.note(step="publish")
    job.check_cancelled()
    return True, _publish(job, run, right, counts)


def _publish(job: ImportJob, run: ImportRun, right: RegisterRight, counts: RevisionCounts) -> int:
    now, began = job.clock(), time.monotonic()
    with on_disk_at_once():
        number = publish(right, at=now, counts=counts, also=lambda: _finish(job, run, right, now))
    log.info("import of %s: published revision %d in %.1f ms", job.upload_id, number, 1000 * (time.monotonic() - began))
    job.seam("published")
    return number


def _why_nothing(job: ImportJob, run: ImportRun, planner: Planner) -> tuple[str, str] | None:
    """Why the run publishes nothing; None if it does."""
    chosen = job.choices.paths
    if chosen and len(unmatched(job.upload_id, chosen)) == len(chosen):
        # Folders on the way to them may be there. They alone are not what she wanted.
        return "import.paths_not_there", f"{sentence_of(chosen, chosen=len(chosen))} Retry with other paths."
    good = ManifestEntry.objects.filter(
        upload_id=job.upload_id, run=run.number, verdict__in=GOOD, state=EntryState.PLACED
    )
    if planner.policy.on_conflict == OnConflict.FAIL and (told := why_stopped(good)):
        return CONFLICT, told
    if good.exists():
        return None
    if not_imported(job, run.number).exists():
        blocking = planner.at_head.folder(planner.target).blocked_by
        if blocking:
            return "import.target_is_file", reasons.file_in_place_of_target(blocking).sentence
        return "import.nothing_good", _NOTHING_CHOSEN if run.problem_count == run.left_out_count else _NOTHING_GOOD
    return "import.empty", "Nothing was in the staging area. Transfer the files in another upload."


def _count(job: ImportJob, run: ImportRun) -> RevisionCounts:
    """What this run found and did, by verdict; also for the revision. Its problems must have been written."""
    rows = _grouped(registering(job, run.number).order_by())
    if run.problem_count:
        rows += _by_verdict(not_imported(job, run.number))
    verdicts: dict[str, dict[str, int]] = {}
    for verdict, files, size in rows:
        sums = verdicts.setdefault(verdict, {"files": 0, "bytes": 0})
        sums["files"] += files
        sums["bytes"] += size
    run.verdicts = verdicts
    good = [verdicts.get(str(name), {"files": 0, "bytes": 0}) for name in GOOD]
    run.files, run.bytes = sum(one["files"] for one in good), sum(one["bytes"] for one in good)
    added, changed = (verdicts.get(name, {"files": 0, "bytes": 0}) for name in (Verdict.NEW, Verdict.NEW_VERSION))
    return RevisionCounts(
        files_added=added["files"], files_changed=changed["files"], bytes_added=added["bytes"] + changed["bytes"]
    )


def _by_verdict(entries: QuerySet[ManifestEntry]) -> list[tuple[str, int, int]]:
    """(verdict, files, bytes); what failed counts as rejected, and no folder counts."""
    failed = Q(state=EntryState.FAILED)
    counted = entries.exclude(IS_FOLDER).order_by()
    rows: list[tuple[str, int, int]] = []
    rows += _grouped(counted.exclude(failed))
    rows += [(str(Verdict.REJECTED), files, size) for _, files, size in _grouped(counted.filter(failed))]
    return rows


def _grouped(entries: QuerySet[ManifestEntry]) -> list[tuple[str, int, int]]:
    return list(entries.values_list("verdict").annotate(files=FILES, bytes=BYTES))


def _finish(job: ImportJob, run: ImportRun, right: RegisterRight, at: datetime) -> None:
    """In the transaction that moves the head: the run's end, then the upload's."""
    run.register_fence = right.fence
    end_run(run, outcome="imported", at=at)
    job.finish(outcome_of(run, revision=right.number), at)
