"""What a project and an upload are, in a few lines of plain Python: the model of the state machine test.

A project is a list of revisions, and a revision is files and folders by path. Nothing here knows the engine; how each
kind of revision follows from the one before is told by design §4 and the reference pages on undo and on changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


class Refused(Exception):  # noqa: N818 - a word of the pages
    """The change cannot be made of this revision."""


@dataclass(frozen=True, eq=False)
class Version:
    """A file's content since some revision; two of the same bytes are not the same. `copies` are those that it is a
    copy of, where an undo wrote it."""

    content: bytes
    copies: frozenset[Version] = frozenset()


@dataclass(frozen=True)
class Tree:
    """The files and folders of one revision. The project's first folder is always there, and not among them."""

    files: Mapping[str, Version] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()

    def holds(self, path: str) -> bool:
        return path in self.files or path in self.folders or not path

    def is_below_file(self, path: str) -> bool:
        return any(folder in self.files for folder in above(path))

    def contents(self) -> dict[str, bytes]:
        return {path: version.content for path, version in self.files.items()}

    def totals(self) -> dict[str, tuple[int, int]]:
        """Of every folder: how many files and bytes are below it."""
        sizes = {path: len(version.content) for path, version in self.files.items()}
        return {
            folder: (
                sum(lies_in(path, folder) for path in sizes),
                sum(size for path, size in sizes.items() if lies_in(path, folder)),
            )
            for folder in ("", *self.folders)
        }


def tree_of(files: Mapping[str, Version], folders: Iterable[str]) -> Tree:
    """A tree in which every file and folder has the folders above it."""
    whole = {folder for folder in folders if folder}
    whole.update(folder for path in [*files, *whole] for folder in above(path))
    return Tree(dict(files), frozenset(whole))


def above(path: str) -> Iterator[str]:
    """The folders above a path, without the project's first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def lies_in(path: str, folder: str) -> bool:
    """Whether a path is this folder, or below it."""
    return not folder or path == folder or path.startswith(f"{folder}/")


def is_no_folder(tree: Tree, target: str) -> bool:
    """Whether a file stands there, or above it."""
    return target in tree.files or tree.is_below_file(target)


def removed(tree: Tree, paths: Sequence[str]) -> Tree:
    if not all(tree.holds(path) for path in paths):
        raise Refused

    def stays(path: str) -> bool:
        return not any(lies_in(path, gone) for gone in paths)

    return tree_of({path: one for path, one in tree.files.items() if stays(path)}, filter(stays, tree.folders))


def moved(tree: Tree, moves: Mapping[str, str]) -> Tree:
    for path, target in moves.items():
        if not tree.holds(path) or tree.holds(target) or tree.is_below_file(target):
            raise Refused
    files, folders = dict(tree.files), set(tree.folders)
    for path, target in moves.items():
        for one in [one for one in tree.files if lies_in(one, path)]:
            files[target + one[len(path) :]] = Version(files.pop(one).content)
        for one in [one for one in tree.folders if lies_in(one, path)]:
            folders.remove(one)
            folders.add(target + one[len(path) :])
    return tree_of(files, folders)


def restored(tree: Tree, old: Tree, paths: Sequence[str]) -> Tree:
    if not all(old.holds(path) for path in paths):
        raise Refused
    files, folders = dict(tree.files), set(tree.folders)
    for path, version in old.files.items():
        if not any(lies_in(path, top) for top in paths):
            continue
        if path in tree.folders or tree.is_below_file(path):
            raise Refused
        if path not in tree.files or tree.files[path].content != version.content:
            files[path] = Version(version.content)
    for folder in old.folders:
        if any(lies_in(folder, top) for top in paths):
            if folder in tree.files or tree.is_below_file(folder):
                raise Refused
            folders.add(folder)
    if files == tree.files and folders == tree.folders:
        raise Refused
    return tree_of(files, folders)


@dataclass
class ProjectModel:
    """A project: `revisions[n]` is what readers of revision n see, for ever.

    `held` tells of an import what its people count on although it did not bring it: files that it found identical,
    and folders. `undoes` tells of an undo what it is the undo of.
    """

    revisions: list[Tree] = field(default_factory=lambda: [Tree()])
    held: dict[int, frozenset[str]] = field(default_factory=dict)
    undoes: dict[int, int] = field(default_factory=dict)

    @property
    def number(self) -> int:
        return len(self.revisions) - 1

    @property
    def head(self) -> Tree:
        return self.revisions[-1]

    def is_undone(self, number: int) -> bool:
        """Whether the newest undo in the chain of a revision is an undo, and not a redo."""
        undo = next((one for one, undone in self.undoes.items() if undone == number), None)
        return undo is not None and not self.is_undone(undo)

    def tip_of(self, number: int) -> int:
        """The newest undo or redo in the chain of a revision; that one is undone next."""
        undo = next((one for one, undone in self.undoes.items() if undone == number), None)
        return number if undo is None else self.tip_of(undo)

    def undone(self, number: int) -> Tree:
        """The head without what revision `number` did, as far as it still stands.

        Raises:
            Refused: nothing of it does.
        """
        did, before, head = self.revisions[number], self.revisions[number - 1], self.head
        held = {
            path for later, held in self.held.items() if later > number and not self.is_undone(later) for path in held
        }
        files, folders = dict(head.files), set(head.folders)
        left = _take_back(files, did, before, held) + _bring_back(files, folders, did, before)
        now = Tree(files)
        blocked = {one for one in before.folders - did.folders if one in files or now.is_below_file(one)}
        if (left or blocked) and files == dict(head.files):
            raise Refused
        # From below upwards, as far as nothing is left in them.
        for folder in sorted(did.folders - before.folders, reverse=True):
            inner = any(path != folder and lies_in(path, folder) for path in [*files, *folders])
            if not inner and folder not in held:
                folders.discard(folder)
        folders |= before.folders - did.folders - blocked
        return tree_of(files, folders)


def _take_back(files: dict[str, Version], did: Tree, before: Tree, held: set[str]) -> int:
    """What a revision brought goes, and what it replaced is there again; returns how many paths are left alone."""
    left = 0
    for path, version in did.files.items():
        if before.files.get(path) is version:
            continue
        stands = files.get(path)
        if stands is None or not (stands is version or version in stands.copies) or path in held:
            left += 1
            continue
        del files[path]
        if path in before.files:
            files[path] = _copy(before.files[path])
    return left


def _bring_back(files: dict[str, Version], folders: set[str], did: Tree, before: Tree) -> int:
    """What a revision took away is there again; returns how many paths are left alone."""
    left, now = 0, Tree(dict(files), frozenset(folders))
    for path, version in before.files.items():
        if path in did.files:
            continue
        if now.holds(path) or now.is_below_file(path):
            left += 1
        else:
            files[path] = _copy(version)
    return left


def _copy(version: Version) -> Version:
    return Version(version.content, version.copies | {version})


@dataclass
class UploadModel:
    """An upload: what is staged, what was chosen, and what its imports have published."""

    state: str = "open"
    files: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    on_conflict: str = "version"
    target: str = ""
    takes_doubtful: bool = False
    is_suspected: bool = False  # a task of it fails, and what arrives from now on may be incomplete
    doubtful: set[str] = field(default_factory=set)
    is_wished: bool = False
    is_cancelled: bool = False
    published: list[int] = field(default_factory=list)
    registered: set[str] = field(default_factory=set)
    problems: int = 0
    is_past_retry: bool = False

    def is_aimed_at_file(self, head: Tree) -> bool:
        return is_no_folder(head, self.target)


@dataclass(frozen=True)
class Imported:
    """What an import makes of a revision: the `tree`, or `why_not`. `good` are the staged paths that it takes."""

    tree: Tree
    good: frozenset[str]
    held: frozenset[str]
    problems: int
    why_not: str = ""


def imported(upload: UploadModel, head: Tree, read: Collection[str] = ()) -> Imported:
    """What an import of what is staged, and not registered by an earlier one, makes of the head.

    Of staged files that were `read` it is known whether they are the project's; how many those are nobody can foretell.
    """
    files, good, held, problems, replaces = dict(head.files), set[str](), set[str](), 0, False
    for staged in sorted({*upload.files, *upload.folders} - upload.registered):
        path = f"{upload.target}/{staged}" if upload.target else staged
        is_file = staged in upload.files
        in_the_way = head.is_below_file(path) or path in (head.folders if is_file else head.files)
        is_same = staged in read and path in head.files and head.files[path].content == upload.files[staged]
        if in_the_way or (is_file and upload.on_conflict == "skip" and path in head.files and not is_same):
            problems += 1
            continue
        if staged in upload.doubtful and not upload.takes_doubtful:
            problems += 1
            continue
        good.add(staged)
        if not is_file or (path in head.files and head.files[path].content == upload.files[staged]):
            held.add(path)
        else:
            replaces |= path in head.files
            files[path] = Version(upload.files[staged])
    why_not = "import.nothing_good" if problems else "import.empty"
    if problems and upload.is_aimed_at_file(head):
        why_not = "import.target_is_file"
    if replaces and upload.on_conflict == "fail":
        why_not = "import.conflict"
    elif good:
        why_not = ""
    folders = {path for path in held if path not in files}
    return Imported(tree_of(files, head.folders | folders), frozenset(good), frozenset(held), problems, why_not)
