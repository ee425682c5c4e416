"""Every state has words that are true and say whose turn it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState
from moorage.transfers.wording import Turn, state_label, state_text, whose_turn

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)

VARIANTS = [Upload(state=state.value) for state in UploadState] + [
    Upload(state=UploadState.REQUESTED.value, reason_text="Globus does not answer. This goes on by itself."),
    Upload(state=UploadState.OPEN.value, wish_at=NOON),
    Upload(state=UploadState.OPEN.value, reason_text="A transfer failed. Press DONE again."),
    Upload(state=UploadState.SEALING.value, reason_text="Waiting for the end of 1 transfer."),
    Upload(state=UploadState.SEALED.value, reason_text="The disk is nearly full."),
    Upload(state=UploadState.IMPORTING.value, step="digest"),
    Upload(state=UploadState.IMPORTING.value, step="digest", reason_text="The disk is nearly full."),
    Upload(state=UploadState.IMPORTED.value, problems=1),
    Upload(state=UploadState.IMPORTED.value, problems=2000),
    Upload(state=UploadState.IMPORTED.value, problems=2, remnants_gone_at=NOON),
    Upload(state=UploadState.IMPORTED.value, problems=2, missing=1),
    Upload(state=UploadState.IMPORTED.value, missing=2000),
    Upload(state=UploadState.IMPORTED.value, warnings=["One.", "Two.", "Three.", "Four."]),
    Upload(state=UploadState.FAILED.value, missing=1),
    Upload(state=UploadState.FAILED.value, reason_text="No file could be imported."),
    Upload(state=UploadState.DISCARDED.value, reason_text="Deleted by Ada.", trash_until=NOON),
]


@pytest.mark.parametrize(
    "upload", VARIANTS, ids=lambda upload: f"{upload.state} {upload.step}{upload.reason_text[:12]}"
)
def test_every_state_has_a_label_with_an_icon_and_whole_sentences(upload: Upload) -> None:
    label, text = state_label(upload), state_text(upload)

    assert label.label
    assert label.icon
    assert label.tone in {"neutral", "active", "good", "bad"}
    assert text[0].isupper()
    assert text.endswith(".")
    assert ".." not in text
    assert "  " not in text


@pytest.mark.parametrize("upload", VARIANTS, ids=lambda upload: upload.state)
def test_waiting_is_said_only_of_what_goes_on_by_itself(upload: Upload) -> None:
    said = f"{state_label(upload).label} {state_text(upload)}".lower()

    if "wait" in said:
        assert whose_turn(upload) is Turn.MOORAGE
        assert "by itself" in said


@pytest.mark.parametrize("upload", VARIANTS, ids=lambda upload: upload.state)
def test_where_it_is_the_members_turn_the_text_says_what_to_do(upload: Upload) -> None:
    if whose_turn(upload) is Turn.MEMBER:
        assert any(word in state_text(upload).lower() for word in ("press done", "retry", "press delete"))


def test_a_deleted_upload_says_until_when_the_trash_keeps_it() -> None:
    upload = Upload(state=UploadState.DISCARDED.value, reason_text="Deleted by Ada.", trash_until=NOON)

    assert state_text(upload) == "Deleted by Ada. The trash keeps its files until 14 March 2026."


def test_what_lists_name_and_was_not_there_is_told_of_every_import() -> None:
    for kept in ({}, {"problems": 1}, {"problems": 1, "remnants_gone_at": NOON}):
        assert "1 file that a list or Globus names was not there" in state_text(
            Upload(state=UploadState.IMPORTED.value, missing=1, **kept)
        )


def test_the_state_says_that_files_are_missing_beside_other_problems() -> None:
    both, missing, problems = (
        state_label(Upload(state=UploadState.IMPORTED.value, **kept)).label
        for kept in ({"problems": 1, "missing": 1}, {"missing": 1}, {"problems": 1})
    )

    assert both == "Imported with problems, files missing"
    assert missing == "Imported, files missing"
    assert problems == "Imported with problems"


def test_what_a_rule_or_a_choice_left_out_is_no_problem() -> None:
    chosen = {"problems": 2, "left_out": 2}
    upload = Upload(state=UploadState.IMPORTED.value, **chosen)

    assert (state_label(upload).label, state_label(upload).tone) == ("Imported, some left out", "good")
    assert state_text(upload) == "Imported. 2 files were left out, by a rule or by what was chosen. See which below."
    assert whose_turn(upload) is Turn.NOBODY
    for more, said in (
        ({"problems": 3}, "Imported with problems"),
        ({"missing": 1}, "Imported, files missing"),
        ({"problems": 3, "missing": 1}, "Imported with problems, files missing"),
        ({"warnings": ["A list compares nothing."]}, "Imported, with warnings"),
    ):
        assert state_label(Upload(state=UploadState.IMPORTED.value, **{**chosen, **more})).label == said


def test_one_problem_is_not_called_problems() -> None:
    one, many = (Upload(state=UploadState.IMPORTED.value, problems=n) for n in (1, 2000))

    assert "1 file was not imported" in state_text(one)
    assert "2,000 files were not imported" in state_text(many)


def test_folders_that_were_not_imported_are_not_called_files() -> None:
    some, one = (
        Upload(state=UploadState.IMPORTED.value, problems=problems, problem_folders=folders)
        for problems, folders in ((4, 3), (1, 1))
    )

    assert "1 file and 3 folders were not imported" in state_text(some)
    assert "1 folder was not imported" in state_text(one)
