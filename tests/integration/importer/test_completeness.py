"""What lists of digests say of an upload, after its files have been looked at."""

from __future__ import annotations

import os
from hashlib import md5, sha256
from uuid import UUID

import pytest
from django.test import Client

from builders import NOON
from importing import World, fill
from moorage.accounts.tokens import create_token
from moorage.files.paths import path_key
from moorage.importer.lists.completeness import causes_by_lists, missing_files
from moorage.importer.lists.kept import SENT, forget_list
from moorage.importer.lists.listed import Listed
from moorage.importer.lists.writing import write_list
from moorage.importer.models import ManifestEntry
from moorage.importer.shown.entries import entries_page
from moorage.importer.shown.receipts import receipts
from moorage.notices.models import Notice
from moorage.projects.choices import ImportChoices
from moorage.transfers.models import DeliveredFile, GlobusTask, Upload
from moorage.transfers.outcomes import delivered_files
from moorage.transfers.retrying import retry_upload
from moorage.transfers.wording import state_label, state_text

pytestmark = pytest.mark.django_db(transaction=True)


def listed(path: bytes, content: bytes, *, size: int | None = None) -> Listed:
    return Listed(path, size, "sha256", sha256(content).hexdigest(), 1)


@pytest.fixture
def upload(world: World) -> Upload:
    """Imported, after a list was sent that names a file that is as it says, two that are not, and two that are gone."""
    opened, area = world.an_area()
    fill(area, {"good": b"good", "by md5": b"good", "a/other": b"other", "longer": b"longer", "extra": b"extra"})
    rows = [
        listed(b"good", b"good", size=4),
        Listed(b"by md5", None, "md5", md5(b"good").hexdigest(), 2),  # noqa: S324 - what others' lists have
        listed(b"a/other", b"another"),
        listed(b"longer", b"long", size=4),
        listed(b"gone", b"gone", size=4),
        listed(b"a/gone, too", b"gone"),
    ]
    write_list(upload_id=opened.pk, source=SENT, rows=rows, at=NOON)
    world.seal(opened)
    return world.work(opened)


def compared(upload: Upload, said: str) -> set[str]:
    return {item.path for item in entries_page(upload.pk, compared=said).items}


def test_each_file_is_as_the_list_says_or_not_or_not_in_it(upload: Upload) -> None:
    assert compared(upload, "matches") == {"good", "by md5"}
    assert compared(upload, "differs") == {"a/other", "longer"}
    assert compared(upload, "extra") == {"extra"}


def test_what_is_missing_is_named_in_pages(upload: Upload) -> None:
    first = missing_files(upload.pk, limit=1)
    rest = missing_files(upload.pk, after=first[0].id)
    assert [(one.path, one.size_bytes, one.source) for one in [*first, *rest]] == [
        ("gone", 4, ""),
        ("a/gone, too", None, ""),
    ]


def test_the_whole_is_counted_for_a_preview(upload: Upload) -> None:
    causes = causes_by_lists(upload.pk, ManifestEntry.objects.filter(upload_id=upload.pk))
    assert {cause["code"]: (cause["files"], cause["bytes"]) for cause in causes} == {
        "list.differs": (2, 11),
        "list.extra": (1, 5),
        "list.missing": (2, 4),
    }


def test_without_a_list_nothing_is_said(upload: Upload) -> None:
    forget_list(upload_id=upload.pk)
    assert missing_files(upload.pk) == []
    assert causes_by_lists(upload.pk, ManifestEntry.objects.filter(upload_id=upload.pk)) == []


def test_an_import_says_that_files_are_missing(upload: Upload) -> None:
    assert (upload.problems, upload.missing) == (2, 2)
    assert "Besides, 2 files that lists or Globus name were not there." in state_text(upload)
    assert [(one.missing, one.problems) for one in receipts(upload.pk)] == [(2, 2)]
    notice = Notice.objects.get(member=upload.owner)
    assert "Besides, 2 files that lists or Globus name were not there." in notice.text
    assert notice.subject == "Imported with problems, files missing: Scan 42"


def test_an_import_of_all_that_arrived_does_not_say_that_all_is_there(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good"})
    (area / "SHA256SUMS").write_text(f"{sha256(b'good').hexdigest()}  good\n{'0' * 64}  gone.dat\n")
    world.seal(upload)

    world.work(upload)

    assert (upload.problems, upload.missing) == (0, 1)
    assert state_label(upload).label == "Imported, files missing"
    assert (
        state_text(upload)
        == "Imported. 1 file that a list or Globus names was not there: see which below, and send it in another upload."
    )
    notice = Notice.objects.get(member=upload.owner)
    assert (notice.kind, notice.subject) == (
        "upload.imported_with_problems",
        "Imported, files missing: Scan 42",
    )
    assert "But 1 file that a list or Globus names was not there" in notice.text
    assert "Nothing needs to be done" not in notice.text


def test_without_lists_nothing_is_missing(world: World) -> None:
    upload = world.imported({"good": b"good"})
    assert upload.missing == 0
    assert state_text(upload) == "Imported. All of its files are accounted for in the project."


def test_receipts_name_what_is_missing(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good"})
    (area / "checksums.csv").write_text("path,size\ngood,4\ngone.dat,7\n")
    world.seal(upload)
    world.work(upload)
    page, (_, token) = Client(), create_token(upload.owner, "test", at=upload.created_at)
    page.force_login(upload.owner)
    script = Client(headers={"Authorization": f"Bearer {token}"})
    route = f"/api/v1/uploads/{upload.pk}"

    assert script.get(route).json()["missing"] == 1
    assert script.get(f"{route}/receipt").json()["missing"] == 1
    answer = script.get(f"{route}/receipt", headers={"Accept": "text/csv"})
    lines = b"".join(answer).decode().splitlines()
    assert lines[-1] == 'gone.dat,missing,7,,list.missing,"A list of digests names it, and it has not arrived.",,'
    shown = page.get(f"/uploads/{upload.pk}/").content.decode()
    assert f'<a href="/uploads/{upload.pk}/missing/">1 file missing' in shown
    assert "Imported, files missing" in page.get(f"/projects/{upload.project_id}/upload-status/").content.decode()
    assert "gone.dat" in page.get(f"/uploads/{upload.pk}/missing/").content.decode()


def test_a_list_that_compares_nothing_is_told_after_an_import_that_nobody_looked_at_before(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good", "MD5SUMS": b"garbage here\n", "checksums/": b""})
    os.mkfifo(area / "SHA512SUMS")
    (area / "SHA256SUMS").symlink_to("good")
    world.seal(upload)

    world.work(upload)

    faults = [
        "SHA256SUMS compares nothing: it is a link, which is not followed.",
        "SHA512SUMS compares nothing: it is not a file.",
        "MD5SUMS compares nothing. Line 1 of the list cannot be understood: it is not a digest and a path, "
        "and not the header of a CSV. Send a mended list before a retry, or with the files in another upload.",
    ]
    warnings = [{"code": "list.not_compared", "sentence": fault} for fault in faults]
    assert [one.warnings for one in receipts(upload.pk)] == [warnings]
    assert upload.problems == 2, "neither link nor pipe is imported"
    assert state_text(upload).endswith(" ".join(faults))
    assert Notice.objects.get(member=upload.owner).text.endswith(" ".join(faults))
    page, (_, token) = Client(), create_token(upload.owner, "test", at=upload.created_at)
    page.force_login(upload.owner)
    assert (
        page.get(f"/uploads/{upload.pk}/").content.decode().count("SHA512SUMS compares nothing: it is not a file.") == 2
    )
    script = Client(headers={"Authorization": f"Bearer {token}"})
    told = script.get(f"/api/v1/uploads/{upload.pk}/receipt").json()["warnings"]
    assert told == [{"code": "list.not_compared", "message": fault} for fault in faults]


def test_a_list_that_compares_nothing_is_told_by_the_worker_that_takes_over(world: World) -> None:
    upload = world.a_sealed_upload({"good": b"good", "MD5SUMS": b"garbage here\n"})

    def stopped(seam: str) -> None:
        if seam == "placed":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        world.work_until(upload, stopped)
    world.work(upload)

    assert state_label(upload).label == "Imported, with warnings"
    assert state_text(upload).startswith("Imported. All of its files are in the project. MD5SUMS compares nothing. ")


def delivered(upload: Upload, *files: bytes) -> None:
    """Globus says of two tasks that each delivered all of them."""
    for number in (1, 2):
        task = GlobusTask.objects.create(
            task_id=UUID(int=number),
            collection_id=upload.collection_id,
            status="SUCCEEDED",
            requested_at=NOON,
            as_of=NOON,
        )
        DeliveredFile.objects.bulk_create(
            DeliveredFile(task=task, upload=upload, path=path, path_digest=path_key(path)) for path in files
        )


def test_what_globus_has_delivered_and_is_not_there_is_missing(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good", "bad\x01": b"bad"})
    (area / "SHA256SUMS").write_text(f"{'0' * 64}  listed and delivered\n")
    delivered(upload, b"good", b"bad\x01", b"gone", b"a/gone, too", b"listed and delivered")
    world.seal(upload)

    world.work(upload)

    assert (upload.problems, upload.missing) == (1, 3)
    assert "3 files that lists or Globus name were not there" in state_text(upload)
    ours = delivered_files(upload)
    assert [(one.path, one.source) for one in missing_files(upload.pk, ours)] == [
        ("listed and delivered", "SHA256SUMS"),
        ("gone", "globus"),
        ("a/gone, too", "globus"),
    ]
    found, after = [], 0
    while page := missing_files(upload.pk, ours, after=after, limit=1):
        found.append(page[0].path)
        after = page[0].id
    assert found == ["listed and delivered", "gone", "a/gone, too"]
    causes = causes_by_lists(upload.pk, ManifestEntry.objects.filter(upload_id=upload.pk), ours)
    assert {cause["code"]: cause["files"] for cause in causes if "missing" in cause["code"]} == {
        "list.missing": 1,
        "delivered.missing": 2,
    }


def test_of_a_name_that_globus_cannot_spell_nothing_is_said(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good"})
    (area / os.fsdecode(b"odd \xff")).write_bytes(b"odd")
    delivered(upload, b"good", "odd \uefff".encode(), "odd \ufffd".encode(), b"odd \xff")
    world.seal(upload)
    assert world.work(upload).missing == 0
    assert missing_files(upload.pk, delivered_files(upload)) == []


def test_what_an_earlier_run_imported_is_not_missing_at_a_retry(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good", "later": b"later"})
    (area / "SHA256SUMS").write_text(f"{sha256(b'good').hexdigest()}  good\n{'0' * 64}  later\n")
    delivered(upload, b"good", b"later")
    world.seal(upload)
    world.work(upload)
    assert (upload.problems, upload.missing) == (1, 0)
    assert not (world.store.sealed / str(upload.pk) / "good").exists()

    retry_upload(upload=upload, actor=upload.owner, at=NOON, choices=ImportChoices(include=("doubtful",)))
    world.work(upload)

    assert (upload.problems, upload.missing) == (0, 0)
