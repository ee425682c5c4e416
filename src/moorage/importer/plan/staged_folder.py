"""A staged folder as planning meets it: where it goes, what stands in its way, and an entry for each path in it."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from moorage.files.paths import folder_key, name_key, path_key
from moorage.importer.ledger.entries import Entry
from moorage.importer.words import paths, reasons
from moorage.importer.words.advice import Reason
from moorage.importer.words.selection import Selection
from moorage.importer.words.verdicts import EntryKind
from moorage.storage.digests import Stamp
from moorage.storage.walk import FolderPart, Found

_DIRECTORY: Final = EntryKind.DIRECTORY.value


class Scene(NamedTuple):
    """A staged folder: its path in the project, why nothing of it may enter one, whether all of it is chosen."""

    staged: bytes
    place: str
    problem: Reason | None
    is_chosen: bool


def scene_of(folder: bytes, *, target: str, selection: Selection) -> Scene:
    """A staged folder that goes below a folder of the project, the `target`."""
    problem = paths.problem_of(folder) if folder else None
    below = folder.decode() if problem is None else ""
    place = f"{target}/{below}" if target and below else target or below
    return Scene(folder, place, problem, selection.holds_all_below(folder))


def problem_of(entry: Entry, *, target: str) -> Reason | None:
    """Why a path may not enter a project by itself, wherever it lies."""
    path = entry.path
    if len(path) + 4 * len(target) + 1 > paths.MAX_PATH_BYTES:  # a character has four bytes at most
        above = len(target.encode()) + 1 if target else 0
        if len(path) + above > paths.MAX_PATH_BYTES:
            return reasons.PATH_TOO_LONG
    return None if entry.name else paths.problem_of_name(paths.split(path)[1])


def entries_of(part: FolderPart) -> Iterable[Entry]:
    """Entries of what a walk has found in a folder, and of the folder itself where it comes with this part."""
    if part.folder is not None:
        yield _entry(part.folder, path_key(part.path), paths.split(part.path)[1], again=part.again)
    half, prefix = folder_key(part.path), len(part.path) + 1 if part.path else 0
    for found in part.found:
        # A folder has its entry when it is looked into.
        if found.kind != _DIRECTORY:
            name = found.path[prefix:]
            yield _entry(found, half + name_key(name), name)


def _entry(found: Found, key: bytes, name: bytes, *, again: bool = False) -> Entry:
    stamp = Stamp(found.inode, found.size_bytes, found.modified_ns, found.changed_ns)
    entry = Entry(found.path, key, paths.text_of(name), found.kind.value, stamp)
    if found.trouble:
        entry.trouble = found.trouble
    if again:
        entry.again = True
    return entry
