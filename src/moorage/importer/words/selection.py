"""The part of an upload that an import was asked for: some paths, and everything below them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from moorage.importer.words.paths import folders_above


@dataclass(frozen=True)
class Selection:
    """Paths of the staging area that were chosen, and the folders above them. Without any, everything is."""

    paths: frozenset[bytes] = frozenset()
    above: frozenset[bytes] = frozenset()

    @classmethod
    def of(cls, paths: Iterable[str]) -> "Selection":
        """The selection of these paths; slashes at their ends do not count."""
        chosen = frozenset(_as_bytes(path).strip(b"/") for path in paths) - {b""}
        return cls(chosen, frozenset(folder for path in chosen for folder in folders_above(path)))

    def holds_all_below(self, folder: bytes) -> bool:
        """Whether everything in a folder is chosen (empty: the top)."""
        if not self.paths:
            return True
        position = len(folder)
        while position > 0:
            if folder[:position] in self.paths:
                return True
            position = folder.rfind(b"/", 0, position)
        return False

    def holds(self, path: bytes, *, is_folder: bool = True) -> bool:
        """Whether this very path is chosen, which does not lie below a chosen one; a folder above one counts."""
        return path in self.paths or (is_folder and path in self.above)


def _as_bytes(path: str) -> bytes:
    return path.encode(errors="surrogateescape")
