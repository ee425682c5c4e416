"""Which uploads' imports are small: those that need not wait until larger ones leave a thread or a process free."""

from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from moorage.backends import backends
from moorage.storage.walk import FoundKind, walk
from moorage.transfers.models import Upload

SMALL_FILES: Final = 1000
SMALL_BYTES: Final = 1 << 30


def is_small(upload: Upload) -> bool:
    """Whether a sealed upload holds at most 1,000 files and 1 GiB.

    What has arrived was last looked at before the upload was sealed, so only the sealed area itself can say
    that it is small. It is counted once in each state, and not much further than the limit.
    """
    was_large = upload.files_arrived > SMALL_FILES or upload.bytes_arrived > SMALL_BYTES
    # After a publication only its remnants are left.
    if was_large and not upload.has_published:
        return False
    with suppress(OSError):  # not to be read at the moment: the import itself says so, and it is counted again
        return _counted_once(backends().store.sealed / str(upload.pk), upload.state_changed_at)
    return False


@lru_cache(maxsize=10_000)
def _counted_once(area: Path, _since: datetime) -> bool:
    """`_since` tells one state of an area from the next."""
    return _count(area)


def is_area_small(area: Path) -> bool:
    """Whether an area, sealed or not, holds so little now."""
    with suppress(OSError):
        return _count(area)
    return False


def _count(area: Path) -> bool:
    files = size = 0
    for names, found in enumerate(walk(area), start=1):
        if found.kind is FoundKind.FILE:
            files += 1
            size += found.size_bytes
        # Folders take their time, too, but have fewer reads.
        if files > SMALL_FILES or size > SMALL_BYTES or names > 2 * SMALL_FILES:
            return False
    return True
