"""The part of an upload that was chosen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moorage.importer.words.selection import Selection

# Few names, of which some begin like others, so that paths often meet.
NAMES = st.sampled_from(["a", "ab", "a b", "b", "é"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


def is_chosen(selection: Selection, path: bytes) -> bool:
    """As the planner asks: of everything in the folder, then of the path itself."""
    return selection.holds_all_below(path.rpartition(b"/")[0]) or selection.holds(path)


def test_without_a_choice_everything_is_chosen() -> None:
    for selection in (Selection(), Selection.of([]), Selection.of(["/", ""])):
        assert selection.holds_all_below(b"")
        assert selection.holds_all_below(b"a/b")


@given(st.lists(PATHS, min_size=1, max_size=4), PATHS)
def test_chosen_is_what_was_named_what_lies_below_it_and_the_folders_on_the_way_to_it(
    chosen: list[str], path: str
) -> None:
    selection = Selection.of(chosen)

    expected = any(path == one or path.startswith(f"{one}/") or one.startswith(f"{path}/") for one in chosen)
    assert is_chosen(selection, path.encode()) is expected


@given(st.lists(PATHS, min_size=1, max_size=4), PATHS)
def test_all_below_a_folder_is_chosen_with_the_folder_or_one_above_it(chosen: list[str], folder: str) -> None:
    expected = any(folder == one or folder.startswith(f"{one}/") for one in chosen)
    assert Selection.of(chosen).holds_all_below(folder.encode()) is expected


def test_a_choice_in_a_folder_does_not_choose_its_neighbours() -> None:
    selection = Selection.of(["runs/1"])
    assert not selection.holds_all_below(b"")
    assert not selection.holds_all_below(b"runs")
    assert is_chosen(selection, b"runs")
    assert not is_chosen(selection, b"runs/10")
    assert not is_chosen(selection, b"notes")


def test_slashes_at_the_ends_do_not_count() -> None:
    assert Selection.of(["/a/b/"]) == Selection.of(["a/b"])


def test_a_name_that_is_not_utf8_can_be_chosen_by_the_text_that_python_makes_of_it() -> None:
    selection = Selection.of([b"caf\xe9".decode(errors="surrogateescape")])
    assert selection.holds(b"caf\xe9")
