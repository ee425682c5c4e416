"""Building a tree: every file of its selection is linked, what is doubtful is read first, and our lists are written.

The batches go to an executor; the rows are read here, and the lists are written here, in the order of the rows. A tree
that is begun again keeps what is linked already. Nothing is served before all of it is there.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Final

from moorage.files.archives.lists import DIGESTS_NAME, FACTS_NAME, list_name
from moorage.files.items import revision_facts
from moorage.files.standing import standing_at
from moorage.projects.models import Project
from moorage.storage.links import added, sum_of
from moorage.storage.sync import sync_around
from moorage.storage.trees import DownloadTrees
from moorage.transfers.downloads.doubt import Doubts
from moorage.transfers.downloads.job import TreeJob
from moorage.transfers.downloads.linking import FolderRows, Linked, LinkOrder, link_batch, unpacked
from moorage.transfers.downloads.orders import Asked
from moorage.transfers.downloads.rows import folder_rows

FILES_PER_ORDER: Final = 2000
ORDERS_PER_SYNC: Final = 10
_UNKNOWN: Final = ("", "")


@dataclass(frozen=True)
class Built:
    """A tree that is complete and on disk, in `folder`. `sum` is that of `storage.trees.sum_of_tree`."""

    folder: Path
    files: int
    bytes: int
    sum: int
    digests_name: str
    facts_name: str


def build(job: TreeJob) -> Built:
    """Build the tree, apart from what Globus can reach.

    Raises:
        DamagedFilesError: objects are not what was recorded; all of them were looked for, and some are named.
        OSError: no room, or the file system fails. What is there stays for the next try.
    """
    folder = DownloadTrees(job.store).begin(job.name, job.fence)
    job.seam("tree begun")
    names = list_names(job.project, revision=job.question.selection.revision)
    doubts = Doubts(job.store, job.clock, job.reading, job.checked)
    total = 0
    with ExitStack() as stack:
        files = [stack.enter_context(_new_list(folder / name)) for name in names]
        for linked in _linked(job, folder, doubts):
            total = added(total, linked.sum)
            _write_lines(files, linked)
            job.progress.files_done += linked.files
            job.progress.bytes_done += linked.size_bytes
            job.tell()
        for name, file in zip(names, files, strict=True):
            file.flush()
            os.fchmod(file.fileno(), 0o444)
            os.fsync(file.fileno())
            total = added(total, sum_of(name.encode(), os.fstat(file.fileno())))
    doubts.check()
    job.seam("lists written")
    # Its links are on disk before its name is: after a power cut it is whole, or not there.
    sync_around(folder)
    return Built(folder, job.progress.files_done, job.progress.bytes_done, total, *names)


def look_for_damage(job: TreeJob) -> None:
    """Read what is doubtful of a tree that is there already.

    Raises:
        DamagedFilesError: as for `build`.
    """
    doubts = Doubts(job.store, job.clock, job.reading, job.checked)
    for folders in folder_rows(job.question):
        doubts.settle(folders)
        job.tell()
    doubts.check()


def list_names(project: Project, *, revision: int) -> tuple[str, str]:
    """What our lists of digests and of facts are called in a tree's root, where files of the project may lie, too."""
    return _free_name(project, DIGESTS_NAME, revision), _free_name(project, FACTS_NAME, revision)


def _free_name(project: Project, name: str, revision: int) -> str:
    while standing_at(project.pk, [name], view=revision):
        name = list_name(name, taken=True)
    return name


def _linked(job: TreeJob, folder: Path, doubts: Doubts) -> Iterator[Linked]:
    """Have everything linked; the answers in the order of the rows."""
    asked: deque[Asked[Linked]] = deque()
    syncs: list[Asked[None]] = []
    for number, order in enumerate(_link_orders(job, folder, doubts), start=1):
        asked.append(job.orders.ask(link_batch, order))
        if number % ORDERS_PER_SYNC == 0:
            # So that there is little left to wait for at the end.
            syncs.append(job.orders.ask(sync_around, folder))
        while len(asked) >= job.orders.in_flight:
            yield from _settled(job, asked.popleft(), doubts)
    while asked:
        yield from _settled(job, asked.popleft(), doubts)
    for sync in syncs:
        sync.result()


def _link_orders(job: TreeJob, folder: Path, doubts: Doubts) -> Iterator[LinkOrder]:
    began: dict[int, tuple[str, str]] = {}
    for folders in folder_rows(job.question):
        for some in _cut(doubts.settle(folders)):
            yield LinkOrder(str(folder), str(job.store.objects), some, _began(job.project, some, began))


def _settled(job: TreeJob, asked: Asked[Linked], doubts: Doubts) -> Iterator[Linked]:
    """An answer, and that for what was touched since its row was written, after it has been read."""
    linked = asked.result()
    job.seam("batch linked")
    yield linked
    if not linked.touched:
        return
    order: LinkOrder = asked.order
    touched = [order.folders[at]._replace(rows=[order.folders[at].rows[row]]) for at, row in linked.touched]
    whole = doubts.settle(touched, all_of_them=True)
    again = job.orders.ask(link_batch, order._replace(folders=whole)).result()
    # What is touched once more in between is damaged for us: somebody is at work on it.
    for at, row in again.touched:
        doubts.note_damage(whole[at].path, [whole[at].rows[row]])
    yield again


def _began(
    project: Project, some: Iterable[FolderRows], known: dict[int, tuple[str, str]]
) -> dict[int, tuple[str, str]]:
    numbers = set(chain.from_iterable(_sinces(one) for one in some))
    for number, facts in revision_facts(project, numbers - known.keys()).items():
        known[number] = str(facts.by or ""), str(facts.upload_id or "")
    return {number: known.get(number, _UNKNOWN) for number in numbers}


def _sinces(folder: FolderRows) -> Iterable[int]:
    if len(folder.since) <= 1:
        return folder.since
    return {int(unpacked(row).since) for row in folder.rows}


def _cut(folders: Iterable[FolderRows]) -> Iterator[list[FolderRows]]:
    """Folders in batches of not too many files; a large folder is in several of them."""
    batch: list[FolderRows] = []
    room = FILES_PER_ORDER
    for folder in folders:
        start = 0
        while True:
            batch.append(folder._replace(rows=folder.rows[start : start + room]))
            taken = len(batch[-1].rows)
            start, room = start + taken, room - taken
            if room <= 0:
                yield batch
                batch, room = [], FILES_PER_ORDER
            if start >= len(folder.rows):
                break
    if batch:
        yield batch


def _new_list(path: Path) -> IO[bytes]:
    # Never the file that an earlier try has left: it is read-only, and a worker that has lost its lease may still have
    # it open.
    path.unlink(missing_ok=True)
    return path.open("xb")


def _write_lines(files: Sequence[IO[bytes]], linked: Linked) -> None:
    digests, facts = files
    digests.write(linked.digests)
    facts.write(linked.facts)
