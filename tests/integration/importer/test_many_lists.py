"""Lists of digests at the top of an upload: whatever their names, however many, and for how long they are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import md5

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.asserts import assertContains, assertNotContains

from builders import NOON
from importing import World, contents, fill, reasons
from moorage.accounts.tokens import create_token
from moorage.importer.ledger import job as importer_job
from moorage.importer.ledger.job import ImportJob
from moorage.importer.lists.completeness import count_missing
from moorage.importer.lists.kept import BATCH_ROWS, SENT, lists_of
from moorage.importer.lists.listed import Listed
from moorage.importer.lists.short_lists import MOST_ROWS
from moorage.importer.lists.writing import write_list
from moorage.importer.models import ExpectedFile, ExpectedList, ListState, ManifestEntry
from moorage.importer.shown.entries import entries_page
from moorage.jobs import imports
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload

pytestmark = pytest.mark.django_db(transaction=True)


def sums(**files: bytes) -> str:
    """What `md5sum` writes."""
    return "".join(f"{md5(content).hexdigest()}  {name}\n" for name, content in files.items())  # noqa: S324


def sources(upload: Upload) -> dict[str, int]:
    return {one.source: one.files for one in lists_of(upload.pk)}


def compared(upload: Upload, said: str) -> set[str]:
    return {one.path for one in entries_page(upload.pk, compared=said, limit=1000).items}


@pytest.mark.parametrize("name", [b"\xff" * 100 + b".md5", b"\xff" * 251 + b".md5", b"\\" * 251 + b".md5"])
def test_a_list_may_have_any_name_that_a_disk_takes(world: World, name: bytes) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good"})
    (area / os.fsdecode(name)).write_text(sums(good=b"good"))
    world.seal(upload)

    world.work(upload)

    assert upload.state == "imported"
    assert contents(world, upload.project)["good"] == b"good"
    assert list(sources(upload).values()) == [1]
    assert not name.startswith(b"\xff") or set(reasons(upload)) == {name}
    assert compared(upload, "extra") == set()


def test_two_lists_whose_names_look_alike_are_two(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"a": b"a", "b": b"b"})
    (area / os.fsdecode(b"\xff.md5")).write_text(sums(a=b"a"))
    (area / "\\xff.md5").write_text(sums(b=b"b"))
    world.seal(upload)

    world.work(upload)

    assert sources(upload) == {r"\xff.md5": 1, r"\\xff.md5": 1}
    assert compared(upload, "matches") == {"a", "b"}


def sidecars(count: int) -> dict[str, bytes]:
    """Files, each with a list of its own."""
    files = {f"{number:04}.tif": b"%d" % number for number in range(count)}
    return files | {f"{name}.md5": sums(**{name: content}).encode() for name, content in files.items()}


def test_lists_of_one_file_each_are_written_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    files = sidecars(300)
    upload = world.a_sealed_upload(files)
    batch, batches = ImportJob.batch, list[int]()

    @contextmanager
    def counted(job: ImportJob) -> Iterator[None]:
        with batch(job):
            yield
        batches.append(lists_of(upload.pk).count())

    monkeypatch.setattr(ImportJob, "batch", counted)
    world.work(upload)

    assert upload.state == "imported"
    assert sources(upload) == {name: 1 for name in files if name.endswith(".md5")}
    assert compared(upload, "matches") == {name for name in files if name.endswith(".tif")}
    assert compared(upload, "extra") == set()
    assert len(batches) < 30


def test_of_many_lists_some_are_told_and_how_many_there_are(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"a": b"a"})
    for number in range(30):
        write_list(upload_id=upload.pk, source=f"{number:02}.md5", rows=[], at=NOON, name=f"{number:02}.md5")
    write_list(upload_id=upload.pk, source=SENT, rows=[Listed(b"a", 1, "", "", 1)], at=NOON, name="mine.txt")
    page, (_, token) = Client(), create_token(upload.owner, "test", at=NOON)
    page.force_login(upload.owner)
    script = Client(headers={"Authorization": f"Bearer {token}"})

    document = script.get(f"/api/v1/uploads/{upload.pk}").json()

    assert [one["name"] for one in document["checksums"][:2]] == ["mine.txt", "00.md5"]
    assert (len(document["checksums"]), document["checksums_total"]) == (20, 31)
    for shown in (page.get(f"/uploads/{upload.pk}/"), page.get(f"/uploads/{upload.pk}/done/")):
        assertContains(shown, "18.md5</bdi>, found in the upload")
        assertNotContains(shown, "19.md5</bdi>")
        assertContains(shown, "and 11 lists more")


def test_of_lists_that_name_the_same_file_the_first_counts_however_long_they_are(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"x": b"x", "y": b"y", "z": b"z"})
    others = {f"other {number}": b"" for number in range(MOST_ROWS)}
    (area / "1.md5").write_text(sums(x=b"x"))
    (area / "2.md5").write_text(sums(x=b"else", y=b"y"))
    (area / "3.md5").write_text(sums(x=b"else", y=b"else", z=b"z", **others))
    (area / "4.md5").write_text(sums(x=b"else", y=b"else", z=b"else"))
    world.seal(upload)

    world.work(upload)

    assert sources(upload) == {"1.md5": 1, "2.md5": 2, "3.md5": MOST_ROWS + 3, "4.md5": 3}
    assert {one.source: (one.unused, one.instead) for one in lists_of(upload.pk) if one.unused} == {
        "2.md5": (1, ["1.md5"]),
        "3.md5": (2, ["1.md5", "2.md5"]),
        "4.md5": (3, ["1.md5", "2.md5", "3.md5"]),
    }
    assert compared(upload, "matches") == {"x", "y", "z"}


def test_a_short_list_with_a_fault_keeps_nothing_and_those_beside_it_count(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"x": b"x", "y": b"y"})
    (area / "1.md5").write_text(sums(x=b"x"))
    (area / "2.md5").write_text(sums(y=b"y") + sums(y=b"else"))
    (area / "3.md5").write_text(sums(x=b"x") + "no digest\n")
    (area / "checksums.csv").write_text("path,md5\n")
    (area / "checksums.tsv").write_text("path\tmd5\n" + "\t".join(("y", md5(b"y").hexdigest())) + "\n")  # noqa: S324
    world.seal(upload)

    world.work(upload)

    assert {source: files for source, files in sources(upload).items() if files} == {"1.md5": 1, "checksums.tsv": 1}
    assert compared(upload, "matches") == {"x", "y"}


def test_what_a_dead_process_left_of_a_list_that_is_gone_is_forgotten(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"x": b"x"})
    (area / "2.md5").write_text(sums(x=b"x"))
    half = write_list(upload_id=upload.pk, source="1.md5", rows=[Listed(b"x", 9, "", "", 1)], at=NOON)
    ExpectedList.objects.filter(pk=half.pk).update(state=ListState.WRITING)
    world.seal(upload)

    world.work(upload)

    assert set(ExpectedList.objects.values_list("source", flat=True)) == {"2.md5"}
    assert ExpectedFile.objects.get().expected_list.source == "2.md5"
    assert compared(upload, "matches") == {"x"}


def test_what_is_missing_is_asked_alike_however_many_lists_there_are(world: World) -> None:
    asked = []
    for count in (1, 40):
        upload = world.a_sealed_upload(sidecars(count))
        world.work(upload)
        with CaptureQueriesContext(connection) as queries:
            assert count_missing(upload.pk) == 0
        asked.append([len(query["sql"]) for query in queries])
    assert asked[0] == asked[1]


Cancel = Callable[[Callable[[], bool]], None]


@pytest.fixture
def cancel_when(monkeypatch: pytest.MonkeyPatch) -> Cancel:
    """Have the member cancel as soon as something is so; it is asked as often as may be, not once a second."""
    monkeypatch.setattr(importer_job, "REPORT_SECONDS", 0)

    def cancel(is_so: Callable[[], bool]) -> None:
        monkeypatch.setattr(imports, "cancel_asked", lambda _: "Cancelled." if is_so() else "")

    return cancel


def test_a_long_list_is_not_read_to_its_end_when_the_import_is_cancelled(world: World, cancel_when: Cancel) -> None:
    upload, area = world.an_area()
    fill(area, {"last": b"last"})
    (area / "1.md5").write_text(sums(**{f"{number:06}": b"" for number in range(5 * BATCH_ROWS)}, last=b"last"))
    world.seal(upload)
    kept = ExpectedFile.objects.filter(upload_id=upload.pk)
    cancel_when(lambda: kept.count() >= BATCH_ROWS)

    world.work(upload)

    assert (upload.state, upload.reason) == ("failed", "cancelled")
    assert kept.count() <= 2 * BATCH_ROWS
    assert not ManifestEntry.objects.filter(upload_id=upload.pk).exists()

    cancel_when(lambda: False)
    retry_upload(upload=upload, actor=upload.owner, at=NOON)
    world.work(upload)

    assert sources(upload) == {"1.md5": 5 * BATCH_ROWS + 1}
    assert compared(upload, "matches") == {"last"}


def test_a_list_without_rows_is_not_read_to_its_end_when_the_import_is_cancelled(
    world: World, cancel_when: Cancel
) -> None:
    upload, area = world.an_area()
    fill(area, {"file": b"file"})
    (area / "1.md5").write_bytes(b"#\n" * 500_000)
    world.seal(upload)
    asked: list[int] = []
    cancel_when(lambda: asked.append(1) or len(asked) >= 40)  # type: ignore[func-returns-value]

    world.work(upload)

    assert (upload.state, upload.reason, len(asked)) == ("failed", "cancelled", 40)
    assert not ManifestEntry.objects.filter(upload_id=upload.pk).exists()


def test_what_a_cancelled_import_had_still_to_forget_of_lists_does_not_count(world: World, cancel_when: Cancel) -> None:
    upload, area = world.an_area()
    fill(area, {"x": b"x"})
    for source in ("1.md5", "2.md5"):
        rows = [Listed(b"%s %d" % (source.encode(), number), 9, "", "", 1) for number in range(BATCH_ROWS)]
        write_list(upload_id=upload.pk, source=source, rows=rows, at=NOON)
    world.seal(upload)
    kept = ExpectedFile.objects.filter(upload_id=upload.pk)
    cancel_when(lambda: kept.count() < 2 * BATCH_ROWS)
    world.work(upload)
    assert (upload.state, upload.reason, kept.count()) == ("failed", "cancelled", BATCH_ROWS)

    cancel_when(lambda: False)
    retry_upload(upload=upload, actor=upload.owner, at=NOON)
    world.work(upload)

    assert (upload.state, kept.count(), ExpectedList.objects.count()) == ("imported", 0, 0)
