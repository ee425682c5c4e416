"""The table of an upload's states: no gaps, no dead ends that are not ends."""

from __future__ import annotations

import pytest

from moorage.transfers.states import (
    DISCARDED_ALREADY,
    DONE_ALREADY,
    MAY_HAVE_ACCESS,
    OUTSTANDING,
    TAKES_FILES,
    UPLOAD_TRANSITIONS,
    UploadState,
    UploadTransitionError,
    check_transition,
)

ENDS = {UploadState.IMPORTED, UploadState.DISCARDED}


def test_every_state_stands_in_the_table() -> None:
    assert set(UPLOAD_TRANSITIONS) == set(UploadState)


def test_every_state_can_be_reached_from_the_first() -> None:
    assert _reachable(UploadState.REQUESTED) == set(UploadState)


@pytest.mark.parametrize("state", list(UploadState))
def test_every_state_leads_to_an_end(state: UploadState) -> None:
    assert _reachable(state) & ENDS


def test_only_a_discarded_upload_can_never_move_again() -> None:
    assert [state for state, moves in UPLOAD_TRANSITIONS.items() if not moves] == [UploadState.DISCARDED]


def test_an_upload_never_takes_files_again_after_the_seal() -> None:
    after = _reachable(UploadState.SEALED)

    assert not after & TAKES_FILES
    assert not after & MAY_HAVE_ACCESS


def test_a_running_import_is_neither_deleted_nor_opened() -> None:
    assert UPLOAD_TRANSITIONS[UploadState.IMPORTING] == {UploadState.IMPORTED, UploadState.FAILED}


def test_what_is_imported_cannot_be_deleted() -> None:
    assert UploadState.DISCARDING not in UPLOAD_TRANSITIONS[UploadState.IMPORTED]


def test_states_are_sorted_without_contradiction() -> None:
    assert frozenset(UploadState) - ENDS == OUTSTANDING
    assert TAKES_FILES < MAY_HAVE_ACCESS < OUTSTANDING
    assert not DONE_ALREADY & DISCARDED_ALREADY
    assert not DONE_ALREADY & TAKES_FILES


@pytest.mark.parametrize("current", list(UploadState))
@pytest.mark.parametrize("wanted", list(UploadState))
def test_a_move_that_the_table_does_not_have_is_refused_in_words(current: UploadState, wanted: UploadState) -> None:
    if wanted in UPLOAD_TRANSITIONS[current]:
        check_transition(current, wanted)
        return
    with pytest.raises(UploadTransitionError, match="Upload Status") as refused:
        check_transition(current, wanted)
    assert refused.value.data() == {"current": current.value, "wanted": wanted.value}


def _reachable(start: UploadState) -> set[UploadState]:
    found, todo = {start}, [start]
    while todo:
        for state in UPLOAD_TRANSITIONS[todo.pop()] - found:
            found.add(state)
            todo.append(state)
    return found
