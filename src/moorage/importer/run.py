"""An import from its beginning to its end: scan, plan, digest and place together → register → publish.

Every step finds by the manifest where it stopped, so a worker that takes over just runs it again.
Clearing what has been published needs no lease any more: see `importer.publish.clear`.
"""

from moorage.importer.batches.place import place_batch
from moorage.importer.ledger.counting import BYTES, FILES
from moorage.importer.ledger.durability import batches_on_disk_later
from moorage.importer.ledger.job import ImportJob
from moorage.importer.ledger.runs import begin_run
from moorage.importer.lists.completeness import count_missing
from moorage.importer.lists.found import read_found_lists
from moorage.importer.lists.overlaps import not_used
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.place.passes import clear_unfinished, place_listed, place_queued
from moorage.importer.plan.known_before import forget_mere_plans
from moorage.importer.plan.planner import Planner, planner_for
from moorage.importer.plan.scan import Folders, Listed, end_scan, scan
from moorage.importer.plan.still_to_place import to_place
from moorage.importer.publish.publishing import register_and_publish
from moorage.importer.register.early import EarlyRegister, begin_early
from moorage.importer.words.advice import advised
from moorage.importer.words.reasons import BAD_LIST, BAD_RULES, NOT_USED
from moorage.importer.words.verdicts import EntryKind
from moorage.importer.write.manifest_writer import ManifestWriter
from moorage.projects.models import Project


def run_import(job: ImportJob) -> int | None:
    """Import an upload's sealed area into its project. Returns the revision's number, or None if nothing was good.

    The upload's end is told through `job.finish`, in the transaction that moves the project's head.

    Raises:
        StoreAwayError: the store is not there; it goes on where it is taken up next.
        MoorageError: the import cannot go on; end it with `runs.fail_run`.
        LeaseLostError: another worker has it; nothing more was written.
        ImportStoppedError: the worker is to end; it goes on where it is taken up next.
    """
    with batches_on_disk_later():
        return _run(job)


def _run(job: ImportJob) -> int | None:
    run = begin_run(job)
    job.seam("begun")
    job.check_cancelled()  # whoever waits for the store hears of it here only
    job.check_area()
    if run.scanned_at is None:
        forget_mere_plans(job)
        faults = [advised(BAD_LIST, fault, is_open=False) for fault in read_found_lists(job)]
        run.warnings = [{"code": BAD_LIST, "sentence": fault} for fault in faults]
        run.warnings += [{"code": NOT_USED, "sentence": told} for told in not_used(job.upload_id)]
    head = Project.objects.values_list("head", flat=True).get(pk=job.project_id)
    planner = planner_for(job, head=head, defaults=run.defaults)
    if not job.choices.include_skipped:
        planner.ignoring.check_read()
        if run.scanned_at is None:
            run.warnings += [{"code": BAD_RULES, "sentence": told} for told in planner.ignoring.warnings]
    early = EarlyRegister(job, run.number)
    if run.scanned_at is None:
        early = begin_early(job, run, planner, head=head)
        _list_and_place(job, run, planner, head, early)
    else:
        _count_again(job, run)
    place_queued(job, planner, run.number, place_batch)
    # Before the right to register is taken, which others wait for; written when the run ends.
    run.missing_count = count_missing(job.upload_id, job.delivered)
    job.seam("placed")
    return register_and_publish(job, run, early)


def _count_again(job: ImportJob, run: ImportRun) -> None:
    """How far what the manifest has is done, such as by a worker that this one takes over from."""
    listed = ManifestEntry.objects.filter(upload_id=job.upload_id, run=run.number)
    waiting = to_place(job, run.number)
    totals, left = (one.aggregate(files=FILES, bytes=BYTES) for one in (listed, waiting))
    job.note(
        step="digest",
        files_total=totals["files"],
        bytes_total=totals["bytes"],
        files_done=totals["files"] - left["files"],
        bytes_done=totals["bytes"] - left["bytes"],
    )


def _list_and_place(job: ImportJob, run: ImportRun, planner: Planner, head: int, early: EarlyRegister) -> None:
    job.note(step="digest", files_done=0, bytes_done=0)
    clear_unfinished(job)
    if run.planned_revision is None or not planner.previous.exist:
        # A later try may find a newer head, but entries that are there were judged against the older.
        with job.batch():
            run.planned_revision = head
            run.save(update_fields=["planned_revision"])
    writer = ManifestWriter(job, run.number, early)
    if job.suspicions:
        _list_only(job, run, planner, writer)
    else:
        place_listed(job, planner, writer, place_batch)
    end_scan(job, planner, run=run.number)
    with job.batch():
        run.scanned_at = job.clock()
        run.save(update_fields=["scanned_at", "warnings"])
    job.seam("scanned")


def _list_only(job: ImportJob, run: ImportRun, planner: Planner, writer: ManifestWriter) -> None:
    """Write everything down as planned before anything of it is placed, with the times by which it is suspected.

    Our own links and chmods move those: who looks after them, or after a worker that died, cannot tell any more.
    """
    folders = Folders(job)
    for group in scan(job, planner, Listed()):
        folders.point(group.entries)
        for entry in group.entries:
            if entry.kind == EntryKind.FILE:
                entry.arrived_ns = entry.last_written_ns
            writer.add(entry)
        writer.write_full()
    writer.write_all()
    _count_again(job, run)
