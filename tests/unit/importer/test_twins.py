"""Names of one folder that look alike, whichever part of it they come in."""

from __future__ import annotations

import pytest

from moorage.files.paths import path_key
from moorage.importer.plan import look_alikes as module
from moorage.importer.plan.look_alikes import Twins
from moorage.storage.walk import FolderPart, Found, FoundKind


def part(*names: bytes, folder: bytes = b"f", found: tuple[Found, ...] = ()) -> FolderPart:
    return FolderPart(folder, list(found), names=list(names))


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_ENTRIES", 2)


@pytest.mark.parametrize(("one", "other"), [(b"A", b"a"), ("\u00e9".encode(), "e\u0301".encode())])
def test_twins_of_one_part_both_look_alike(one: bytes, other: bytes) -> None:
    twins = Twins()

    are_some = twins.look_through(part(one, other))

    assert are_some
    assert twins.take(b"f/" + one)
    assert twins.take(b"f/" + other)
    assert twins.written == []


def test_the_first_of_twins_that_came_in_an_earlier_part_has_been_written() -> None:
    twins = Twins()

    assert not twins.look_through(part(b"a", b"b"))
    assert twins.look_through(part(b"A"))

    assert twins.take(b"f/A")
    assert not twins.take(b"f/A"), "asked once"
    assert twins.written == [path_key(b"f/a")]


def test_a_folder_that_is_still_to_be_entered_waits_for_its_warning() -> None:
    twins = Twins()

    twins.look_through(part(b"b", found=(Found(b"f/a", FoundKind.DIRECTORY),)))
    twins.look_through(part(b"A"))

    assert twins.take(b"f/a")
    assert twins.written == []


def test_names_of_different_folders_are_no_twins() -> None:
    twins = Twins()

    twins.look_through(part(b"a", b"b"))

    assert not twins.look_through(part(b"A", b"B", folder=b"g"))
    assert not twins.wait
