"""How many files and bytes a selection holds, from the totals that folders keep. Reads only."""

from moorage.files.models import DirectoryVersion
from moorage.transfers.downloads.rows import Question


def totals_of(question: Question) -> tuple[int, int]:
    """Files and bytes of a selection; zeros where a filter leaves that to be found out."""
    if question.wanted is not None:
        return 0, 0
    selection = question.selection
    ids = [folder.directory_id for folder in selection.folders]
    folders = DirectoryVersion.objects.at(selection.revision).filter(directory__in=ids)
    counted = list(folders.values_list("file_count", "total_bytes"))
    files = sum(count for count, _ in counted) + len(selection.files)
    return files, sum(size for _, size in counted) + sum(file.size_bytes for file in selection.files)
