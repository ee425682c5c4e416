"""Objects in the trash: one folder for a day, found again by their digest, given back without harming anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from moorage.storage.layout import StoreLayout
from moorage.storage.trash import Trash

UNTIL = datetime(2026, 12, 24, 8, 41, tzinfo=UTC)
CONTENT = b"counts\n"
DIGEST = sha256(CONTENT).hexdigest()


@pytest.fixture
def layout(tmp_path: Path) -> StoreLayout:
    layout = StoreLayout(tmp_path / "store")
    layout.make()
    return layout


def an_object(layout: StoreLayout, content: bytes = CONTENT) -> Path:
    file = layout.objects / DIGEST[:2] / DIGEST
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return file


def test_an_object_stays_in_the_trash_to_the_end_of_its_day(layout: StoreLayout) -> None:
    file, trash = an_object(layout), Trash(layout.trash)

    assert trash.take_object(file, row_id=1, until=UNTIL)

    assert not file.exists()
    assert list(trash.object_names()) == [DIGEST]
    assert trash.empty(at=UNTIL) == 0
    assert trash.empty(at=UNTIL + timedelta(hours=15, minutes=18)) == 0
    assert trash.empty(at=UNTIL + timedelta(hours=15, minutes=19)) == 1
    assert list(trash.object_names()) == []


def test_an_object_is_given_back_from_the_trash(layout: StoreLayout) -> None:
    file, trash = an_object(layout), Trash(layout.trash)
    trash.take_object(file, row_id=1, until=UNTIL)

    assert trash.give_back_object(file)

    assert file.read_bytes() == CONTENT
    assert file.stat().st_nlink == 1
    assert not trash.give_back_object(file)


def test_giving_back_never_takes_the_place_of_a_file_that_came_meanwhile(layout: StoreLayout) -> None:
    file, trash = an_object(layout, b"as it was"), Trash(layout.trash)
    trash.take_object(file, row_id=1, until=UNTIL)
    an_object(layout, b"placed anew")

    assert trash.give_back_object(file)

    assert file.read_bytes() == b"placed anew"


def test_an_object_that_goes_again_after_it_came_anew_lies_there_twice(layout: StoreLayout) -> None:
    trash = Trash(layout.trash)
    for number, content in enumerate((b"first", b"second")):
        assert trash.take_object(an_object(layout, content), row_id=number, until=UNTIL)

    [day] = layout.trash.iterdir()
    (day / DIGEST[:2] / "put here by hand").write_text("?")
    (day / "notes.txt").write_text("?")
    assert list(trash.object_names()) == [DIGEST, DIGEST]
    assert {path.read_bytes() for path in layout.trash.rglob(f"{DIGEST}*")} == {b"first", b"second"}


def test_for_one_row_only_one_file_goes_and_what_was_placed_since_stays(layout: StoreLayout) -> None:
    trash = Trash(layout.trash)
    assert trash.take_object(an_object(layout), row_id=1, until=UNTIL)
    placed_anew = an_object(layout)

    assert not trash.take_object(placed_anew, row_id=1, until=UNTIL + timedelta(days=3))

    assert placed_anew.exists()


def test_an_object_that_is_not_there_is_no_error(layout: StoreLayout) -> None:
    trash = Trash(layout.trash)

    assert not trash.take_object(layout.objects / DIGEST[:2] / DIGEST, row_id=1, until=UNTIL)
    assert not trash.give_back_object(layout.objects / DIGEST[:2] / DIGEST)
