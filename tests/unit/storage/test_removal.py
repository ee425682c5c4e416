"""Removing trees for good: what cannot go does not keep the rest from going."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from moorage.storage.removal import remove_tree
from moorage.storage.trash import Trash

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
FILES = ("first/deep/kept", "first/deep/gone", "first/gone", "second/gone")


@pytest.fixture
def immutable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is called `kept` may not be removed, as after `chattr +i`."""
    real = os.unlink

    def unlink(name: Any, **where: Any) -> None:
        if os.fspath(name).endswith("kept"):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), name)
        real(name, **where)

    monkeypatch.setattr(os, "unlink", unlink)


def a_tree(path: Path) -> Path:
    for name in FILES:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
    return path


def left(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.usefixtures("immutable")
def test_of_a_tree_only_what_cannot_be_removed_stays(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "tree")

    with pytest.raises(PermissionError, match="kept"):
        remove_tree(tree)

    assert left(tree) == {"first/deep/kept"}
    assert not (tree / "second").exists()


@pytest.mark.usefixtures("immutable")
def test_the_trash_is_emptied_of_everything_else_and_says_what_stays(tmp_path: Path) -> None:
    folder = tmp_path / "trash"
    folder.mkdir()
    trash = Trash(folder)
    for number in range(3):
        trash.take(a_tree(tmp_path / f"area {number}"), until=NOON + timedelta(minutes=number))
        if number:
            (next(folder.glob(f"*.area {number}")) / "first/deep/kept").rename(tmp_path / f"away {number}")
    trash.take(a_tree(tmp_path / "not due"), until=NOON + timedelta(days=1))

    for _ in range(2):
        with pytest.raises(PermissionError, match="area 0"):
            trash.empty(at=NOON + timedelta(hours=1))

        assert {path.name.split(".")[2] for path in folder.iterdir()} == {"area 0", "not due"}
    assert left(next(folder.glob("*.area 0"))) == {"first/deep/kept"}
    assert left(next(folder.glob("*.not due"))) == set(FILES)


def test_a_tree_without_troubles_is_gone_and_may_be_removed_again(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "tree")
    (tree / "first").chmod(0)

    remove_tree(tree)
    remove_tree(tree)

    assert not tree.exists()
