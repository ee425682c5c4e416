"""Giving way: work that nobody waits for rests while a download is being made that somebody does wait for."""

import time
from collections.abc import Callable
from typing import Final

from moorage.transfers.downloads.models import DownloadTree
from moorage.transfers.downloads.states import TreeState

LONGEST_SECONDS: Final = 60.0
ASK_SECONDS: Final = 0.1


def to_downloads() -> Callable[[], None]:
    """What is to be called between two steps: it returns when no tree is being made, or has rested enough in all."""
    until: float | None = None

    def rest() -> None:
        nonlocal until
        while _is_one_made():
            until = until or time.monotonic() + LONGEST_SECONDS
            if time.monotonic() >= until:
                return
            time.sleep(ASK_SECONDS)

    return rest


def _is_one_made() -> bool:
    return DownloadTree.objects.filter(state=TreeState.WANTED).exclude(held_by="").exists()
