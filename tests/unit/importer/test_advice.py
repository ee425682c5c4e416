"""What is said to do next about a path that is not imported, before an import, after it, and later."""

from __future__ import annotations

import pytest

from moorage.importer.words import reasons
from moorage.importer.words.advice import Reason, advised, without_step

REASONS = [
    *(one for one in vars(reasons).values() if isinstance(one, Reason)),
    reasons.ignored("“*.tmp” (built in)"),
    reasons.file_in_place_of_folder(),
    reasons.folder_in_place_of_file("a/b"),
    reasons.file_in_place_of_target("a/b"),
]
ENDS_BY_ITSELF = {reasons.NOT_A_FILE.code, reasons.NOT_THERE.code}


def named(one: Reason) -> str:
    return one.code


@pytest.mark.parametrize("reason", REASONS, ids=named)
def test_while_files_can_be_sent_nothing_is_said_of_a_retry_or_of_another_upload(reason: Reason) -> None:
    said = advised(*reason, is_open=True)

    assert said.endswith(".")
    if reason.code not in ENDS_BY_ITSELF:
        assert "etry" not in said
        assert "another upload" not in said
        assert said.startswith(without_step(*reason)), "why it is stays the same"


@pytest.mark.parametrize("reason", REASONS, ids=named)
def test_what_is_gone_cannot_be_retried(reason: Reason) -> None:
    if reason.code not in ENDS_BY_ITSELF:
        assert "etry" not in advised(*reason, is_open=False, is_gone=True)


@pytest.mark.parametrize("reason", REASONS, ids=named)
def test_what_is_kept_is_right_after_an_import_whatever_was_said_before(reason: Reason) -> None:
    assert advised(*reason, is_open=False) == reason.sentence
    assert advised(reason.code, advised(*reason, is_open=True), is_open=False) == reason.sentence


def test_a_sentence_of_an_earlier_version_stays_as_it_is() -> None:
    old = "The project has a file here, and this upload keeps those. Retry with new versions to import it."
    assert advised(reasons.KEPT_AS_IT_IS.code, old, is_open=True) == old
    assert advised("", "", is_open=True) == ""
