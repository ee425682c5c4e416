"""Restore: a revision that brings files and folders to what they were at an earlier one.

A file there now gets its earlier content as a new version; one that has come since stays, also in a restored
folder. Nothing is written where the bytes are the same. A file where a folder was, or the other way round,
refuses the whole restore.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from moorage.files.change_effects import ChangeEffect, Copy, write_versions
from moorage.files.change_refusals import (
    ChangeRefusedError,
    NothingToRestoreError,
    OtherKindError,
    ParentIsFileError,
)
from moorage.files.change_requests import ChangeRequest
from moorage.files.directories import begin_directories, write_totals
from moorage.files.models import DirectoryVersion
from moorage.files.registering import RegisterRight, nothing
from moorage.files.standing import Standing, StandingFile, StandingFolder, all_standing, standing_at
from moorage.files.subtrees import FileRow, Folder, files_in, folders_below
from moorage.files.ways import below_files, rows_about

PREVIEW_FILES: Final = 20_000  # more are not counted while somebody waits for a page


@dataclass(frozen=True)
class FilePlan:
    """One file. `ends` is the version at its path now; with neither `copy` nor `refusal` it is as it was."""

    size_bytes: int
    ends: Any = None
    copy: Copy | None = None
    refusal: ChangeRefusedError | None = None


@dataclass(frozen=True)
class Step:
    """Folders that are to be there and are not, and files."""

    folders: Sequence[int] = ()
    files: Sequence[FilePlan] = ()
    refusals: Sequence[ChangeRefusedError] = ()


# What was there, what stands there now: another version, or a folder.
_COMPARED: Final = """
    SELECT b.id, b.name, v.id, v.object_id = b.object_id,
        EXISTS (
            SELECT 1 FROM files_directory d JOIN files_directoryversion w ON w.directory_id = d.id
            WHERE d.parent_id = b.directory_id AND d.name = b.name
            AND w.since <= %(head)s AND (w.until IS NULL OR w.until > %(head)s)
        )
    FROM files_fileversion b
    LEFT JOIN files_fileversion v ON v.directory_id = b.directory_id AND v.name = b.name
        AND v.since <= %(head)s AND (v.until IS NULL OR v.until > %(head)s)
    WHERE b.id IN ({ids})
"""


def foresee_restore(project_id: UUID, request: ChangeRequest, *, view: int) -> ChangeEffect:
    """What a restore would do to the project as it is at `view`; of a large folder only the first files are looked at.

    Raises:
        PathNotFoundError: nothing stood at one of the paths at that revision.
    """
    effect, looked_at = ChangeEffect(), 0
    for step in _steps(project_id, request, head=view):
        _count(effect, step)
        looked_at += len(step.files)
        if looked_at >= PREVIEW_FILES:
            effect.is_whole = False
            return effect
    standing = standing_at(project_id, request.paths, view=view).values()
    effect.stays = max(0, sum(item.file_count for item in standing) - effect.same - effect.changed)
    if not (effect.added or effect.changed or effect.folders or effect.refusals):
        effect.refuse(NothingToRestoreError(request.paths[0], revision=request.revision))
    return effect


def write_restore(
    right: RegisterRight, request: ChangeRequest, *, between: Callable[[], None] = nothing
) -> ChangeEffect:
    """Write a restore above the head. It begins anew under every new right.

    `between` is called between batches; what it raises ends the work.

    Raises:
        PathNotFoundError: nothing stood at one of the paths at that revision.
        ChangeRefusedError: something stands in the way, or nothing is to be restored.
        RightLostError: the right is another's.
    """
    effect = ChangeEffect()
    for step in _steps(right.project_id, request, head=right.head):
        _count(effect, step)
        if effect.refusals:
            raise effect.refusals[0]
        begin_directories(right, step.folders)
        copies = [plan.copy for plan in step.files if plan.copy is not None]
        ends = [plan.ends for plan in step.files if plan.copy is not None and plan.ends is not None]
        if copies:
            write_versions(right, ends=ends, copies=copies)
        between()
    if not (effect.added or effect.changed or effect.folders):
        raise NothingToRestoreError(request.paths[0], revision=request.revision)
    write_totals(right)
    between()
    return effect


def _count(effect: ChangeEffect, step: Step) -> None:
    effect.folders += len(step.folders)
    for refusal in step.refusals:
        effect.refuse(refusal)
    for plan in step.files:
        if plan.refusal is not None:
            effect.refuse(plan.refusal)
        elif plan.copy is None:
            effect.same += 1
        else:
            effect.bytes += plan.size_bytes
            effect.changed += plan.ends is not None
            effect.added += plan.ends is None


def _steps(project_id: UUID, request: ChangeRequest, *, head: int) -> Iterator[Step]:
    """What a restore does, piece by piece; read only as far as it is asked for."""
    standing = all_standing(project_id, request.paths, view=request.revision)
    yield from _single_files(standing, head)
    roots = [Folder(item.directory_id, item.path) for item in standing if isinstance(item, StandingFolder)]
    for folders in folders_below(roots, view=request.revision):
        yield _folders(folders, head)
        for files in files_in(folders, view=request.revision):
            yield Step(files=_compared(files, head))


def _single_files(standing: Sequence[Standing], head: int) -> Iterator[Step]:
    files = [
        FileRow(item.version_id, item.directory_id, item.path, item.size_bytes)
        for item in standing
        if isinstance(item, StandingFile)
    ]
    if files:
        blocked = below_files({file.directory_id for file in files}, view=head)
        yield Step(
            files=_compared([file for file in files if file.directory_id not in blocked], head),
            refusals=[ParentIsFileError(file.path) for file in files if file.directory_id in blocked],
        )


def _folders(folders: Sequence[Folder], head: int) -> Step:
    ids = [folder.directory_id for folder in folders]
    blocked = below_files(ids, view=head)
    there = set(DirectoryVersion.objects.at(head).filter(directory__in=ids).values_list("directory_id", flat=True))
    return Step(
        folders=[pk for pk in ids if pk not in there and pk not in blocked],
        refusals=[
            OtherKindError(folder.path, was="folder", stands="file")
            for folder in folders
            if folder.directory_id in blocked
        ],
    )


def _compared(files: Sequence[FileRow], head: int) -> list[FilePlan]:
    """What is done with files that were there, as the project is now."""
    known = {file.version_id: file for file in files}
    plans = []
    for version, name, now, is_same, is_folder in rows_about(_COMPARED, list(known), head=head):
        file = known[version if isinstance(version, UUID) else UUID(version)]
        if is_folder:
            plans.append(FilePlan(file.size_bytes, refusal=OtherKindError(file.path, was="file", stands="folder")))
        elif is_same:
            plans.append(FilePlan(file.size_bytes))
        else:
            plans.append(FilePlan(file.size_bytes, ends=now, copy=Copy(version, file.directory_id, name)))
    return plans
