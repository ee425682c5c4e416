"""Remove: a revision that ends files, and folders with everything below them. Earlier revisions keep them."""

from collections.abc import Callable
from uuid import UUID

from moorage.files.change_effects import ChangeEffect, write_versions
from moorage.files.change_requests import ChangeRequest
from moorage.files.directories import end_directories, write_totals
from moorage.files.registering import RegisterRight, nothing
from moorage.files.standing import StandingFile, StandingFolder, all_standing
from moorage.files.subtrees import Folder, files_in, folders_below


def foresee_remove(project_id: UUID, request: ChangeRequest, *, view: int) -> ChangeEffect:
    """What a remove would do to the project as it is at `view`: a few queries, whatever is below the paths.

    Raises:
        PathNotFoundError: nothing stands at one of the paths.
    """
    standing = all_standing(project_id, request.paths, view=view)
    return ChangeEffect(
        removed=sum(item.file_count for item in standing), bytes=sum(item.size_bytes for item in standing)
    )


def write_remove(
    right: RegisterRight, request: ChangeRequest, *, between: Callable[[], None] = nothing
) -> ChangeEffect:
    """Write a remove above the head. It begins anew under every new right.

    `between` is called between batches; what it raises ends the work.

    Raises:
        PathNotFoundError: nothing stands at one of the paths any more.
        RightLostError: the right is another's.
    """
    effect = foresee_remove(right.project_id, request, view=right.head)
    standing = all_standing(right.project_id, request.paths, view=right.head)
    single = [item.version_id for item in standing if isinstance(item, StandingFile)]
    if single:
        write_versions(right, ends=single, copies=[])
        between()
    roots = [Folder(item.directory_id, item.path) for item in standing if isinstance(item, StandingFolder)]
    for folders in folders_below(roots, view=right.head):
        for files in files_in(folders, view=right.head):
            write_versions(right, ends=[file.version_id for file in files], copies=[])
            between()
        end_directories(right, [folder.directory_id for folder in folders])
        between()
    write_totals(right)
    between()
    return effect
