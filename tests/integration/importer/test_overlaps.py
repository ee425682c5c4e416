"""Lists found in an upload that name the same files: both are compared, and what is not used of one is told."""

from __future__ import annotations

import re
from hashlib import md5, sha1, sha256
from typing import BinaryIO

import pytest
from django.test import Client
from django.utils import timezone

from importing import World, contents, fill, reasons
from kill_matrix import Inline
from moorage.files.paths import path_key
from moorage.importer.asked.previews import ask_preview
from moorage.importer.ledger.job import ImportJob
from moorage.importer.lists import found
from moorage.importer.lists.kept import lists_of, rows_of, whole_lists
from moorage.importer.lists.overlaps import said_of
from moorage.importer.lists.staged_lists import open_list
from moorage.importer.models import ExpectedFile, ExpectedList, Preview
from moorage.importer.shown.preview import preview_of
from moorage.importer.shown.receipts import receipts
from moorage.importer.words.advice import advised
from moorage.importer.words.reasons import BAD_LIST
from moorage.jobs import previews
from moorage.leases import LeaseWatch
from moorage.transfers.arrivals import look_at_area
from moorage.transfers.models import Upload
from moorage.transfers.wording import state_label

pytestmark = pytest.mark.django_db(transaction=True)

DIFFERS = "entry.differs"


@pytest.fixture(autouse=True)
def _inline(world: World) -> None:
    world.executor = Inline()


def sums(algorithm: object, **files: bytes) -> bytes:
    return "".join(f"{algorithm(content).hexdigest()}  {path}\n" for path, content in files.items()).encode()  # type: ignore[operator]


def imported(world: World, files: dict[str, bytes]) -> Upload:
    return world.work(world.a_sealed_upload(files))


def looked_at(upload: Upload) -> list[str]:
    """What a preview warns of."""
    look_at_area(upload, at=timezone.now())
    ask_preview(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=timezone.now())
    lease = previews.claim_next(LeaseWatch())
    assert lease is not None
    previews.work(lease)
    assert Preview.objects.get(upload=upload).state == "ready"
    view = preview_of(upload.pk, head=0, area_digest=upload.arrived_digest)
    assert view is not None
    return view.warnings


def whole_files(upload: Upload) -> dict[str, tuple[int, int]]:
    """How many files each list names, and of how many of those it is not used."""
    return {one.source: (one.files, one.unused) for one in lists_of(upload.pk)}


@pytest.mark.parametrize("wrong", ["manifest-sha256.txt", "manifest-md5.txt"])
def test_a_bag_is_compared_with_both_of_its_manifests(world: World, wrong: str) -> None:
    bag = {"data/one": b"1", "data/two": b"22"}
    said = {"manifest-sha256.txt": dict(bag), "manifest-md5.txt": dict(bag)}
    said[wrong]["data/two"] = b"another"
    lists = {
        "manifest-sha256.txt": sums(sha256, **said["manifest-sha256.txt"]),
        "manifest-md5.txt": sums(md5, **said["manifest-md5.txt"]),
    }

    upload = imported(world, {**bag, **lists})

    assert reasons(upload) == {b"data/two": DIFFERS}
    assert "data/one" in contents(world, upload.project)
    assert [one.warnings for one in receipts(upload.pk)] == [[]], "each row of both was used"
    assert {one.source: (one.files, one.unused) for one in whole_lists(upload.pk)} == dict.fromkeys(lists, (2, 0))


def test_a_list_of_sizes_is_compared_beside_one_of_digests(world: World) -> None:
    files = {"a": b"a", "b": b"bb", "c": b"ccc"}
    table = b"path,size\na,9\nb,2\nc,3\n"

    upload = imported(world, {**files, "MD5SUMS": sums(md5, **files), "manifest.csv": table})

    assert reasons(upload) == {b"a": DIFFERS}
    assert {one.source: one.files for one in whole_lists(upload.pk)} == {"MD5SUMS": 3, "manifest.csv": 3}


def test_rows_that_are_not_used_are_told_before_and_after_the_import(world: World) -> None:
    files = {"a": b"a", "b": b"bb", "c": b"ccc"}
    upload, area = world.an_area()
    fill(area, {**files, "SHA1SUMS": sums(sha1, **files), "MD5SUMS": sums(md5, a=b"wrong", b=b"bb")})
    (area / "checksums.csv").write_text("path,size,sha1\na,1,\nc,3,\nb,2," + "0" * 40 + "\n")
    told = [
        "2 rows of MD5SUMS were not used, because SHA1SUMS names the same files.",
        "1 row of checksums.csv was not used, because SHA1SUMS names the same file.",
    ]

    assert looked_at(upload) == told
    page = Client()
    page.force_login(upload.owner)
    shown = page.get(f"/uploads/{upload.pk}/").content.decode()
    named = '<bdi class="name">SHA1SUMS</bdi>'
    assert f"2 files, 2 of them not used, because {named} names the same" in shown
    assert f"3 files, 1 of them not used, because {named} names the same" in shown
    world.seal(upload)
    upload = world.work(upload)

    assert contents(world, upload.project).keys() >= files.keys()
    expected = [{"code": "list.not_used", "sentence": one} for one in told]
    assert [one.warnings for one in receipts(upload.pk)] == [expected], "the lists were not read again"
    assert state_label(upload).label == "Imported, with warnings"
    assert told[0] in page.get(f"/uploads/{upload.pk}/").content.decode()


def test_a_list_that_turns_out_to_be_bad_leaves_nothing_in_the_rows_of_others(world: World) -> None:
    files = {"a": b"a", "b": b"bb"}
    table = b"path,size\na,9\nb,2\nb,3\n"

    upload = imported(world, {**files, "SHA256SUMS": sums(sha256, **files), "manifest.csv": table})

    assert reasons(upload) == {}
    assert [one["code"] for one in receipts(upload.pk)[0].warnings] == ["list.not_compared"]
    assert set(ExpectedFile.objects.values_list("size_bytes", "expected_list__source")) == {(None, "SHA256SUMS")}


def test_a_bad_row_after_many_good_ones_takes_them_back(world: World) -> None:
    files = {"a": b"a"}
    many = "".join(f"{number},1\n" for number in range(1100))
    table = f"path,size\na,9\n{many}/absolute,1\n".encode()

    upload = imported(world, {**files, "SHA256SUMS": sums(sha256, **files), "manifest.csv": table})

    assert reasons(upload) == {}
    assert [one.source for one in whole_lists(upload.pk)] == ["SHA256SUMS"]


def test_lists_of_one_file_each_are_compared_with_both(world: World) -> None:
    files = {f"{number}.tif": b"%d" % number for number in range(30)}
    strong = {f"{name}.sha256": sums(sha256, **{name: content}) for name, content in files.items()}
    weak = {f"{name}.md5": sums(md5, **{name: content}) for name, content in files.items()}
    weak["7.tif.md5"] = sums(md5, **{"7.tif": b"else"})

    upload = imported(world, {**files, **strong, **weak})

    assert reasons(upload) == {b"7.tif": DIFFERS}
    assert set(whole_files(upload).values()) == {(1, 0)}
    keys = [path_key(name.encode()) for name in files]
    assert [len(one.digests) for one in said_of(rows_of(upload.pk), keys).values()] == [2] * 30


def test_a_bad_long_list_leaves_nothing_and_what_is_told_of_others_stays_told_once(world: World) -> None:
    files = {"a": b"a", "b": b"b"}
    many = "".join(f"{number},1\n" for number in range(1100))
    lists = {
        "a.sha256": sums(sha256, a=b"a"),
        "b.sha256": b"no digest\n",
        "b.md5": sums(md5, b=b"b"),
        "checksums.csv": f"path,size\na,9\n{many}/absolute,1\n".encode(),
        "digests.csv": f"path,size\nb,9\n{many}/absolute,1\n".encode(),
        "manifest.csv": b"path,size\na,1\na,2\n",
    }

    upload = imported(world, {**files, **lists})

    assert reasons(upload) == {}
    assert whole_files(upload) == {"a.sha256": (1, 0), "b.md5": (1, 0)}
    assert set(ExpectedFile.objects.values_list("size_bytes", flat=True)) == {None}
    bad = ["b.sha256", "checksums.csv", "digests.csv", "manifest.csv"]
    assert [one["sentence"].split()[0] for one in receipts(upload.pk)[0].warnings] == bad


def test_lists_are_read_once_however_many_of_them_are_bad(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bytes] = []

    def counted(job: ImportJob, top: int, name: bytes) -> BinaryIO:
        opened.append(name)
        return open_list(job, top, name)

    monkeypatch.setattr(found, "open_list", counted)
    long = "".join(f"{'0' * 32}  {number}\n" for number in range(1100))
    upload, area = world.an_area()
    fill(area, {"a": b"a", **{f"{number}.md5": b"no digest\n" for number in range(5)}})
    fill(area, {f"{number}.sha1": sums(sha1, a=b"a") for number in range(5)})
    fill(area, {f"long {number}.md5": f"{long}no digest\n".encode() for number in range(3)})
    fill(area, {f"long and good {number}.md5": long.encode() for number in range(3)})

    told = looked_at(upload)
    assert (len(told), len(opened), len(set(opened))) == (8, 16, 16)

    assert looked_at(upload) == told
    world.seal(upload)
    world.work(upload)
    afterwards = [advised(BAD_LIST, sentence, is_open=False) for sentence in told]
    assert [one["sentence"] for one in receipts(upload.pk)[0].warnings] == afterwards
    assert len(opened) == 16, "nothing has changed"


@pytest.mark.parametrize(
    ("bad", "told"), [(21, "1 more list of digests compares"), (25, "5 more lists of digests compare")]
)
def test_of_many_bad_lists_some_are_told_and_how_many_there_are(world: World, bad: int, told: str) -> None:
    upload, area = world.an_area()
    fill(area, {"a": b"a", **{f"{number:02}.md5": b"no digest\n" for number in range(bad)}})
    names = [f"{number:02}.md5" for number in range(20)]

    *some, last = looked_at(upload)
    assert ([one.split()[0] for one in some], last) == (names, f"{told} nothing.")
    world.seal(upload)
    upload = world.work(upload)

    *some, last = [one["sentence"] for one in receipts(upload.pk)[0].warnings]
    assert ([one.split()[0] for one in some], last) == (names, f"{told} nothing.")


def test_of_many_lists_that_are_not_used_some_are_told_and_how_many_there_are(world: World) -> None:
    upload, area = world.an_area()
    files = {f"{number:02}": b"%d" % number for number in range(25)}
    fill(area, {**files, **{f"{name}.sha1": sums(sha1, **{name: content}) for name, content in files.items()}})
    fill(area, {f"{name}.md5": sums(md5, **{name: content}) for name, content in files.items()})

    *some, last = looked_at(upload)

    assert some[0] == "1 row of 00.md5 was not used, because 00.sha1 names the same file."
    assert (len(some), last) == (20, "5 more lists have rows that were not used.")


def test_of_many_lists_that_count_instead_three_are_named(world: World) -> None:
    upload, area = world.an_area()
    files = {f"{number}": b"%d" % number for number in range(8)}
    fill(area, {**files, **{f"{name}.sha1": sums(sha1, **{name: content}) for name, content in files.items()}})
    fill(area, {"MD5SUMS": sums(md5, **files), "few.md5": sums(md5, **{name: files[name] for name in "123"})})

    told = dict(one.split(" were not used, because ", 1) for one in looked_at(upload))

    assert told["3 rows of few.md5"] == "1.sha1 and 2.sha1 and 3.sha1 name the same files."
    assert re.fullmatch(r"(\d\.sha1 and ){3}others name the same files\.", told["8 rows of MD5SUMS"])
    assert len(ExpectedList.objects.get(source="MD5SUMS").instead) == 4
