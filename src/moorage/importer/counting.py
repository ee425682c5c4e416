"""How entries are counted for receipts and previews: files and their bytes; a folder's own size is no content."""

from typing import Final

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from moorage.importer.verdicts import EntryKind

IS_FOLDER: Final = Q(kind=EntryKind.DIRECTORY)
FILES: Final = Count("pk", filter=~IS_FOLDER)  # links and devices among them: there is no other word for what came
FOLDERS: Final = Count("pk", filter=IS_FOLDER)
BYTES: Final = Coalesce(Sum("size_bytes", filter=Q(kind=EntryKind.FILE)), 0)
