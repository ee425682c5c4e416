"""Where bytes lie on disk. Everything below `root` is on one file system, so that placing is a link or a rename.

collection/<area name>/   what Globus can reach: staging areas (later also download trees)
sealed/<upload id>/       areas after the seal: out of Globus's reach, never opened for writing again
objects/<2 hex>/<digest>  the object store
trash/<name>/             what was discarded, until its time has passed
"""

from dataclasses import dataclass
from pathlib import Path


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
    def trash(self) -> Path:
        return self.root / "trash"

    def make(self) -> None:
        """Make the folders; harmless when they are there."""
        for folder in (self.collection, self.sealed, self.objects, self.trash):
            folder.mkdir(parents=True, exist_ok=True)
            # Members' files are nobody else's business on a shared machine; Globus maps to our own account.
            folder.chmod(0o700)
