"""What may be asked of a remove, a move or a restore, whatever the project holds."""

from __future__ import annotations

import pytest

from moorage.files.change_requests import MAX_PATHS, InvalidChangeError, kept_request, read_request
from moorage.files.models import RevisionKind
from moorage.files.paths import PathNotFoundError

REMOVE, MOVE, RESTORE = RevisionKind.REMOVE, RevisionKind.MOVE, RevisionKind.RESTORE


@pytest.mark.parametrize(
    ("paths", "target", "moves"),
    [
        (["a/b"], "c/d", {"a/b": "c/d"}),
        (["a/b"], "c/", {"a/b": "c/b"}),
        (["a/b"], "/", {"a/b": "b"}),
        (["/a/b/"], "/c", {"a/b": "c"}),
        (["a", "b/c"], "d", {"a": "d/a", "b/c": "d/c"}),
        (["a", "b/c"], "d/", {"a": "d/a", "b/c": "d/c"}),
        (["a/x", "b/c"], "/", {"a/x": "x", "b/c": "c"}),
    ],
)
def test_a_target_is_a_new_path_or_a_folder(paths: list[str], target: str, moves: dict[str, str]) -> None:
    move = read_request(MOVE, paths, target=target)

    assert move.moves() == moves
    assert kept_request("move", move.document()) == move


@pytest.mark.parametrize(
    ("paths", "target", "says"),
    [
        (["a"], None, "Name the new path"),
        (["a"], "", "Name the new path"),
        (["a"], "a", "is there already"),
        (["d/a"], "d/", "is there already"),
        (["a"], "a/b", "into itself"),
        (["a", "b"], "a/c", "into itself"),
        (["a", "b"], "b", "into itself"),
        (["a/x", "b/x"], "c", "Two of these"),
        (["a", "a/b"], "c", "Leave one of the two out"),
        (["a"], "b//c", "no path in a project"),
        (["a"], "b/../c", "no path in a project"),
        (["a"], "b\nc", "control characters"),
        (["a"], "b\0c", "control characters"),
        (["a"], "b" * 256, "longer than 255 bytes"),
        (["a"], "\udcff", "not valid Unicode"),
        (["a" * 250], "/".join(["b" * 250] * 17), "longer than 4,096 bytes"),
        (["a" * 250], "/".join(["b" * 250] * 16) + "/", "longer than 4,096 bytes"),
    ],
)
def test_a_move_that_makes_no_sense_is_refused(paths: list[str], target: str | None, says: str) -> None:
    with pytest.raises(InvalidChangeError, match=says):
        read_request(MOVE, paths, target=target)


def test_a_path_with_a_similar_beginning_is_not_inside() -> None:
    assert read_request(MOVE, ["a"], target="ab").moves() == {"a": "ab"}
    assert read_request(REMOVE, ["a", "ab", "a b"]).paths == ("a", "ab", "a b")


def test_what_lies_below_another_path_goes_with_it() -> None:
    assert read_request(REMOVE, ["a/b/c", "a", "d", "a/e", "d"]).paths == ("a", "d")
    assert read_request(RESTORE, ["a", ""], revision=3).paths == ("",)


@pytest.mark.parametrize(
    ("kind", "paths", "options"),
    [
        (REMOVE, [], {}),
        (REMOVE, [""], {}),
        (MOVE, [""], {"target": "x"}),
        (REMOVE, [str(number) for number in range(MAX_PATHS + 1)], {}),
        (REMOVE, ["a"], {"target": "b"}),
        (REMOVE, ["a"], {"revision": 1}),
        (MOVE, ["a"], {"target": "b", "revision": 1}),
        (RESTORE, ["a"], {}),
        (RESTORE, ["a"], {"revision": 1, "target": "b"}),
        (RevisionKind.UNDO, ["a"], {}),
        (RevisionKind.IMPORT, ["a"], {}),
    ],
)
def test_a_request_that_no_state_makes_possible_is_refused(
    kind: RevisionKind, paths: list[str], options: dict[str, object]
) -> None:
    with pytest.raises(InvalidChangeError):
        read_request(kind, paths, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["a//b", "../a", ".", "a\0b", "\udcff", "x" * 256])
def test_a_path_at_which_nothing_can_stand_is_not_found(path: str) -> None:
    with pytest.raises(PathNotFoundError):
        read_request(REMOVE, [path])


def test_requests_are_kept_as_they_were_read() -> None:
    for asked in (read_request(REMOVE, ["a", "b"]), read_request(RESTORE, ["a"], revision=7)):
        assert kept_request(asked.kind.value, asked.document()) == asked
