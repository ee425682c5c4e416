"""How entries are counted for receipts and previews: files and their bytes; a folder's own size is no content."""

from typing import Final

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from moorage.importer.models import ImportRun
from moorage.importer.words.verdicts import NOT_GOOD, EntryKind

IS_FOLDER: Final = Q(kind=EntryKind.DIRECTORY)
FILES: Final = Count("pk", filter=~IS_FOLDER)  # links and devices among them: there is no other word for what came
FOLDERS: Final = Count("pk", filter=IS_FOLDER)
BYTES: Final = Coalesce(Sum("size_bytes", filter=Q(kind=EntryKind.FILE)), 0)


def folders_not_imported(run: ImportRun) -> int:
    """How many of a run's problems are folders: its verdicts count all others."""
    files: int = sum(run.verdicts.get(name, {"files": 0})["files"] for name in NOT_GOOD)
    return run.problem_count - files
