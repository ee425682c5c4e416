from __future__ import annotations

from pathlib import Path

from moorage.importer import tally
from moorage.importer.tally import Tally


def test_batches_at_work_are_added_up_until_they_are_counted_otherwise(tmp_path: Path) -> None:
    with Tally(tmp_path / "tally", slots=2) as board:
        first, second = board.take(), board.take()
        assert board.take() == -1
        tally.write(str(board.path), first, 5)
        tally.write(str(board.path), second, 7)
        assert board.total() == 12
        board.give_back(first)
        assert board.total() == 7
    assert not (tmp_path / "tally").exists()


def test_a_tally_that_cannot_be_written_tells_nothing_and_stops_nothing(tmp_path: Path) -> None:
    with Tally(tmp_path / "no folder" / "tally", slots=1) as board:
        slot = board.take()
        tally.write(str(board.path), slot, 5)
        assert board.total() == 0
        board.give_back(slot)
