"""The trash: what was discarded, until its time has passed.

A thing's name begins with that time, so that nothing else has to remember it.
"""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from moorage.storage.removal import remove_tree
from moorage.storage.sync import sync_folder


class Trash:
    """The trash of one store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, thing: Path, *, until: datetime) -> bool:
        """Move a file or folder in. False when it is not there (any more)."""
        target = self._folder / f"{int(until.timestamp())}.{secrets.token_hex(4)}.{thing.name}"
        try:
            thing.rename(target)
        except FileNotFoundError:
            return False
        sync_folder(self._folder)
        sync_folder(thing.parent)
        return True

    def empty(self, *, at: datetime) -> int:
        """Remove what has lain here until its time; returns how many things that were."""
        due = [name for name in sorted(os.listdir(self._folder)) if _is_due(name, at)]
        for name in due:
            remove_tree(self._folder / name)
        return len(due)


def _is_due(name: str, at: datetime) -> bool:
    until = name.partition(".")[0]
    # A name that we did not give is left alone: somebody put it here by hand.
    return until.isdigit() and datetime.fromtimestamp(int(until), UTC) <= at
