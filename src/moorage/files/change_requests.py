"""What was asked of a remove, a move or a restore: read, checked and written as `Revision.request`. Pure.

Here is only what is wrong or right whatever the project holds; what stands in the way of a change is found by
`files.removing`, `files.moving` and `files.restoring`.
"""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from moorage.errors import InvalidInputError
from moorage.files.models import RevisionKind
from moorage.files.paths import MAX_NAME_BYTES, MAX_PATH_BYTES, join_path, parent_path, split_path

MAX_PATHS: Final = 1000
KINDS: Final = (RevisionKind.REMOVE, RevisionKind.MOVE, RevisionKind.RESTORE)


class InvalidChangeError(InvalidInputError):
    """No state of the project could make this change possible."""

    code = "change.invalid"

    def __init__(self, sentence: str, *, field: str, path: str | None = None) -> None:
        super().__init__(sentence, field=field)
        self.path = path


@dataclass(frozen=True)
class ChangeRequest:
    """A remove, move or restore of these paths, none of which lies below another.

    `target` is of a move: a folder into which the paths go if it ends in a slash (`/` alone is the project's
    first folder), else the new path of the only one. `revision` is of a restore: the one to restore from.
    """

    kind: RevisionKind
    paths: tuple[str, ...]
    target: str = ""
    revision: int = 0

    def moves(self) -> dict[str, str]:
        """The new path of each path that a move moves."""
        if not self.target.endswith("/"):
            return {self.paths[0]: self.target}
        folder = self.target.strip("/")
        return {path: join_path(folder, path.rpartition("/")[2]) for path in self.paths}

    def document(self) -> dict[str, Any]:
        """As it is kept with the revision."""
        kept: dict[str, Any] = {"paths": list(self.paths)}
        if self.kind == RevisionKind.MOVE:
            kept["target"] = self.target
        if self.kind == RevisionKind.RESTORE:
            kept["revision"] = self.revision
        return kept


def kept_request(kind: str, document: Mapping[str, Any]) -> ChangeRequest:
    """What a revision's `request` holds; it was checked when it was asked."""
    return ChangeRequest(
        RevisionKind(kind), tuple(document["paths"]), document.get("target", ""), document.get("revision", 0)
    )


def read_request(
    kind: RevisionKind, paths: Sequence[str], *, target: str | None = None, revision: int | None = None
) -> ChangeRequest:
    """A request that makes sense.

    Paths may begin or end with a slash. Of a remove or restore, those below another path of the request are
    left out, because that one brings them along.

    Raises:
        InvalidChangeError: it makes none, in any state of the project.
        PathNotFoundError: nothing can stand at one of the paths.
    """
    named = _read_paths(kind, paths)
    if kind != RevisionKind.MOVE and target is not None:
        raise InvalidChangeError(f"A {kind} takes no target. Leave it out, or ask for a move.", field="target")
    if kind != RevisionKind.RESTORE and revision is not None:
        raise InvalidChangeError(f"A {kind} takes no revision. Leave it out, or ask for a restore.", field="revision")
    if kind == RevisionKind.MOVE:
        return _read_move(named, target)
    known = frozenset(named)
    outer = tuple(path for path in named if not _lies_below(path, known))
    if kind == RevisionKind.REMOVE:
        return ChangeRequest(kind, outer)
    if revision is None:
        raise InvalidChangeError("Name the revision to restore from.", field="revision")
    return ChangeRequest(kind, outer, revision=revision)


def _read_paths(kind: RevisionKind, paths: Sequence[str]) -> tuple[str, ...]:
    if kind not in KINDS:
        raise InvalidChangeError("Files can be removed, moved and restored. Ask for one of these.", field="kind")
    named = tuple(dict.fromkeys(path.strip("/") for path in paths))
    if not named:
        raise InvalidChangeError(f"Nothing was chosen. Choose at least one file or folder to {kind}.", field="paths")
    if len(named) > MAX_PATHS:
        raise InvalidChangeError(
            f"At most {MAX_PATHS:,} paths can be named at once. Name their folder, or ask in several steps.",
            field="paths",
        )
    for path in named:
        split_path(path)
    if "" in named and kind != RevisionKind.RESTORE:
        raise InvalidChangeError(
            f"The project's first folder stays: it cannot be {kind}d. Name what is in it.", field="paths"
        )
    return named


def _read_move(paths: tuple[str, ...], target: str | None) -> ChangeRequest:
    known = frozenset(paths)
    for path in paths:
        if _lies_below(path, known):
            sentence = f"“{path}” lies in another folder that is to be moved. Leave one of the two out."
            raise InvalidChangeError(sentence, field="paths", path=path)
    if not target:
        raise InvalidChangeError("Name the new path, or a folder with a slash behind it to move into.", field="target")
    is_folder = target.endswith("/") or len(paths) > 1
    name = target.strip("/")
    check_new_path(name)
    move = ChangeRequest(RevisionKind.MOVE, paths, f"{name}/" if is_folder else name)
    taken: set[str] = set()
    for path, new_path in move.moves().items():
        _check_one_move(path, new_path, taken)
        taken.add(new_path)
    return move


def _check_one_move(path: str, new_path: str, taken: Collection[str]) -> None:
    check_new_path(new_path)
    if new_path == path:
        sentence = f"“{path}” is there already. Name another place."
        raise InvalidChangeError(sentence, field="target", path=path)
    if new_path.startswith(f"{path}/"):
        raise InvalidChangeError(
            f"“{path}” cannot be moved into itself. Name a place outside of it.", field="target", path=path
        )
    if new_path in taken:
        sentence = f"Two of these would be “{new_path}”. Move them one after the other, to different names."
        raise InvalidChangeError(sentence, field="paths", path=path)


def check_new_path(path: str) -> None:
    """Raise InvalidChangeError unless the project may get this path, by the rules that imports keep."""
    sentence = _fault_of(path)
    if sentence:
        raise InvalidChangeError(sentence, field="target", path=path)


def _fault_of(path: str) -> str:
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        return "The new path is not valid Unicode. Choose another name."
    if length > MAX_PATH_BYTES:
        return f"The new path is longer than {MAX_PATH_BYTES:,} bytes. Choose a shorter one."
    names = path.split("/") if path else []
    if any(name in {"", ".", ".."} for name in names):
        return f"“{path}” is no path in a project: names are not empty, and neither “.” nor “..”. Choose another."
    if any(len(name.encode()) > MAX_NAME_BYTES for name in names):
        return f"A name in the new path is longer than {MAX_NAME_BYTES} bytes. Choose a shorter one."
    if any(unicodedata.category(character) == "Cc" for character in path):
        return "The new path has control characters, such as a line break, in it. Choose another name."
    return ""


def _lies_below(path: str, others: Collection[str]) -> bool:
    while path:
        path = parent_path(path)
        if path in others:
            return True
    return False
