"""Lists of digests become rows: whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import pytest
from django.db import transaction

from builders import NOON
from importing import World
from moorage.files.paths import path_key
from moorage.importer.lists.kept import BATCH_ROWS, SENT, ListReplacedError, forget_list, whole_lists
from moorage.importer.lists.listed import DigestListError, Listed
from moorage.importer.lists.overlaps import Said, said_of
from moorage.importer.lists.writing import write_list
from moorage.importer.models import ExpectedFile, ExpectedList
from moorage.transfers.models import Upload

pytestmark = pytest.mark.django_db(transaction=True)


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def listed(path: bytes, content: bytes = b"", *, line: int = 1) -> Listed:
    return Listed(path, None, "sha256", digest(content), line)


def many(count: int) -> list[Listed]:
    return [listed(b"%06d" % number, line=number + 1) for number in range(count)]


def write(upload: Upload, source: str, rows: list[Listed], **more: object) -> ExpectedList:
    return write_list(upload_id=upload.pk, source=source, rows=rows, at=NOON, **more)  # type: ignore[arg-type]


def kept(upload: Upload) -> dict[bytes, tuple[str, str]]:
    """What all rows say, whether their lists count or not."""
    rows = ExpectedFile.objects.filter(upload_id=upload.pk)
    of_keys = {bytes(row.path_digest): bytes(row.path) for row in rows}
    return {of_keys[key]: (one.digest[:4], one.source) for key, one in said_of(rows, list(of_keys)).items()}


def said(content: bytes) -> str:
    return digest(content)[:4]


def test_a_list_is_kept_with_how_much_it_names(world: World) -> None:
    upload, _ = world.an_area()
    made = write(upload, SENT, many(2 * BATCH_ROWS + 1), name="sums.txt", sent_by=upload.owner)
    assert (made.files, made.is_whole, made.name, made.sent_by) == (2 * BATCH_ROWS + 1, True, "sums.txt", upload.owner)
    assert whole_lists(upload.pk) == [made]
    assert ExpectedFile.objects.filter(upload_id=upload.pk).count() == made.files


def test_another_list_of_the_same_source_replaces_it(world: World) -> None:
    upload, _ = world.an_area()
    write(upload, SENT, many(BATCH_ROWS + 7))
    write(upload, SENT, [listed(b"a", b"1")])
    assert kept(upload) == {b"a": (said(b"1"), SENT)}


def test_what_was_sent_counts_more_than_what_was_found_and_that_by_its_order(world: World) -> None:
    upload, _ = world.an_area()
    write(upload, "SHA256SUMS", [listed(b"a", b"1"), listed(b"b", b"1")])
    write(upload, "MD5SUMS", [listed(b"a", b"2"), listed(b"c", b"2")])
    write(upload, SENT, [listed(b"b", b"3")])
    assert kept(upload) == {
        b"a": (said(b"1"), "SHA256SUMS"),
        b"b": (said(b"3"), SENT),
        b"c": (said(b"2"), "MD5SUMS"),
    }
    write(upload, "SHA256SUMS", [listed(b"b", b"4")])
    assert kept(upload)[b"b"] == (said(b"3"), SENT)


def test_what_is_sent_counts_without_what_found_lists_have_joined(world: World) -> None:
    upload, _ = world.an_area()
    write(upload, "SHA256SUMS", [listed(b"a", b"1"), listed(b"b", b"1")])
    write(upload, "MD5SUMS", [Listed(path, 7, "md5", said(b"1"), 1) for path in (b"a", b"b")])
    write(upload, SENT, [listed(b"b", b"3")])

    rows = ExpectedFile.objects.filter(upload_id=upload.pk)
    joined = said_of(rows, [path_key(b"a"), path_key(b"b")])
    assert joined == {
        path_key(b"a"): Said(7, "sha256", digest(b"1"), "md5", said(b"1"), "SHA256SUMS"),
        path_key(b"b"): Said(None, "sha256", digest(b"3")),
    }

    forget_list(upload_id=upload.pk)
    assert said_of(rows, [path_key(b"b")])[path_key(b"b")] == joined[path_key(b"a")], "what was found counts again"


def test_a_bad_list_joins_nothing(world: World) -> None:
    upload, _ = world.an_area()
    write(upload, "SHA256SUMS", [listed(b"a", b"1")], stamp="as it was")
    rows = [Listed(b"a", 7, "", "", 1), *many(BATCH_ROWS), listed(b"000000", b"else")]

    with pytest.raises(DigestListError):
        write(upload, "manifest.csv", rows)

    assert ExpectedFile.objects.get(upload_id=upload.pk).size_bytes is None
    assert ExpectedList.objects.get(upload_id=upload.pk).stamp == "as it was", "it need not be read again"


def test_a_path_may_be_named_twice_alike_and_not_otherwise(world: World) -> None:
    upload, _ = world.an_area()
    alike = [*many(BATCH_ROWS + 1), listed(b"000000", line=9000)]
    first = write(upload, SENT, alike)
    assert first.files == BATCH_ROWS + 1
    counted = kept(upload)
    for rows in (
        [listed(b"a", b"1"), listed(b"a", b"2", line=2)],
        [*many(BATCH_ROWS + 1), listed(b"000000", b"other", line=9000)],
    ):
        with pytest.raises(DigestListError, match="stood in it before") as failure:
            write(upload, SENT, rows)
        assert failure.value.line == rows[-1].line
        assert ExpectedFile.objects.filter(upload_id=upload.pk).count() == BATCH_ROWS + 1
        assert (kept(upload), whole_lists(upload.pk)) == (counted, [first]), "the one before goes on to count"


def test_a_list_with_a_fault_leaves_nothing(world: World) -> None:
    upload, _ = world.an_area()

    def broken() -> Iterator[Listed]:
        yield from many(BATCH_ROWS + 1)
        raise DigestListError("it is none", line=BATCH_ROWS + 2)

    with pytest.raises(DigestListError):
        write_list(upload_id=upload.pk, source=SENT, rows=broken(), at=NOON)
    assert (kept(upload), whole_lists(upload.pk)) == ({}, [])


def test_a_list_that_a_dead_process_left_half_does_not_count_and_is_replaced(world: World) -> None:
    upload, _ = world.an_area()

    class Crash(BaseException):
        pass

    def dies() -> Iterator[Listed]:
        yield from many(BATCH_ROWS + 1)
        raise Crash

    with pytest.raises(Crash):
        write_list(upload_id=upload.pk, source=SENT, rows=dies(), at=NOON)
    assert whole_lists(upload.pk) == []
    write(upload, SENT, [listed(b"a", b"1")])
    assert kept(upload) == {b"a": (said(b"1"), SENT)}


def test_of_two_lists_that_are_sent_at_once_the_later_one_stays_whole(world: World) -> None:
    upload, _ = world.an_area()

    def slow() -> Iterator[Listed]:
        yield from many(BATCH_ROWS)
        write(upload, SENT, [listed(b"a", b"1")])
        yield listed(b"b", b"2")

    with pytest.raises(ListReplacedError):
        write_list(upload_id=upload.pk, source=SENT, rows=slow(), at=NOON)
    assert kept(upload) == {b"a": (said(b"1"), SENT)}
    assert [one.is_whole for one in whole_lists(upload.pk)] == [True]


def test_a_list_of_another_upload_stays(world: World) -> None:
    upload, _ = world.an_area()
    other, _ = world.an_area()
    write(upload, SENT, [listed(b"a")])
    write(other, SENT, [listed(b"a")])
    forget_list(upload_id=upload.pk)
    assert kept(upload) == {}
    assert len(kept(other)) == 1


def test_a_long_list_is_written_and_replaced_in_parts(world: World) -> None:
    upload, _ = world.an_area()
    parts: list[int] = []

    @contextmanager
    def counted() -> Iterator[None]:
        before = ExpectedFile.objects.count()
        with transaction.atomic():
            yield
        parts.append(abs(ExpectedFile.objects.count() - before))

    write(upload, SENT, many(5 * BATCH_ROWS), batch=counted)
    write(upload, SENT, many(5 * BATCH_ROWS), batch=counted)
    assert sum(parts) == 15 * BATCH_ROWS
    assert max(parts) <= 2 * BATCH_ROWS
