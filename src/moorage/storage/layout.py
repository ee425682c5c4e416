"""Where bytes lie on disk. Everything below `root` is on one file system, so that placing is a link or a rename.

collection/<area name>/   what Globus can reach: staging areas and download trees
sealed/<upload id>/       areas after the seal: out of Globus's reach, never opened for writing again
objects/<2 hex>/<digest>  the object store
trees/<tree name>/        download trees while they are built or taken away: out of Globus's reach
trash/<name>/             what was discarded, until its time has passed
"""

from dataclasses import dataclass
from pathlib import Path

from moorage.errors import UnavailableError


class StoreAwayError(UnavailableError):
    """The store's folders are not there: a disk that is not mounted, as a rule."""

    code = "store.away"

    def __init__(self) -> None:
        super().__init__(
            "The disk with the files is not there at the moment. Nothing is lost; tell the operator, and try later."
        )


@dataclass(frozen=True)
class StoreLayout:
    """The folders of one store."""

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

    def check_is_there(self) -> None:
        """Raise StoreAwayError when the object store's folder cannot be seen."""
        if not self.objects.is_dir():
            raise StoreAwayError

    def make(self) -> None:
        """Make the folders; harmless when they are there."""
        for folder in (self.collection, self.sealed, self.objects, self.trees, self.trash):
            folder.mkdir(parents=True, exist_ok=True)
            # Members' files are nobody else's business on a shared machine; Globus maps to our own account.
            folder.chmod(0o700)
