"""Planning: feeds the planner with what the project has at its head, and writes its verdicts.

In batches, because neither the manifest nor the project fits in memory. A plan that was
interrupted begins again: it is cheap.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Count, QuerySet

from moorage.files.directories import known_directories
from moorage.files.models import DirectoryVersion, FileVersion
from moorage.importer.job import ImportJob
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.plan import NOTHING, AtHead, Judgement, Staged, judge
from moorage.importer.verdicts import EntryState
from moorage.projects.models import Project

BATCH_ROWS: Final = 1000
NAMES_PER_QUERY: Final = 400

_Thing = TypeVar("_Thing")

_WRITE: Final = (
    "UPDATE importer_manifestentry SET verdict = %s, reason = %s, reason_text = %s, warning = %s"
    " WHERE id = %s AND state <> 'registered'"
)


@dataclass(frozen=True)
class ProjectAtHead:
    """Looks staged paths up in a project at one revision."""

    project_id: UUID
    revision: int

    def look_up(self, entries: Sequence[ManifestEntry]) -> dict[int, AtHead]:
        """What stands at the path of each entry, by the entry's id. Where nothing does, the entry is left out."""
        text = {entry.pk: bytes(entry.path).decode() for entry in entries if entry.name}
        # That it was a folder once does not mean that it is one now.
        folders = known_directories(self.project_id, text.values())
        if not folders:
            return {}
        wanted = set(text.values()) | _all_above(text.values())
        visible = self._visible(folders[path] for path in wanted if path in folders)
        places = {path: (folders.get(_parent(path), -1), _name(path)) for path in wanted}
        files = self._files(set(places.values()))
        standing = {path: files[place] for path, place in places.items() if place in files}
        return {pk: self._what_stands(path, folders.get(path) in visible, standing) for pk, path in text.items()}

    @staticmethod
    def _what_stands(path: str, is_folder: bool, standing: dict[str, tuple[int, str]]) -> AtHead:
        blocking = next((folder for folder in _above(path) if folder in standing), "")
        if blocking:
            return AtHead(blocked_by=blocking)
        if path in standing:
            size, digest = standing[path]
            return AtHead(is_file=True, size_bytes=size, digest=digest)
        return AtHead(is_folder=True) if is_folder else NOTHING

    def _visible(self, directory_ids: Iterable[int]) -> set[int]:
        visible: set[int] = set()
        for chunk in _chunks(list(directory_ids)):
            rows = DirectoryVersion.objects.at(self.revision).filter(directory__in=chunk)
            visible.update(rows.values_list("directory_id", flat=True))
        return visible

    def _files(self, places: set[tuple[int, str]]) -> dict[tuple[int, str], tuple[int, str]]:
        """Size and digest of the visible files among these (folder, name); -1 is no folder."""
        wanted = sorted((folder, name) for folder, name in places if folder >= 0)
        files: dict[tuple[int, str], tuple[int, str]] = {}
        for chunk in _chunks(wanted):
            rows = FileVersion.objects.at(self.revision).filter(
                directory__in={folder for folder, _ in chunk}, name__in={name for _, name in chunk}
            )
            for folder, name, size, digest in rows.values_list(
                "directory_id", "name", "size_bytes", "stored_object__digest"
            ):
                files[folder, name] = (size, digest)
        return files


def plan(job: ImportJob, run: ImportRun) -> None:
    """Give every entry that is not registered a verdict against the project's head.

    Afterwards the run says which head that was.
    """
    head = Project.objects.values_list("head", flat=True).get(pk=job.project_id)
    job.note(step="plan", files_done=0, bytes_done=0)
    at_head = ProjectAtHead(job.project_id, head)
    alike = look_alikes(job.upload_id)
    entries = ManifestEntry.objects.filter(upload_id=job.upload_id).exclude(state=EntryState.REGISTERED)
    for batch in in_batches(entries):
        write_verdicts(job, judge_batch(job, batch, at_head, alike), is_range=True)
        job.seam("plan: batch written")
    with job.batch():
        run.planned_revision = head
        run.save(update_fields=["planned_revision"])
    job.seam("planned")


def judge_batch(
    job: ImportJob, batch: Sequence[ManifestEntry], at_head: ProjectAtHead, alike: set[int]
) -> list[tuple[ManifestEntry, Judgement]]:
    """Ask the planner about each entry of a batch."""
    found = at_head.look_up(batch)
    return [
        (
            entry,
            judge(
                Staged(
                    path=bytes(entry.path),
                    kind=entry.kind,
                    size_bytes=entry.size_bytes,
                    digest=entry.digest,
                    trouble=entry.trouble,
                    is_doubtful=job.suspicions.is_doubtful(bytes(entry.path_digest), entry.changed_ns),
                    looks_alike=entry.folded in alike,
                ),
                found.get(entry.pk, NOTHING),
                include_doubtful=job.include_doubtful,
            ),
        )
        for entry in batch
    ]


def write_verdicts(job: ImportJob, judged: Sequence[tuple[ManifestEntry, Judgement]], *, is_range: bool) -> None:
    """Write the verdicts of a batch. Where its numbers are a range, the most common one takes one statement."""
    usual = Counter(judgement for _, judgement in judged).most_common(1)[0][0] if is_range else None
    with job.batch(), connection.cursor() as cursor:
        if usual is not None:
            numbers = [entry.number for entry, _ in judged]
            ManifestEntry.objects.filter(
                upload_id=job.upload_id, number__gte=min(numbers), number__lte=max(numbers)
            ).exclude(state=EntryState.REGISTERED).update(**_columns(usual))
        cursor.executemany(
            _WRITE,
            [(*_columns(judgement).values(), entry.pk) for entry, judgement in judged if judgement != usual],
        )


def _columns(judgement: Judgement) -> dict[str, str]:
    reason = judgement.reason
    return {
        "verdict": judgement.verdict.value,
        "reason": reason.code if reason else "",
        "reason_text": reason.sentence if reason else "",
        "warning": judgement.warning,
    }


def look_alikes(upload_id: UUID) -> set[int]:
    """The folded paths that more than one entry of the upload has."""
    several = (
        ManifestEntry.objects.filter(upload_id=upload_id)
        .values("folded")
        .annotate(count=Count("pk"))
        .filter(count__gt=1)
        .order_by()
    )
    return set(several.values_list("folded", flat=True))


_READ: Final = (
    *("pk", "number", "path", "path_digest", "name", "folded", "kind"),
    *("size_bytes", "changed_ns", "digest", "trouble", "verdict"),
)


def in_batches(entries: QuerySet[ManifestEntry]) -> Iterable[list[ManifestEntry]]:
    """Entries in the order of their numbers, read as they are needed."""
    last = -1
    while batch := list(entries.filter(number__gt=last).order_by("number").only(*_READ)[:BATCH_ROWS]):
        last = batch[-1].number
        yield batch


def _chunks(things: Sequence[_Thing]) -> Iterable[Sequence[_Thing]]:
    for start in range(0, len(things), NAMES_PER_QUERY):
        yield things[start : start + NAMES_PER_QUERY]


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _above(path: str) -> Iterable[str]:
    """Every folder that a path lies in, the nearest last, without the top."""
    position = path.find("/")
    while position >= 0:
        yield path[:position]
        position = path.find("/", position + 1)


def _all_above(all_paths: Iterable[str]) -> set[str]:
    above: set[str] = set()
    for path in all_paths:
        folder = _parent(path)
        while folder and folder not in above:
            above.add(folder)
            folder = _parent(folder)
    return above


def _name(path: str) -> str:
    return path.rpartition("/")[2]
