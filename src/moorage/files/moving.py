"""Move and rename: a revision that ends files and folders at one path and begins them at another.

Folders are identities that are never moved (design §4): at the new path others begin, made there if need be.
Whatever stands there already refuses the whole move; nothing is overwritten.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from moorage.files.change_effects import ChangeEffect, Copy, write_versions
from moorage.files.change_refusals import ChangeRefusedError, InTheWayError, ParentIsFileError, PathTooLongError
from moorage.files.change_requests import ChangeRequest
from moorage.files.directories import begin_directories, end_directories, ensure_directories, write_totals
from moorage.files.paths import MAX_PATH_BYTES, parent_path
from moorage.files.registering import RegisterRight, nothing
from moorage.files.standing import Standing, StandingFile, StandingFolder, all_standing, standing_at
from moorage.files.subtrees import FileRow, Folder, files_in, folders_below


def foresee_move(project_id: UUID, request: ChangeRequest, *, view: int) -> ChangeEffect:
    """What a move would do to the project as it is at `view`: a few queries, whatever is below the paths.

    Raises:
        PathNotFoundError: nothing stands at one of the paths.
    """
    standing = all_standing(project_id, request.paths, view=view)
    files = sum(item.file_count for item in standing)
    effect = ChangeEffect(added=files, removed=files, bytes=sum(item.size_bytes for item in standing))
    for refusal in _refusals(project_id, request.moves(), view=view):
        effect.refuse(refusal)
    return effect


def _refusals(project_id: UUID, moves: Mapping[str, str], *, view: int) -> Iterable[ChangeRefusedError]:
    """What stands where something is to go, or above it as a file."""
    above = {path: _folders_above(path) for path in moves.values()}
    asked = {*moves.values(), *(folder for folders in above.values() for folder in folders)}
    stands = standing_at(project_id, asked, view=view)
    for path in moves.values():
        if path in stands:
            yield InTheWayError(path, stands=stands[path].kind)
        elif any(isinstance(stands.get(folder), StandingFile) for folder in above[path]):
            yield ParentIsFileError(path)


def _folders_above(path: str) -> list[str]:
    above = []
    while path := parent_path(path):
        above.append(path)
    return above


def write_move(right: RegisterRight, request: ChangeRequest, *, between: Callable[[], None] = nothing) -> ChangeEffect:
    """Write a move above the head. It begins anew under every new right.

    `between` is called between batches; what it raises ends the work.

    Raises:
        PathNotFoundError: nothing stands at one of the paths any more.
        ChangeRefusedError: something stands in the way.
        RightLostError: the right is another's.
    """
    effect = foresee_move(right.project_id, request, view=right.head)
    if effect.refusals:
        raise effect.refusals[0]
    moves = request.moves()
    standing = all_standing(right.project_id, request.paths, view=right.head)
    _move_single_files(right, standing, moves)
    between()
    for item in standing:
        if isinstance(item, StandingFolder):
            _move_folder(right, item, moves[item.path], between)
    write_totals(right)
    between()
    return effect


def _move_single_files(right: RegisterRight, standing: Sequence[Standing], moves: Mapping[str, str]) -> None:
    files = [item for item in standing if isinstance(item, StandingFile)]
    folders = ensure_directories(right, {parent_path(moves[file.path]) for file in files})
    copies = [_copy(file.version_id, moves[file.path], folders) for file in files]
    if copies:
        write_versions(right, ends=[file.version_id for file in files], copies=copies)


def _copy(version_id: UUID, path: str, folders: Mapping[str, int]) -> Copy:
    return Copy(version_id, folders[parent_path(path)], path.rpartition("/")[2])


def _move_folder(right: RegisterRight, root: StandingFolder, target: str, between: Callable[[], None]) -> None:
    def new_path(path: str) -> str:
        return target + path[len(root.path) :]

    for folders in folders_below([Folder(root.directory_id, root.path)], view=right.head):
        _check_lengths([folder.path for folder in folders], new_path)
        ids = ensure_directories(right, [new_path(folder.path) for folder in folders])
        begin_directories(right, [ids[new_path(folder.path)] for folder in folders])
        between()
        for files in files_in(folders, view=right.head):
            _move_files(right, files, new_path, ids)
            between()
        end_directories(right, [folder.directory_id for folder in folders])
        between()


def _move_files(
    right: RegisterRight, files: Sequence[FileRow], new_path: Callable[[str], str], folders: Mapping[str, int]
) -> None:
    _check_lengths([file.path for file in files], new_path)
    copies = [_copy(file.version_id, new_path(file.path), folders) for file in files]
    write_versions(right, ends=[file.version_id for file in files], copies=copies)


def _check_lengths(paths: Iterable[str], new_path: Callable[[str], str]) -> None:
    for path in paths:
        if len(new_path(path).encode()) > MAX_PATH_BYTES:
            raise PathTooLongError(path, most=MAX_PATH_BYTES)
