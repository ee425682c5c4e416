"""Which files of a tree are known to be damaged: found by the few objects that are, not by the tree's many files."""

from moorage.files.filters import wanted_by
from moorage.files.models import FileVersion, ObjectState, StoredObject
from moorage.files.paths import join_path
from moorage.files.undo_plan import in_chunks
from moorage.files.ways import folder_paths
from moorage.transfers.downloads.models import DownloadTree


def damaged_paths(tree: DownloadTree) -> list[str]:
    """The paths of a tree's files whose objects are damaged, in order."""
    found: list[str] = []
    wanted = wanted_by(tree.filter)
    damaged = StoredObject.objects.filter(state=ObjectState.DAMAGED).values_list("pk", flat=True)
    for chunk in in_chunks(sorted(damaged)):
        versions = FileVersion.objects.at(tree.revision).filter(project=tree.project_id, stored_object__in=chunk)
        places = list(versions.values_list("directory_id", "name"))
        folders = folder_paths({directory for directory, _ in places})
        for directory, name in places:
            folder = folders[directory]
            if wanted(folder, name) and _is_chosen(tree, join_path(folder, name)):
                found.append(join_path(folder, name))
    return sorted(found)


def _is_chosen(tree: DownloadTree, path: str) -> bool:
    return not tree.paths or any(path == chosen or path.startswith(f"{chosen}/") for chosen in tree.paths)
