"""Reading stored objects again: what a reading finds, how it is held back, how little memory it takes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import pytest

from moorage.storage.digests import CHUNK_BYTES, Digest
from moorage.storage.fixity import SMALLEST_COST, Finding, Throttle, read_object
from moorage.storage.objects import ObjectStore

CONTENT = b"counts\n" * 1000
DIGEST = Digest(sha256(CONTENT).hexdigest())


class Hours:
    """A monotonic clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[ObjectStore]:
    (tmp_path / "objects").mkdir()
    with ObjectStore(tmp_path / "objects") as store:
        yield store


def unhurried() -> Throttle:
    return Throttle(0)


def stored(objects: ObjectStore, content: bytes = CONTENT, *, digest: Digest = DIGEST) -> Path:
    path = objects.path_of(digest)
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o444)
    return path


def test_a_whole_object_is_found_whole_and_told_what_it_holds(objects: ObjectStore) -> None:
    path = stored(objects)

    reading = read_object(objects, DIGEST, size_bytes=len(CONTENT), throttle=unhurried())

    assert reading.is_whole
    assert reading.digested is not None
    assert (reading.digested.digest, reading.digested.crc32) == (DIGEST, crc32(CONTENT))
    assert reading.digested.stamp.modified_ns == path.stat().st_mtime_ns


def test_one_changed_byte_is_found(objects: ObjectStore) -> None:
    path = stored(objects)
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(len(CONTENT) // 2)
        file.write(b"X")

    assert read_object(objects, DIGEST, size_bytes=len(CONTENT), throttle=unhurried()).finding is Finding.OTHER_BYTES


def test_another_size_is_found_without_reading(objects: ObjectStore) -> None:
    stored(objects, CONTENT[:-1])
    throttle = unhurried()

    assert read_object(objects, DIGEST, size_bytes=len(CONTENT), throttle=throttle).finding is Finding.OTHER_SIZE
    assert throttle.bytes_read == 0


@pytest.mark.parametrize("there", ["nothing", "a link", "a folder"])
def test_what_is_no_file_counts_as_missing(objects: ObjectStore, tmp_path: Path, there: str) -> None:
    path = objects.path_of(DIGEST)
    path.parent.mkdir()
    if there == "a link":
        (tmp_path / "elsewhere").write_bytes(CONTENT)
        path.symlink_to(tmp_path / "elsewhere")
    if there == "a folder":
        path.mkdir()

    assert read_object(objects, DIGEST, size_bytes=len(CONTENT), throttle=unhurried()).finding is Finding.MISSING


def test_a_disk_that_cannot_read_is_a_finding_and_no_failure(
    objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(objects)

    def refuse(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pread", refuse)

    assert read_object(objects, DIGEST, size_bytes=len(CONTENT), throttle=unhurried()).finding is Finding.UNREADABLE


def test_too_many_open_files_says_nothing_of_an_object(objects: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(objects)

    def refuse(_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(ObjectStore, "open_object", lambda _, digest: refuse(digest))

    with pytest.raises(OSError, match="Too many open files"):
        read_object(objects, DIGEST, size_bytes=len(CONTENT), throttle=unhurried())


def test_an_object_that_somebody_can_write_to_is_made_read_only_again(objects: ObjectStore) -> None:
    path = stored(objects)
    path.chmod(0o664)

    reading = read_object(objects, DIGEST, size_bytes=len(CONTENT), throttle=unhurried())

    assert reading.is_whole
    assert reading.digested is not None
    assert path.stat().st_mode & 0o777 == 0o444
    assert reading.digested.stamp.changed_ns == path.stat().st_ctime_ns


def test_another_name_that_comes_or_goes_meanwhile_is_no_change(
    objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(objects)
    plain = os.pread

    def meanwhile(descriptor: int, length: int, position: int) -> bytes:
        if position == 0:
            os.link(path, tmp_path / "a download")
        return plain(descriptor, length, position)

    monkeypatch.setattr(os, "pread", meanwhile)

    assert read_object(objects, DIGEST, size_bytes=len(CONTENT), throttle=unhurried()).is_whole


def test_a_file_that_is_written_to_while_it_is_read_is_never_found_whole(
    objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(objects)
    path.chmod(0o644)
    plain = os.pread
    times = iter(range(1, 100))

    def meanwhile(descriptor: int, length: int, position: int) -> bytes:
        block = plain(descriptor, length, position)
        os.utime(path, ns=(0, next(times)))
        return block

    monkeypatch.setattr(os, "pread", meanwhile)

    assert read_object(objects, DIGEST, size_bytes=len(CONTENT), throttle=unhurried()).finding is Finding.OTHER_BYTES


def test_a_reader_is_held_back_to_its_rate() -> None:
    clock = Hours()
    throttle = Throttle(10_000_000, monotonic=clock, sleep=clock.sleep)

    for _ in range(100):
        throttle.took(CHUNK_BYTES)

    assert clock.now - 1000 == pytest.approx(100 * CHUNK_BYTES / 10_000_000)
    assert throttle.bytes_read == 100 * CHUNK_BYTES


def test_a_pause_is_not_made_up_for_by_a_burst() -> None:
    clock = Hours()
    throttle = Throttle(1_000_000, monotonic=clock, sleep=clock.sleep)
    throttle.took(1000)
    clock.now += 3600

    begun = clock.now
    throttle.took(2_000_000)

    assert clock.now - begun == pytest.approx(2)


def test_many_small_objects_are_held_back_too(objects: ObjectStore) -> None:
    stored(objects, b"", digest=Digest(sha256(b"").hexdigest()))
    clock = Hours()
    throttle = Throttle(SMALLEST_COST, monotonic=clock, sleep=clock.sleep)

    read_object(objects, Digest(sha256(b"").hexdigest()), size_bytes=0, throttle=throttle)

    assert clock.now == pytest.approx(1001)


class LateHours(Hours):
    """One whose sleeps are too long, as those of a busy machine are."""

    sleeps = 0

    def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        self.now += seconds + 0.003


def test_small_objects_are_read_at_their_rate_however_late_a_sleep_ends() -> None:
    clock = LateHours()
    throttle = Throttle(SMALLEST_COST * 1000, monotonic=clock, sleep=clock.sleep)

    for _ in range(10_000):
        throttle.took(0, cost=SMALLEST_COST)

    assert clock.now - 1000 == pytest.approx(10, rel=0.02)
    assert clock.sleeps <= 10 / 0.05


def test_what_is_written_between_two_reads_takes_no_time_from_them() -> None:
    clock = Hours()
    throttle = Throttle(1_000_000, monotonic=clock, sleep=clock.sleep)

    for _ in range(100):
        throttle.took(1_000_000)
        clock.now += 0.3

    assert clock.now - 1000 == pytest.approx(100, abs=1)


def test_no_wait_is_much_longer_than_a_second() -> None:
    assert Throttle(100_000).block_bytes == 100_000
    assert Throttle(0).block_bytes == Throttle(50_000_000).block_bytes == CHUNK_BYTES


def test_a_large_object_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    # In a process of its own: the peak of this one is of all tests before.
    (tmp_path / "objects" / "00").mkdir(parents=True)
    digest = "00" * 32
    with (tmp_path / "objects" / "00" / digest).open("wb") as file:
        file.truncate(300 << 20)
    program = (
        "import sys, resource; from pathlib import Path\n"
        "from moorage.storage.fixity import Throttle, read_object\n"
        "from moorage.storage.objects import ObjectStore\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "store, unhurried = ObjectStore(Path(sys.argv[1])), Throttle(0)\n"
        f"reading = read_object(store, '{digest}', size_bytes=300 << 20, throttle=unhurried)\n"
        "print(reading.finding, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "objects")], check=True, capture_output=True, text=True
    )

    assert done.stdout.startswith(Finding.OTHER_BYTES)
    assert int(done.stdout.split()[-1]) < 16 * 1024
