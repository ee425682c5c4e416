"""Whether a process of another is still there."""

from __future__ import annotations

import os
import select
from contextlib import closing


def has_ended(pid: int, *, within: float) -> bool:
    """Whether a process, which need not be our child, ends within so many seconds."""
    try:
        with closing(os.fdopen(os.pidfd_open(pid), "rb", buffering=0)) as watched:
            return bool(select.select([watched], [], [], within)[0])
    except ProcessLookupError:
        return True
