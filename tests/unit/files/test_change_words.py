"""Removes, moves and restores in words."""

from __future__ import annotations

import pytest

from moorage.files.change_requests import read_request
from moorage.files.change_words import asked_words, done_words, going_on_words, is_change
from moorage.files.models import Revision, RevisionKind


@pytest.mark.parametrize(
    ("kind", "paths", "options", "done"),
    [
        ("remove", ["a/b"], {}, "Removed “a/b”"),
        ("remove", ["a", "b"], {}, "Removed “a” and 1 other"),
        ("remove", ["a", "b", "c"], {}, "Removed “a” and 2 others"),
        ("move", ["a"], {"target": "b/c"}, "Moved “a” to “b/c”"),
        ("move", ["a", "b"], {"target": "c"}, "Moved “a” and 1 other into “c”"),
        ("move", ["x/a"], {"target": "/"}, "Moved “x/a” to the project's first folder"),
        ("restore", ["a"], {"revision": 3}, "Restored “a” as it was at revision 3"),
        ("restore", ["a", "b"], {"revision": 3}, "Restored “a” and 1 other as they were at revision 3"),
        ("restore", [""], {"revision": 3}, "Restored everything as it was at revision 3"),
    ],
)
def test_a_line_of_history_says_what_was_done(
    kind: str, paths: list[str], options: dict[str, int | str], done: str
) -> None:
    request = read_request(RevisionKind(kind), paths, **options)  # type: ignore[arg-type]
    revision = Revision(kind=kind, request=request.document())

    assert done_words(revision) == done
    assert asked_words(revision) == kind + done[len(kind) + 1 :]
    assert going_on_words(revision).startswith(kind.capitalize().removesuffix("e"))


def test_an_import_and_an_undo_have_words_of_their_own() -> None:
    assert not is_change(Revision(kind=RevisionKind.IMPORT))
    assert not is_change(Revision(kind=RevisionKind.UNDO))
