"""What can be said of a selection without reading its rows. Reads only."""

from datetime import datetime

from django.db.models import Q

from moorage.files.models import DirectoryVersion, ObjectState, StoredObject
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


def is_anything_doubtful(believed_since: datetime | None) -> bool:
    """Whether there is any object that must be read before it is given out, in whatever project."""
    unread = Q(verified_at__isnull=True)
    if believed_since is not None:
        unread |= Q(verified_at__lt=believed_since)
    not_live = StoredObject.objects.exclude(state="live").filter(state=ObjectState.DAMAGED)
    return StoredObject.objects.filter(unread).exists() or not_live.exists()
