"""A plan is of a revision: what other revisions have touched since is planned again (design §4).

That a file has become another file there needs no new plan: register compares objects. What
matters is where a file and a folder meet. Every staged folder has an entry of its own, so it is
enough to look at the paths that were touched and at the folders above them; where such a folder's
verdict changes, everything below it is planned again.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from django.db.models import Q, QuerySet

from moorage.files.models import Directory, DirectoryVersion, FileVersion
from moorage.importer import paths
from moorage.importer.job import ImportJob
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.planning import ProjectAtHead, in_batches, judge_batch, look_alikes, write_verdicts
from moorage.importer.verdicts import EntryKind, EntryState, Verdict

PATHS_PER_QUERY: Final = 400


def plan_again(job: ImportJob, run: ImportRun, *, head: int) -> None:
    """Plan again what the revisions after the plan's have touched; afterwards the plan is of `head`."""
    planned = run.planned_revision or 0
    if planned == head:
        return
    alike = look_alikes(job.upload_id)
    at_head = ProjectAtHead(job.project_id, head)
    for touched in _chunks(_touched(job, planned, head)):
        entries = _still_planned(job).filter(path_digest__in=[paths.digest_of(path) for path in touched])
        for batch in in_batches(entries):
            before = {entry.pk: entry.verdict for entry in batch}
            judged = judge_batch(job, batch, at_head, alike)
            write_verdicts(job, judged, is_range=False)
            for entry, judgement in judged:
                turned = {before[entry.pk], judgement.verdict.value}
                if entry.kind == EntryKind.DIRECTORY and len(turned) > 1 and Verdict.REJECTED in turned:
                    _plan_below(job, bytes(entry.path), at_head, alike)
    with job.batch():
        run.planned_revision = head
        run.save(update_fields=["planned_revision"])


def _still_planned(job: ImportJob) -> QuerySet[ManifestEntry]:
    # What has failed keeps the reason that its receipt will name: no plan brings its bytes.
    return ManifestEntry.objects.filter(upload_id=job.upload_id).exclude(
        state__in=(EntryState.REGISTERED, EntryState.FAILED)
    )


def _plan_below(job: ImportJob, folder: bytes, at_head: ProjectAtHead, alike: set[int]) -> None:
    below = _still_planned(job).filter(path__gt=folder + b"/", path__lt=folder + b"0")  # "0" follows "/"
    for batch in in_batches(below):
        write_verdicts(job, judge_batch(job, batch, at_head, alike), is_range=False)


def _touched(job: ImportJob, planned: int, head: int) -> Iterator[bytes]:
    """Paths of files and folders that began or ended between two revisions, and of all folders above them."""
    between = Q(since__gt=planned, since__lte=head) | Q(until__gt=planned, until__lte=head)
    folders = _FolderPaths()
    seen: set[bytes] = set()
    files = FileVersion.objects.filter(between, project=job.project_id).values_list("directory_id", "name")
    for directory_id, name in files.iterator():
        path = folders.below(directory_id, name)
        yield from _new([path], seen, keep=False)
        yield from _new(paths.folders_above(path), seen)
    versions = DirectoryVersion.objects.filter(between, project=job.project_id).values_list("directory_id", flat=True)
    for directory_id in versions.iterator():
        yield from _new([folders.path_of(directory_id)], seen)


def _new(candidates: Iterable[bytes], seen: set[bytes], *, keep: bool = True) -> Iterator[bytes]:
    for path in candidates:
        if path and path not in seen:
            if keep:
                seen.add(path)
            yield path


class _FolderPaths:
    """Paths of folders by their ids, remembered."""

    def __init__(self) -> None:
        self._known: dict[int, bytes] = {}

    def path_of(self, directory_id: int) -> bytes:
        if directory_id not in self._known:
            parent_id, name = Directory.objects.values_list("parent_id", "name").get(pk=directory_id)
            self._known[directory_id] = b"" if parent_id is None else self.below(parent_id, name)
        return self._known[directory_id]

    def below(self, directory_id: int, name: str) -> bytes:
        above = self.path_of(directory_id)
        return (above + b"/" if above else b"") + name.encode()


def _chunks(things: Iterable[bytes]) -> Iterator[Sequence[bytes]]:
    chunk: list[bytes] = []
    for thing in things:
        chunk.append(thing)
        if len(chunk) == PATHS_PER_QUERY:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
