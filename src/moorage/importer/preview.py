"""Making a preview: the same scan and the same planner as an import's, on an area that may still be written to.

What it finds is in the manifest until the import, or the next preview, has looked again; digests that it took are not
taken again as long as nothing has changed.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import Case, CharField, F, Max, Q, QuerySet, TextField, Value, When

from moorage.importer.batches.place import digest_batch
from moorage.importer.ledger.conflicts import foreseen_conflict
from moorage.importer.ledger.counting import BYTES, FILES, FOLDERS, IS_FOLDER
from moorage.importer.ledger.job import ImportJob
from moorage.importer.ledger.unmatched import sentence_of, unmatched
from moorage.importer.lists.completeness import causes_by_lists
from moorage.importer.lists.found import read_found_lists
from moorage.importer.lists.overlaps import not_used
from moorage.importer.models import ManifestEntry
from moorage.importer.place.passes import place_listed
from moorage.importer.plan.planner import planner_for
from moorage.importer.plan.scan import Listed, end_scan, scan
from moorage.importer.words.reasons import BAD_LIST, BAD_RULES, IGNORED, NOT_THERE, NOT_USED
from moorage.importer.words.verdicts import EntryKind, EntryState, Verdict
from moorage.importer.write.manifest_writer import ManifestWriter
from moorage.projects.choices import OnConflict
from moorage.projects.models import Project

MOST_CAUSES: Final = 100

Found = dict[str, Any]


def make_preview(job: ImportJob, *, fence: int, with_digests: bool) -> Found:
    """Find out what an import with the job's choices would do. Returns the columns of the preview that say so.

    `fence` is that of the lease under which it is made: entries are marked with it.

    Raises:
        LeaseLostError: it is not wanted any more; what it had written, the next look replaces.
        ImportStoppedError: the worker is to end.
        StoreAwayError: the store is not there.
    """
    job.check_area()
    head = Project.objects.values_list("head", flat=True).get(pk=job.project_id)
    job.note(step="scan", files_done=0, bytes_done=0)
    faults = read_found_lists(job)
    planner = planner_for(job, head=head)
    writer = ManifestWriter(job, -fence)
    if with_digests:
        place_listed(job, planner, writer, digest_batch, identify=False)
    else:
        listed = Listed()
        for group in scan(job, planner, listed):
            for entry in group.entries:
                writer.add(entry)
            job.add(files=sum(entry.kind != EntryKind.DIRECTORY for entry in group.entries))
            writer.write_full()
        writer.write_all()
        job.note_total(listed.files, listed.bytes, is_whole=True)
    end_scan(job, planner, run=-fence)
    entries = ManifestEntry.objects.filter(upload_id=job.upload_id, run=-fence)
    stops = planner.policy.on_conflict == OnConflict.FAIL
    problems = [
        *(foreseen_conflict(entries) if stops else []),
        *_causes(entries),
        *causes_by_lists(job.upload_id, entries, job.delivered),
        *_warnings(BAD_RULES, planner.ignoring.warnings),
        *_warnings(BAD_LIST, faults),
        *_warnings(NOT_USED, not_used(job.upload_id)),
        *_not_there(job),
    ]
    return {"planned_revision": head, "verdicts": _verdicts(entries), "problems": problems}


def _warnings(code: str, sentences: Iterable[str]) -> list[Found]:
    """What of the upload's own ignore rules, lists of digests, or chosen paths does not count."""
    return [{"code": code, "sentence": one, "verdict": "", "files": 0, "bytes": 0} for one in sentences]


def _not_there(job: ImportJob) -> list[Found]:
    """That chosen paths match nothing."""
    chosen = job.choices.paths
    missing = unmatched(job.upload_id, chosen)
    return _warnings(NOT_THERE.code, [sentence_of(missing, chosen=len(chosen))] if missing else [])


def _verdicts(entries: QuerySet[ManifestEntry]) -> dict[str, dict[str, int]]:
    sums: dict[str, dict[str, int]] = {}
    for verdict, state, files, size in (
        entries.exclude(IS_FOLDER).order_by().values_list("verdict", "state").annotate(files=FILES, size=BYTES)
    ):
        name = Verdict.REJECTED.value if state == EntryState.FAILED else verdict
        one = sums.setdefault(name, {"files": 0, "bytes": 0})
        one["files"] += files
        one["bytes"] += size
    return sums


def _causes(entries: QuerySet[ManifestEntry]) -> list[Found]:
    """Why paths are not imported, and warnings of some that are not, the most frequent first."""
    # Each ignore rule is told by itself; other sentences of one reason may differ by the path that they name.
    rule = Case(When(reason=IGNORED, then=F("reason_text")), default=Value(""), output_field=TextField())
    # A folder is skipped with all that it holds, which is told; one that is rejected or unreadable is told itself.
    told = entries.exclude(reason="").exclude(IS_FOLDER & Q(verdict=Verdict.SKIPPED)).order_by()
    # By what is said of them, not by how far their bytes have come.
    failed = When(state=EntryState.FAILED, then=Value(Verdict.REJECTED.value))
    said = Case(failed, default=F("verdict"), output_field=CharField())
    not_good = told.annotate(rule=rule, said=said).values_list("said", "reason", "rule")
    causes = [
        {
            "code": code,
            "sentence": sentence,
            "verdict": verdict,
            "files": files,
            "folders": folders,
            "bytes": size,
        }
        for verdict, code, _, files, folders, size, sentence in not_good.annotate(
            files=FILES, folders=FOLDERS, size=BYTES, sentence=Max("reason_text")
        )
    ]
    return sorted(causes, key=lambda cause: (-cause["files"] - cause["folders"], cause["code"]))[:MOST_CAUSES]
