"""Scan: one walk over the area, in its order; what is seen gets its entry and its verdict, or is a plain file's name.

It may begin again at any time: what the manifest knows of a path is carried over as long as nothing has changed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from moorage.errors import NotFoundError
from moorage.files.directories import identify_directories
from moorage.files.paths import path_key
from moorage.importer.batches.plain import PlainFolder
from moorage.importer.ledger.entries import Entry
from moorage.importer.ledger.job import ImportJob
from moorage.importer.ledger.runs import not_registered, published_runs
from moorage.importer.models import ManifestEntry
from moorage.importer.plan.planner import Planner
from moorage.importer.words import reasons
from moorage.importer.words.paths import folders_above
from moorage.importer.words.verdicts import GOOD, EntryKind
from moorage.storage.walk import never, walk_folders

GROUP_ENTRIES: Final = 1000
GROUP_NAMES: Final = 8000  # plain files have only their names
FOLDERS_REMEMBERED: Final = 20_000
DELETED_ROWS: Final = 500


class SealedAreaMissingError(NotFoundError):
    """The sealed area is not on the disk."""

    code = "import.area_missing"

    def __init__(self) -> None:
        super().__init__(
            "The upload's files are gone from the disk. Ask the operator where the store's sealed folder is."
        )


class Group(NamedTuple):
    """Some of what a scan has listed: entries that are judged, and folders with names of plain files."""

    entries: list[Entry]
    plain: list[PlainFolder]

    @property
    def is_full(self) -> bool:
        return len(self.entries) >= GROUP_ENTRIES or sum(len(folder.names) for folder in self.plain) >= GROUP_NAMES


@dataclass
class Listed:
    """How much a scan has listed. Links and devices count as files, too, as everywhere (see `ledger.counting`). The
    bytes of plain files count when they have been read.
    """

    files: int = 0
    bytes: int = 0
    is_whole: bool = False

    def add(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.files += entry.kind != EntryKind.DIRECTORY
            self.bytes += entry.size_bytes if entry.kind == EntryKind.FILE else 0


def scan(job: ImportJob, planner: Planner, listed: Listed, *, by_name: bool = False) -> Iterator[Group]:
    """Everything in the area, judged, in groups of some thousand files. Plain files are told `by_name` where wanted.

    Raises:
        SealedAreaMissingError: there is no such folder.
        StoreAwayError: the store is not there.
    """
    group = Group([], [])
    try:
        for part in walk_folders(job.area, by_name=planner.takes_by_name if by_name else never):
            job.check_wanted()
            job.listed(part)
            entries, plain = planner.plan(part)
            if any(entry.trouble for entry in entries):
                job.store.check_is_there()
            group.entries.extend(entries)
            listed.add(entries)
            if plain is not None:
                group.plain.append(plain)
                listed.files += len(plain.names)
            if group.is_full:
                job.note_total(listed.files, listed.bytes)
                yield group
                group = Group([], [])
    except FileNotFoundError as error:
        job.store.check_is_there()
        # After an import that published, nothing needs to be left of the area.
        if not published_runs(job.upload_id):
            raise SealedAreaMissingError from error
    listed.is_whole = True
    yield group


class Folders:
    """Gives the folders of the project that entries need their identities; remembers those of the last."""

    def __init__(self, job: ImportJob) -> None:
        self._job = job
        self._ids: dict[str, int] = {}

    def point(self, entries: Iterable[Entry]) -> None:
        """Set `directory_id` of the entries that the plan takes."""
        taken = [entry for entry in entries if entry.verdict in GOOD]
        self._identify({entry.place for entry in taken})
        for entry in taken:
            entry.directory_id = self._ids[entry.place]

    def pointed(self, plain: Iterable[PlainFolder]) -> list[PlainFolder]:
        """These folders with their identities."""
        self._identify({folder.place for folder in plain})
        return [folder._replace(directory_id=self._ids[folder.place]) for folder in plain]

    def _identify(self, places: set[str]) -> None:
        missing = places - self._ids.keys()
        if missing:
            if len(self._ids) > FOLDERS_REMEMBERED:
                self._ids.clear()
                missing = places
            self._ids |= identify_directories(self._job.project_id, missing, batch=self._job.batch)


def end_scan(job: ImportJob, planner: Planner, *, run: int) -> None:
    """Warn of names whose twin was seen later, and forget paths that are not there any more."""
    ours = ManifestEntry.objects.filter(upload_id=job.upload_id)
    for start in range(0, len(planner.twins.written), DELETED_ROWS):
        twins = ours.filter(
            path_key__in=planner.twins.written[start : start + DELETED_ROWS], verdict__in=GOOD, warning=""
        )
        with job.batch():
            twins.update(warning=reasons.LOOKS_ALIKE)
    if planner.previous.exist:
        job.check_area()
        _forget_gone(job, run)


def _forget_gone(job: ImportJob, run: int) -> None:
    unseen = not_registered(job.upload_id).exclude(run=run).order_by("number")
    last = -1
    while some := list(unseen.filter(number__gt=last).values_list("number", "path")[:DELETED_ROWS]):
        last = some[-1][0]
        above = {number: {path_key(folder) for folder in folders_above(bytes(path))} for number, path in some}
        closed = _closed(job, run, set().union(*above.values()))
        with job.batch():
            ManifestEntry.objects.filter(pk__in=[one for one in above if not above[one] & closed]).delete()


def _closed(job: ImportJob, run: int, keys: set[bytes]) -> set[bytes]:
    """Those of some folders, by their keys, that could not be looked into: what they hold need not be gone."""
    folders = ManifestEntry.objects.filter(upload_id=job.upload_id, run=run, kind=EntryKind.DIRECTORY)
    shut = folders.filter(trouble="unreadable")
    wanted, closed = list(keys), set[bytes]()
    for start in range(0, len(wanted), DELETED_ROWS):
        some = shut.filter(path_key__in=wanted[start : start + DELETED_ROWS]).values_list("path_key", flat=True)
        closed.update(bytes(key) for key in some)
    return closed
