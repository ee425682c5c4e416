"""The trash: what was discarded, until its time has passed.

A thing's name begins with that time, so that nothing else has to remember it. Objects of one day share a
folder there, with the same fan-out as the object store, so that one that is needed after all is found at once.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from moorage.storage.inventory import is_digest
from moorage.storage.removal import remove_tree
from moorage.storage.sync import sync_folder

_OBJECTS: Final = ".objects"
_TRIES: Final = 3


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
        """Remove what has lain here until its time; returns how many things that were.

        Raises:
            OSError: something stays of a thing, which is named; all others that are due have gone.
        """
        due = [name for name in sorted(os.listdir(self._folder)) if _is_due(name, at)]
        stays: OSError | None = None
        for name in due:
            try:
                remove_tree(self._folder / name)
            except OSError as error:
                stays = stays or OSError(error.errno, error.strerror, os.fspath(self._folder / name))
        if stays is not None:
            raise stays
        return len(due)

    def take_object(self, file: Path, *, row_id: int, until: datetime) -> bool:
        """Move an object's file in, by one rename, until the end of that day. False when it is not there (any more).

        Once for each row: where the row's file lies here already, what stands in its place is another's and stays.
        Not synced: a power cut may bring the name back, as an object without a row, which is found again.
        """
        day = until.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        folder = self._folder / f"{int(day.timestamp())}{_OBJECTS}" / file.name[:2]
        name = f"{file.name}.{row_id}"
        # Asked for by its name: a day may have thousands of one prefix.
        if any(os.path.lexists(one / file.name[:2] / name) for one in self._days()):
            return False
        for _ in range(_TRIES):
            if not os.path.lexists(file):
                return False
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # the file has gone, or the folder: it was just emptied
                file.rename(folder / name)
                return True
        return False

    def give_back_object(self, file: Path) -> bool:
        """Put an object's file back where it was, if it lies here and its place is free. False: it does not lie here.

        Its name is on disk when this returns. Nobody has read it: what lies here may be damaged.
        """
        for lies in self._names_of(file.name):
            file.parent.mkdir(mode=0o700, exist_ok=True)
            try:
                # A link and not a rename: whoever has put a file there meanwhile keeps it.
                os.link(lies, file)
            except FileExistsError:
                return True
            except FileNotFoundError:
                continue
            sync_folder(file.parent)
            lies.unlink(missing_ok=True)
            return True
        return False

    def object_names(self) -> Iterator[str]:
        """The digests of the objects that lie here, a folder at a time."""
        for day in self._days():
            for folder in sorted(day.iterdir()):
                with suppress(FileNotFoundError, NotADirectoryError):
                    names = sorted(name.partition(".")[0] for name in os.listdir(folder))
                    yield from (name for name in names if is_digest(name, folder.name))

    def _names_of(self, digest: str) -> Iterator[Path]:
        """Where an object lies here: the youngest first."""
        for day in reversed(self._days()):
            folder = day / digest[:2]
            with suppress(FileNotFoundError, NotADirectoryError):
                for name in sorted(os.listdir(folder)):
                    if name.partition(".")[0] == digest:
                        yield folder / name

    def _days(self) -> list[Path]:
        names = (name for name in os.listdir(self._folder) if name.endswith(_OBJECTS))
        return [self._folder / name for name in sorted(names)]


def _is_due(name: str, at: datetime) -> bool:
    until = name.partition(".")[0]
    # A name that we did not give is left alone: somebody put it here by hand.
    return until.isdigit() and datetime.fromtimestamp(int(until), UTC) <= at
