"""A collection's folder is left by no link, and nothing but regular files is opened."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from globus_local.transfer.deleting import remove
from globus_local.transfer.paths import parse_path
from globus_local.transfer.tree import NotRegularError, SameFileError, Tree, rename_without_replacing


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("secret")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "collection"
    folder.mkdir()
    return folder


def test_a_link_to_a_folder_is_not_entered(root: Path, outside: Path) -> None:
    (root / "way-out").symlink_to(outside)

    with pytest.raises(NotADirectoryError):
        list(Tree(root).entries(parse_path("/way-out")))
    with pytest.raises(NotADirectoryError), Tree(root).reading(parse_path("/way-out/secret")):
        pass
    with pytest.raises(NotADirectoryError):
        Tree(root).make_folder(parse_path("/way-out/new"))
    assert [entry.name for entry in outside.iterdir()] == ["secret"]


def test_a_link_to_a_file_is_neither_read_nor_written_through(root: Path, outside: Path) -> None:
    (root / "link").symlink_to(outside / "secret")
    (root / "dangling").symlink_to(outside / "new")
    source = (outside / "secret").stat()

    with pytest.raises(NotRegularError), Tree(root).reading(parse_path("/link")):
        pass
    for name in ("/link", "/dangling"):
        with pytest.raises(NotRegularError), Tree(root).writing(parse_path(name), source=source):
            pass
    assert (outside / "secret").read_text() == "secret"
    assert not (outside / "new").exists()


def test_pipes_sockets_and_folders_are_not_opened(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "socket"))
        for name in ("/pipe", "/socket"):
            with pytest.raises(NotRegularError), Tree(root).reading(parse_path(name)):
                pass
            with pytest.raises(NotRegularError), Tree(root).writing(parse_path(name), source=root.stat()):
                pass
    with pytest.raises(IsADirectoryError), Tree(root).reading(parse_path("/folder")):
        pass


def test_a_file_with_a_second_name_elsewhere_is_replaced_and_not_written_into(root: Path, outside: Path) -> None:
    os.link(outside / "secret", root / "shared")

    with Tree(root).writing(parse_path("/shared"), source=root.stat()) as descriptor:
        os.write(descriptor, b"new")

    assert (outside / "secret").read_text() == "secret"
    assert (root / "shared").read_text() == "new"


def test_a_file_is_not_emptied_to_be_copied_onto_itself(root: Path) -> None:
    (root / "file").write_text("content")

    with (
        pytest.raises(SameFileError),
        Tree(root).writing(parse_path("/file"), source=(root / "file").stat()),
    ):
        pass

    assert (root / "file").read_text() == "content"


def test_a_rename_replaces_nothing(root: Path) -> None:
    (root / "old").write_text("old")
    (root / "new").write_text("new")

    with Tree(root).folder(parse_path("/")) as folder, pytest.raises(FileExistsError):
        rename_without_replacing(folder, b"old", folder, b"new")

    assert (root / "new").read_text() == "new"


def test_a_path_may_be_longer_than_the_kernel_takes_in_one_piece(root: Path) -> None:
    tree, path = Tree(root), parse_path("/")
    for number in range(25):
        path = path.child(f"{number:03}".encode() + b"x" * 250)
        tree.make_folder(path)
    path = path.child(b"file")

    with tree.writing(path, source=root.stat()) as descriptor:
        os.write(descriptor, b"deep")

    assert len(path.raw) > 6000
    with tree.reading(path) as (descriptor, _):
        assert os.read(descriptor, 10) == b"deep"


def test_a_folder_that_keeps_turning_into_a_link_never_leads_out(root: Path, outside: Path) -> None:
    (root / "real").mkdir()
    (root / "link").symlink_to(outside)
    (root / "folder").mkdir()
    done = threading.Event()

    def keep_swapping() -> None:
        while not done.is_set():
            for name in ("link", "real"):
                exchange(root / "folder", root / name)

    swapper = threading.Thread(target=keep_swapping)
    swapper.start()
    tree, read = Tree(root), list[bytes]()
    try:
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            with suppress(OSError):
                tree.make_folder(parse_path("/folder/made"))
            with suppress(OSError), tree.writing(parse_path("/folder/written"), source=root.stat()) as descriptor:
                os.write(descriptor, b"x")
            with suppress(OSError), tree.reading(parse_path("/folder/secret")) as (descriptor, _):
                read.append(os.read(descriptor, 10))
            with suppress(OSError):
                read += [b"listed" for entry in tree.entries(parse_path("/folder")) if entry.name == "secret"]
            with suppress(OSError):
                remove(tree, parse_path("/folder/secret"), lambda: None)
    finally:
        done.set()
        swapper.join()

    assert read == []
    assert {entry.name for entry in outside.iterdir()} == {"secret"}


def exchange(one: Path, other: Path) -> None:
    """Swap two names at once, as an attacker would."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2) == 0
