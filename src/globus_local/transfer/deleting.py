"""The items of a delete task, and taking a whole folder away without ever following a link."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from globus_local.transfer.endpoints import Collection
from globus_local.transfer.faults import FaultError, fault_from
from globus_local.transfer.guard import Guard
from globus_local.transfer.ledger import Item, Ledger, NewItem
from globus_local.transfer.paths import ROOT, CollectionPath
from globus_local.transfer.tree import LIST, Tree

SUBFOLDERS_AT_ONCE: Final = 1000
ENTRIES_BETWEEN_STEPS: Final = 256
_GLOB: Final = frozenset(b"*?[")


def remove(tree: Tree, path: CollectionPath, step: Callable[[], None]) -> Counter[str]:
    """Remove a file, a link, or a folder with all it holds; count "files" and "directories".

    `step` is called now and then and may raise. Memory does not grow with the number of entries.

    Raises:
        OSError: as the system call does; what was removed until then stays removed.
    """
    removed: Counter[str] = Counter()
    if not stat.S_ISDIR(tree.status(path).st_mode):
        tree.remove_file(path)
        removed["files"] = 1
        return removed
    stack = [path]
    while stack:
        step()
        folder = stack[-1]
        below = _empty(tree, folder, removed, step)
        if below:
            stack.extend(folder.child(name) for name in below)
            continue
        try:
            tree.remove_folder(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            continue  # something came while we looked away: look again
        removed["directories"] += 1
        stack.pop()
    return removed


def _empty(tree: Tree, folder: CollectionPath, removed: Counter[str], step: Callable[[], None]) -> list[bytes]:
    """Remove what is no folder from a folder; return some of the folders in it."""
    below: list[bytes] = []
    with tree.folder(folder, flags=LIST) as descriptor, os.scandir(descriptor) as entries:
        for number, entry in enumerate(entries, start=1):
            if number % ENTRIES_BETWEEN_STEPS == 0:
                step()
            if entry.is_dir(follow_symlinks=False):
                below.append(os.fsencode(entry.name))
                if len(below) >= SUBFOLDERS_AT_ONCE:
                    break
            else:
                os.unlink(entry.name, dir_fd=descriptor)
                removed["files"] += 1
    return below


@dataclass(frozen=True)
class Deletion:
    """One running delete task."""

    collection: Collection
    options: dict[str, Any]
    ledger: Ledger
    guard: Guard

    def handle(self, item: Item) -> None:
        """Do one item. Raises FaultError when it has not worked."""
        try:
            if item.kind == "pattern":
                self._expand(item)
            else:
                self._delete(item)
        except OSError as error:
            raise fault_from(error, item.source, side="source") from error

    def _delete(self, item: Item) -> None:
        tree = Tree(self.collection.root)

        def step() -> None:
            self.guard.check_running()
            self.guard.check_access(self.collection, item.source.parent, "rw", side="source")

        step()
        try:
            is_folder = stat.S_ISDIR(tree.status(item.source).st_mode)
        except FileNotFoundError:
            if not (self.options["ignore_missing"] or item.begun):
                raise
            self.ledger.succeed(item)
            return
        if is_folder and not self.options["recursive"]:
            raise FaultError(
                "IS_A_DIRECTORY", f"{item.source} is a folder; it is deleted only by a recursive delete.", side="source"
            )
        self.ledger.begin(item)
        removed = remove(tree, item.source, step)
        self.ledger.succeed(item, files=removed["files"], directories=removed["directories"])

    def _expand(self, item: Item) -> None:
        found = list(self._matching(ROOT, list(item.source.parts)))
        if not found and not self.options["ignore_missing"]:
            raise FaultError("FILE_NOT_FOUND", f"Nothing matches {item.source}.", side="source")
        self.ledger.add_children(item, (NewItem("delete", path) for path in found))
        self.ledger.succeed(item)

    def _matching(self, folder: CollectionPath, patterns: list[bytes]) -> Iterator[CollectionPath]:
        self.guard.check_running()
        pattern, rest = patterns[0], patterns[1:]
        if not is_pattern(pattern):
            names = [pattern]
        else:
            self.guard.check_access(self.collection, folder, "r", side="source")
            names = sorted(
                name
                for entry in Tree(self.collection.root).entries(folder)
                if fnmatchcase(name := os.fsencode(entry.name), pattern)
                if not name.startswith(b".") or pattern.startswith(b".")
            )
        for name in names:
            path = folder.child(name)
            if rest:
                try:
                    yield from self._matching(path, rest)
                except (FileNotFoundError, NotADirectoryError):
                    continue
            elif self._exists(path):
                yield path

    def _exists(self, path: CollectionPath) -> bool:
        try:
            Tree(self.collection.root).status(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def is_pattern(raw: bytes) -> bool:
    """Whether a path has to be matched against names."""
    return not _GLOB.isdisjoint(raw)
