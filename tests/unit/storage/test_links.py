"""Links to objects: what may be repeated, what is a copy instead, and what is left out."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from moorage.storage.layout import StoreLayout
from moorage.storage.links import FileToLink, Links, added, sum_of
from moorage.storage.trees import sum_of_tree

ONE, TWO = b"one", b"the other"


@pytest.fixture
def store(tmp_path: Path) -> StoreLayout:
    layout = StoreLayout(tmp_path / "store")
    layout.make()
    (layout.trees / "tree").mkdir()
    return layout


def an_object(store: StoreLayout, content: bytes) -> Path:
    digest = sha256(content).hexdigest()
    path = store.objects / digest[:2] / digest
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    os.utime(path, ns=(1_700_000_000_123_456_789,) * 2)
    return path


def to_link(path: Path, name: str) -> FileToLink:
    status = path.stat()
    return name.encode(), path.name, status.st_size, status.st_mtime_ns


def link(store: StoreLayout, *files: FileToLink, folder: str = "") -> tuple[int, list[int]]:
    with Links(store.trees / "tree", store.objects) as links:
        return links.link_all(files, folder)


def refusing(monkeypatch: pytest.MonkeyPatch, number: int, source: Callable[[str], bool]) -> None:
    """A file system that does not link some files any more; a name that is taken comes first, as in Linux."""
    real = os.link

    def refused(src: Any, dst: Any, **named: Any) -> None:
        if source(str(src)) and not os.path.lexists(f"/proc/self/fd/{named['dst_dir_fd']}/{os.fsdecode(dst)}"):
            raise OSError(number, os.strerror(number))
        real(src, dst, **named)

    monkeypatch.setattr(os, "link", refused)


def test_objects_are_linked_below_folders_that_are_made_and_it_may_be_repeated(store: StoreLayout) -> None:
    one, two = an_object(store, ONE), an_object(store, TWO)
    files = [to_link(one, "a"), to_link(two, "b"), to_link(one, "c")]
    first = link(store, *files, folder="deep/er")
    assert link(store, *files, folder="deep/er") == first
    assert first[1] == []
    assert added(0, first[0]) == sum_of_tree(store.trees / "tree", [store.trees / "tree"])
    folder = store.trees / "tree/deep/er"
    assert [(folder / name).stat().st_ino for name in "abc"] == [path.stat().st_ino for path in (one, two, one)]


@pytest.mark.parametrize("number", [errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EOPNOTSUPP])
def test_what_cannot_be_linked_is_copied_once_and_its_copy_linked(
    store: StoreLayout, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    one, two = an_object(store, ONE), an_object(store, TWO)
    refusing(monkeypatch, number, lambda source: source.endswith(one.name))
    total, touched = link(store, to_link(one, "a"), to_link(two, "b"), to_link(one, "c"))
    tree = store.trees / "tree"
    copy, again, linked = ((tree / name).stat() for name in "acb")
    assert (copy.st_ino == again.st_ino, copy.st_nlink, linked.st_ino) == (True, 2, two.stat().st_ino)
    assert (tree / "a").read_bytes() == ONE
    assert (stat.S_IMODE(copy.st_mode), copy.st_mtime_ns) == (0o444, one.stat().st_mtime_ns)
    assert one.stat().st_nlink == 1
    assert (added(0, total), touched) == (sum_of_tree(tree, [tree]), [])
    assert os.listdir(store.trees) == ["tree"]


def test_a_copy_that_has_no_links_left_is_followed_by_another(
    store: StoreLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = an_object(store, ONE)
    taken: list[str] = []

    def is_full(source: str) -> bool:
        taken.append(source)
        # The object twice, its copy; the object twice, and the second name of the copy.
        return source.endswith(one.name) or len(taken) == 6

    refusing(monkeypatch, errno.EMLINK, is_full)
    assert link(store, *(to_link(one, name) for name in "abc"))[1] == []
    assert {(store.trees / "tree" / name).read_bytes() for name in "abc"} == {ONE}
    assert len({(store.trees / "tree" / name).stat().st_ino for name in "abc"}) == 2


def test_a_damaged_object_is_not_copied(store: StoreLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    one = an_object(store, ONE)
    as_recorded = to_link(one, "a")
    one.chmod(0o644)
    one.write_bytes(b"two")
    os.utime(one, ns=(as_recorded[3],) * 2)
    refusing(monkeypatch, errno.EMLINK, lambda source: source.endswith(one.name))
    assert link(store, as_recorded) == (0, [0])
    assert os.listdir(store.trees / "tree") == []


def test_another_file_that_has_the_name_gives_way(store: StoreLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    one = an_object(store, ONE)
    tree = store.trees / "tree"
    (tree / "a").write_bytes(b"not of ours")
    (tree / "b").symlink_to("/etc/hostname")
    assert link(store, to_link(one, "a"), to_link(one, "b"))[1] == []
    assert {(tree / name).stat().st_ino for name in "ab"} == {one.stat().st_ino}
    (tree / "a").unlink()
    (tree / "a").write_bytes(b"not of ours")
    refusing(monkeypatch, errno.EXDEV, lambda source: source.endswith(one.name))
    assert link(store, to_link(one, "a"))[1] == []
    assert (tree / "a").read_bytes() == ONE


def is_gone(path: Path) -> None:
    path.unlink()


def is_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def is_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def is_newer(path: Path) -> None:
    os.utime(path)


def is_longer(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(ONE + b"!")
    os.utime(path, ns=(1_700_000_000_123_456_789,) * 2)


@pytest.mark.parametrize("how", [is_gone, is_a_link, is_a_folder, is_newer, is_longer])
def test_an_object_that_is_not_as_recorded_is_left_out_and_the_others_are_not(
    store: StoreLayout, how: Callable[[Path], None]
) -> None:
    one, two = an_object(store, ONE), an_object(store, TWO)
    files = [to_link(two, "a"), to_link(one, "b"), to_link(two, "c")]
    how(one)
    total, touched = link(store, *files)
    assert touched == [1]
    assert sorted(os.listdir(store.trees / "tree")) == ["a", "c"]
    assert added(0, total) == sum_of_tree(store.trees / "tree", [store.trees / "tree"])


def test_no_room_is_no_reason_for_a_copy(store: StoreLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    one = an_object(store, ONE)
    refusing(monkeypatch, errno.ENOSPC, lambda _: True)
    with pytest.raises(OSError, match="No space"):
        link(store, to_link(one, "a"))


def test_files_whose_names_were_swapped_have_another_sum(tmp_path: Path) -> None:
    statuses = []
    for number in range(40):
        (tmp_path / str(number)).write_bytes(b"x" * number)
        statuses.append((tmp_path / str(number)).stat())
    pairs = [(one, other) for one in statuses for other in statuses if one.st_ino < other.st_ino]

    same = [
        added(sum_of(b"a", one), sum_of(b"b", other)) == added(sum_of(b"a", other), sum_of(b"b", one))
        for one, other in pairs
    ]

    assert len(pairs) == 780
    assert not any(same)
