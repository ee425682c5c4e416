"""The items of a transfer task: a file is copied, a directory becomes the items that it holds."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from globus_local.transfer.copying import CHUNK_BYTES, CopyOptions, Place, copy_file
from globus_local.transfer.deleting import remove
from globus_local.transfer.endpoints import Collection
from globus_local.transfer.faults import FaultError, fault_from
from globus_local.transfer.guard import Guard, Periodically
from globus_local.transfer.ledger import Item, Ledger, NewItem
from globus_local.transfer.paths import CollectionPath
from globus_local.transfer.tree import Tree

if TYPE_CHECKING:
    from globus_local.config import Config


@dataclass(frozen=True)
class Transfer:
    """One running transfer: its two sides, its options, and what it reports to."""

    config: Config
    source: Collection
    destination: Collection
    options: dict[str, Any]
    ledger: Ledger
    guard: Guard

    def handle(self, item: Item) -> None:
        """Do one item. Raises FaultError when it has not worked."""
        if item.kind == "extra":
            self._remove_extra(item)
        elif item.kind == "directory" or (item.kind == "auto" and self._is_directory(item)):
            self._expand(item)
        else:
            self._copy(item)

    def _is_directory(self, item: Item) -> bool:
        # Of the item itself, not its parent: it may be the very folder that a rule opens.
        self.guard.check_access(self.source, item.source, "r", side="source")
        try:
            return stat.S_ISDIR(Tree(self.source.root).status(item.source).st_mode)
        except OSError as error:
            raise fault_from(error, item.source, side="source") from error

    def _copy(self, item: Item) -> None:
        target = _destination(item)

        def check_access() -> None:
            self.guard.check_access(self.source, item.source.parent, "r", side="source")
            self.guard.check_access(self.destination, target.parent, "rw", side="destination")

        check_access()
        if item.parent is None:
            self._ensure_folder(target.parent)
        watch = self._watch(check_access)
        rate = self.config.bytes_per_second
        copied = copy_file(
            Place(Tree(self.source.root), item.source),
            Place(Tree(self.destination.root), target),
            self._copy_options(item),
            moved=lambda count: self._moved(count, watch),
            checked=lambda count: self._checked(count, watch),
            chunk_bytes=max(4096, min(CHUNK_BYTES, self.config.progress_bytes, rate // 10 or CHUNK_BYTES)),
        )
        self.ledger.succeed(
            item,
            state="succeeded" if copied.was_needed else "skipped",
            kind="file",
            size_bytes=copied.size_bytes,
            checksum=copied.checksum,
            files=1 if item.parent is None else 0,
            files_transferred=int(copied.was_needed),
            files_skipped=int(not copied.was_needed),
            bytes_transferred=copied.size_bytes if copied.was_needed else 0,
        )

    def _copy_options(self, item: Item) -> CopyOptions:
        return CopyOptions(
            sync_level=self.options["sync_level"],
            verify_checksum=self.options["verify_checksum"],
            preserve_timestamp=self.options["preserve_timestamp"],
            checksum_algorithm=item.checksum_algorithm or "MD5",
            external_checksum=item.external_checksum,
        )

    def _watch(self, check_access: Callable[[], None]) -> Callable[[int], None]:
        due = Periodically(self.config.progress_bytes)

        def watch(count: int) -> None:
            self.guard.check_running()
            self.ledger.flush_if_due()
            if due.is_due(count):
                check_access()

        return watch

    def _moved(self, count: int, watch: Callable[[int], None]) -> None:
        self.ledger.bytes_in_flight += count
        watch(count)
        self.guard.throttle(count)

    def _checked(self, count: int, watch: Callable[[int], None]) -> None:
        self.ledger.count(bytes_checksummed=count)
        watch(count)

    def _expand(self, item: Item) -> None:
        target = _destination(item)
        self.guard.check_access(self.source, item.source, "r", side="source")
        try:
            with Tree(self.source.root).folder(item.source):
                pass  # the destination is only made for a source that is a directory
        except OSError as error:
            raise fault_from(error, item.source, side="source") from error
        self._ensure_folder(target, single_level=item.parent is not None)
        found: Counter[str] = Counter()
        try:
            self.ledger.add_children(item, self._children(item, target, found))
        except OSError as error:
            raise fault_from(error, item.source, side="source") from error
        if found["special"]:
            self.ledger.event("SKIPPED_ERRORS", {"special_files": found["special"], "in": str(item.source)})
        self.ledger.succeed(item, kind="directory", directories=1, files=found["files"], symlinks=found["symlinks"])

    def _children(self, item: Item, target: CollectionPath, found: Counter[str]) -> Iterator[NewItem]:
        rules = self.options["filter_rules"]
        for number, entry in enumerate(Tree(self.source.root).entries(item.source)):
            if number % 1000 == 0:
                self.guard.check_running()
            name = os.fsencode(entry.name)
            if entry.is_symlink():
                found["symlinks"] += 1  # never followed: a link may lead out of the collection
            elif entry.is_dir(follow_symlinks=False):
                if is_wanted(name, "dir", rules):
                    yield NewItem("directory", item.source.child(name), target.child(name))
            elif not entry.is_file(follow_symlinks=False):
                found["special"] += 1
            elif is_wanted(name, "file", rules):
                found["files"] += 1
                yield NewItem(
                    "file",
                    item.source.child(name),
                    target.child(name),
                    checksum_algorithm=item.checksum_algorithm,
                )
        if self.options["delete_destination_extra"]:
            yield from self._extras(item, target)

    def _extras(self, item: Item, target: CollectionPath) -> Iterator[NewItem]:
        here = Tree(self.source.root)
        try:
            for entry in Tree(self.destination.root).entries(target):
                name = os.fsencode(entry.name)
                try:
                    here.status(item.source.child(name))
                except FileNotFoundError:
                    yield NewItem("extra", item.source.child(name), target.child(name))
        except OSError as error:
            raise fault_from(error, target, side="destination") from error

    def _remove_extra(self, item: Item) -> None:
        target = _destination(item)

        def step() -> None:
            self.guard.check_running()
            self.guard.check_access(self.destination, target.parent, "rw", side="destination")

        step()
        try:
            remove(Tree(self.destination.root), target, step)
        except FileNotFoundError:
            pass  # what is not there is no longer extra
        except OSError as error:
            raise fault_from(error, target, side="destination") from error
        self.ledger.succeed(item)

    def _ensure_folder(self, folder: CollectionPath, *, single_level: bool = False) -> None:
        """See to it that a destination folder is there; unless `single_level`, with all that leads to it."""
        tree = Tree(self.destination.root)
        missing: list[CollectionPath] = []
        try:
            here = folder
            while not _is_folder(tree, here):
                missing.append(here)
                if single_level:
                    break
                here = here.parent
            for each in reversed(missing):
                self.guard.check_access(self.destination, each.parent, "rw", side="destination")
                try:
                    tree.make_folder(each)
                except FileExistsError:
                    _is_folder(tree, each)
        except OSError as error:
            raise fault_from(error, folder, side="destination") from error
        if not missing:
            self.guard.check_access(self.destination, folder, "rw", side="destination")


def is_wanted(name: bytes, kind: str, rules: Sequence[dict[str, Any]]) -> bool:
    """Whether the filter rules let a name in: the first rule that matches decides; without one it is let in."""
    for rule in rules:
        if rule.get("type") in (None, kind) and fnmatchcase(name.decode("utf-8", "surrogateescape"), rule["name"]):
            return bool(rule["method"] == "include")
    return True


def _is_folder(tree: Tree, path: CollectionPath) -> bool:
    try:
        with tree.folder(path):
            return True
    except FileNotFoundError:
        return False


def _destination(item: Item) -> CollectionPath:
    if item.destination is None:
        raise FaultError("INTERNAL_ERROR", f"{item.source} has no destination.", side="destination")
    return item.destination
