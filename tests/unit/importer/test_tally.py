from __future__ import annotations

import os
from pathlib import Path

from moorage.importer.batches import tally
from moorage.importer.batches.data import BatchOrder
from moorage.importer.batches.digest import digest_staged, open_staged
from moorage.importer.batches.tally import Tally
from moorage.storage.folders import OpenFolders
from moorage.storage.readlease import take_read_lease


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


def digest(folder: Path, name: str, order: BatchOrder) -> None:
    with OpenFolders(folder) as folders:
        descriptor = open_staged(folders, name.encode())
        try:
            digest_staged(descriptor, os.fstat(descriptor), take_read_lease(descriptor), None, order)
        finally:
            os.close(descriptor)


def test_the_read_of_a_large_file_is_told_while_it_goes_on(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(tally.LARGE_BYTES)
    with (tmp_path / "small").open("wb") as file:
        file.truncate(tally.LARGE_BYTES - 1)
    with Tally(tmp_path / "tally", slots=2) as board:
        orders = [
            BatchOrder(str(tmp_path), "", (), youngest_seconds=0, tally=str(board.path), slot=board.take())
            for _ in range(2)
        ]
        for name, order in zip(("large", "small"), orders, strict=True):
            digest(tmp_path, name, order)

        assert board.total() == tally.LARGE_BYTES


def test_a_batch_without_a_slot_tells_nothing(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(tally.LARGE_BYTES)
    with Tally(tmp_path / "tally", slots=1) as board:
        digest(tmp_path, "large", BatchOrder(str(tmp_path), "", (), youngest_seconds=0, tally=str(board.path)))

        assert board.total() == 0
