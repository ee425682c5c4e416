"""Where bytes lie on disk, and whether they are there: the disk of a store may not be mounted.

Everything below `root` is on one file system, so that placing is a link or a rename.

collection/<area name>/   what Globus can reach: staging areas and download trees
sealed/<upload id>/       areas after the seal: out of Globus's reach, never opened for writing again
objects/<2 hex>/<digest>  the object store; beside them the store's mark
trees/<tree name>/        download trees while they are built or taken away: out of Globus's reach
trash/<name>/             what was discarded, until its time has passed
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moorage.errors import UnavailableError

# A folder, so that all files in `objects` are objects or are becoming some.
MARK: Final = ".moorage-store"


class StoreAwayError(UnavailableError):
    """The store is not there: a disk that is not mounted, as a rule."""

    code = "store.away"

    def __init__(self) -> None:
        super().__init__("The disk with the files is not there at the moment. Nothing is lost; tell the operator.")


@dataclass(frozen=True)
class StoreLayout:
    """The folders of one store.

    A folder in which a disk should be mounted is there without it, and then everything looks gone. So the store has a
    mark, made with it and never by itself, and nothing of it counts as gone unless the store is there.
    """

    root: Path

    @property
    def collection(self) -> Path:
        return self.root / "collection"

    @property
    def sealed(self) -> Path:
        return self.root / "sealed"

    @property
    def objects(self) -> Path:
        return self.root / "objects"

    @property
    def trees(self) -> Path:
        return self.root / "trees"

    @property
    def trash(self) -> Path:
        return self.root / "trash"

    @property
    def mark(self) -> Path:
        """Where it is, this is the store and no folder of its name."""
        return self.objects / MARK

    def is_there(self) -> bool:
        """Whether the store can be seen. A few looks at folders; ask after something was found missing, not before."""
        return self.has_folders() and self._is_marked()

    def has_folders(self) -> bool:
        """Whether all of its folders are there, which alone does not make it the store."""
        return all(map(os.path.isdir, self._folders))

    def check_is_there(self) -> None:
        """Raise StoreAwayError where it `is_there` not."""
        if not self.is_there():
            raise StoreAwayError

    @contextmanager
    def or_away(self) -> Iterator[None]:
        """Within this, what the file system says while the store is not there becomes StoreAwayError."""
        try:
            yield
        except OSError:
            self.check_is_there()
            raise

    def make(self) -> None:
        """Make the folders and the mark, harmless when they are there: only where this is sure to be the store."""
        for folder in (*self._folders, self.mark):
            folder.mkdir(parents=True, exist_ok=True)
            # Members' files are nobody else's business on a shared machine; Globus maps to our own account.
            folder.chmod(0o700)

    def _is_marked(self) -> bool:
        try:
            self.mark.stat()
        except PermissionError:
            return True  # its folder can be seen, only not be looked into: somebody has changed a mode, not a disk
        except OSError:
            return False
        return True

    @property
    def _folders(self) -> tuple[Path, ...]:
        return self.collection, self.sealed, self.objects, self.trees, self.trash
