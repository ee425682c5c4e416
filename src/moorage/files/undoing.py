"""Undo: a revision that takes back what an earlier one did, where that still stands. Redo is the undo of an undo.

Written like every register: under the right, above the head, in batches, seen by nobody until it is published.
What is done with each path is decided in `files.undo_plan`; who may ask for an undo, in `transfers.undoing`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from django.db import connection

from moorage.files.directories import begin_directories, end_directories, write_totals
from moorage.files.ids import new_version_ids
from moorage.files.models import DirectoryVersion, FileVersion
from moorage.files.registering import RegisterRight, RevisionCounts, nothing
from moorage.files.undo_outlook import outlook_of
from moorage.files.undo_plan import (
    PARENT_IS_FILE,
    FoundAgain,
    PathPlan,
    UndoOf,
    in_chunks,
    still_open,
)
from moorage.files.ways import below_files, folder_paths
from moorage.projects.models import Project

NAMED_PATHS: Final = 20  # how many of the paths that are left alone are named
PREVIEW_PATHS: Final = 20_000  # more are not counted while somebody waits for a page


@dataclass
class UndoEffect:
    """What an undo does, or did: files that go, come back, get their earlier content; paths that are left alone.

    `is_whole` is false where only the first paths were counted: then `files` says how many there are, and `standing`
    how many of what was brought are as they were left, where that is known. `named` are some of the paths that are
    left. `is_hopeless`: nothing can be undone.
    """

    gone: int = 0
    back: int = 0
    earlier: int = 0
    bytes_back: int = 0
    left: int = 0
    named: list[tuple[str, str]] = field(default_factory=list)
    is_whole: bool = True
    files: int = 0
    standing: int | None = None
    is_hopeless: bool = False

    @property
    def does_something(self) -> bool:
        return bool(self.gone or self.back or self.earlier)

    @property
    def counts(self) -> RevisionCounts:
        return RevisionCounts(
            files_added=self.back, files_changed=self.earlier, files_removed=self.gone, bytes_added=self.bytes_back
        )

    def add(self, plan: PathPlan) -> None:
        self.bytes_back += plan.bytes_back
        if plan.left:
            self.leave(plan.path, plan.left)
        elif plan.ends is None:
            self.back += 1
        elif plan.restores is None:
            self.gone += 1
        else:
            self.earlier += 1

    def leave(self, path: str, code: str) -> None:
        self.left += 1
        if len(self.named) < NAMED_PATHS:
            self.named.append((path, code))


def foresee_undo(project: Project, undone: int, *, found_again: FoundAgain) -> UndoEffect:
    """What the undo of revision `undone` would do to the files of the project as it is now. Writes nothing."""
    undo = UndoOf(project.pk, undone, project.head, found_again)
    effect, plans = UndoEffect(), _foreseen(undo)
    for plan in islice(plans, PREVIEW_PATHS):
        effect.add(plan)
    effect.is_whole = next(plans, None) is None
    if not effect.is_whole:
        outlook = outlook_of(undo)
        effect.files, effect.standing = outlook.files, outlook.standing
        effect.is_hopeless = not effect.does_something and outlook.is_hopeless
    else:
        effect.is_hopeless = bool(effect.left) and not effect.does_something
    return effect


def _foreseen(undo: UndoOf) -> Iterator[PathPlan]:
    for ids in undo.brought(most=PREVIEW_PATHS + 1):
        yield from undo.plan_brought(ids)
    for ids in undo.taken(most=PREVIEW_PATHS + 1):
        yield from undo.plan_taken(ids, view=undo.head)
    for folders in in_chunks(undo.folders_taken()):
        for path in _sorted_paths(below_files(folders, view=undo.head)):
            yield PathPlan(path, left=PARENT_IS_FILE)


def write_undo(
    right: RegisterRight, undone: int, *, found_again: FoundAgain, between: Callable[[], None] = nothing
) -> UndoEffect:
    """Write the undo of the published revision `undone` above the head. It begins anew under every new right.

    `between` is called between batches; what it raises ends the work.

    Raises:
        RightLostError: the right is another's.
    """
    undo = UndoOf(right.project_id, undone, right.head, found_again)
    effect = UndoEffect()
    for ids in undo.brought():
        _write(right, effect, list(undo.plan_brought(ids)))
        between()
    # Only now: what the undone revision left is out of the way.
    for ids in undo.taken():
        _write(right, effect, list(undo.plan_taken(ids, view=right.number)))
        between()
    _end_folders(right, undo, between)
    _begin_folders(right, undo, effect, between)
    write_totals(right)
    between()
    return effect


# A new version has the content and the times of the one that it restores; the old row keeps its history.
_COPY: Final = """
    INSERT INTO files_fileversion (id, project_id, directory_id, name, object_id, size_bytes, modified_at, since)
    SELECT %s, project_id, directory_id, name, object_id, size_bytes, modified_at, %s
    FROM files_fileversion WHERE id = %s
"""


def _write(right: RegisterRight, effect: UndoEffect, plans: Sequence[PathPlan]) -> None:
    ends = [plan.ends for plan in plans if plan.ends is not None]
    restores = [plan.restores for plan in plans if plan.restores is not None]
    as_id = FileVersion._meta.pk.get_db_prep_value
    copies = [
        (as_id(version_id, connection), right.number, restored)
        for version_id, restored in zip(new_version_ids(len(restores)), restores, strict=True)
    ]
    with right.batch(), connection.cursor() as cursor:
        # First what ends: a path has at most one version without an end.
        FileVersion.objects.filter(pk__in=ends).update(until=right.number)
        if copies:
            cursor.executemany(_COPY, copies)
    for plan in plans:
        effect.add(plan)


def _end_folders(right: RegisterRight, undo: UndoOf, between: Callable[[], None]) -> None:
    """Folders that the undone revision brought go if nothing is left in them and no later import holds them."""
    for ids in in_chunks(undo.folders_brought()):
        there = still_open(ids)
        paths = folder_paths(there)
        again = undo.found_again(paths.values())
        end_directories(right, _empty([pk for pk in ids if pk in there and paths[pk] not in again]))
        between()


def _empty(folders: Sequence[int]) -> list[int]:
    """Those of these folders, given from below upwards, that hold nothing once those before them have gone."""
    with_files = set(
        FileVersion.objects.filter(directory__in=folders, until=None).values_list("directory_id", flat=True).distinct()
    )
    held: dict[int, set[int]] = {}
    inner = DirectoryVersion.objects.filter(directory__parent__in=folders, until=None)
    for child, parent in inner.values_list("directory_id", "directory__parent_id"):
        held.setdefault(parent or 0, set()).add(child)
    going: set[int] = set()
    for folder in folders:
        if folder not in with_files and held.get(folder, set()) <= going:
            going.add(folder)
    return sorted(going)


def _begin_folders(right: RegisterRight, undo: UndoOf, effect: UndoEffect, between: Callable[[], None]) -> None:
    """Folders that the undone revision took are there again, unless a file stands in their way."""
    for ids in in_chunks(undo.folders_taken()):
        blocked = below_files(ids, view=right.number)
        begin_directories(right, [pk for pk in ids if pk not in blocked])
        for path in _sorted_paths(blocked):
            effect.leave(path, PARENT_IS_FILE)
        between()


def _sorted_paths(folders: Iterable[int]) -> list[str]:
    return sorted(folder_paths(set(folders)).values())
