"""Retries and lists that come and go: what was known of a file before is no reason to take it unseen."""

from __future__ import annotations

import io
import time
from datetime import timedelta
from hashlib import md5, sha256
from pathlib import Path

import pytest
from django.utils import timezone

from builders import a_project, publish_files
from importing import World, contents, fill, reasons
from kill_matrix import Inline
from moorage.importer.asked.previews import ask_preview
from moorage.importer.asked.sent_lists import drop_sent_list, keep_sent_list
from moorage.importer.models import ManifestEntry, Preview
from moorage.jobs import imports, previews
from moorage.jobs.pool import ImportPool
from moorage.leases import LeaseWatch
from moorage.projects.choices import ImportChoices
from moorage.transfers import doubt
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload

pytestmark = pytest.mark.django_db(transaction=True)

GOOD, DAMAGED = b"good", b"damaged!"
DIFFERS = {b"a": "entry.differs"}


@pytest.fixture(autouse=True)
def _inline(world: World) -> None:
    world.executor = Inline()


def sha256sums(**files: bytes) -> bytes:
    return "".join(f"{sha256(content).hexdigest()}  {path}\n" for path, content in files.items()).encode()


def an_upload_that_was_looked_at(world: World, files: dict[str, bytes]) -> tuple[Upload, Path]:
    upload, area = world.an_area()
    fill(area, files)
    ask_preview(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=timezone.now())
    lease = previews.claim_next(LeaseWatch())
    assert lease is not None
    previews.work(lease)
    return upload, area


def send(upload: Upload, text: bytes, name: str) -> None:
    keep_sent_list(
        upload_id=upload.pk,
        project_id=upload.project_id,
        stream=io.BytesIO(text),
        name=name,
        by=upload.owner,
        at=timezone.now(),
    )


def test_a_list_that_was_sent_and_dropped_again_leaves_the_one_of_the_upload_whole(world: World) -> None:
    upload, _ = an_upload_that_was_looked_at(world, {"a": DAMAGED, "SHA256SUMS": sha256sums(a=GOOD)})
    send(upload, sha256sums(a=DAMAGED), "mine")
    drop_sent_list(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=timezone.now())
    world.seal(upload)

    world.work(upload)

    assert reasons(upload) == DIFFERS


def test_a_list_that_is_gone_leaves_what_another_says_of_the_same_file(world: World) -> None:
    lists = {"SHA256SUMS": sha256sums(a=GOOD), "MD5SUMS": f"{md5(GOOD).hexdigest()}  a\n".encode()}  # noqa: S324
    upload, area = an_upload_that_was_looked_at(world, {"a": DAMAGED, **lists})
    (area / "SHA256SUMS").unlink()
    world.seal(upload)

    world.work(upload)

    assert reasons(upload) == DIFFERS


def looked_at(world: World, upload: Upload, *, digest: bool = False, doubtful: bool = False) -> dict[str, int]:
    """What a preview says: files by verdict, and those that lists say something of, or nothing yet."""
    ask_preview(
        upload_id=upload.pk,
        project_id=upload.project_id,
        by=upload.owner,
        at=timezone.now(),
        with_digests=digest,
        choices=ImportChoices(include=("doubtful",) if doubtful else ()),
    )
    lease = previews.claim_next(LeaseWatch())
    assert lease is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImportPool, "executor_for", lambda *_, **__: world.executor)
        previews.work(lease)
    preview = Preview.objects.get(upload=upload)
    verdicts = {verdict: counts["files"] for verdict, counts in preview.verdicts.items()}
    return verdicts | {one["code"]: one["files"] for one in preview.problems if one["code"].startswith("list.")}


IS_DOUBTFUL = {"new": 1, "doubtful": 1, "list.differs": 1}


def test_a_file_that_was_read_and_differs_is_known_to_every_later_look(world: World) -> None:
    upload, area = an_upload_that_was_looked_at(world, {"a": DAMAGED, "SHA256SUMS": sha256sums(a=GOOD)})
    assert looked_at(world, upload) == {"new": 2, "list.not_read": 1}
    assert looked_at(world, upload, digest=True) == IS_DOUBTFUL

    assert looked_at(world, upload, doubtful=True) == {"new": 2, "list.differs": 1}
    assert looked_at(world, upload) == IS_DOUBTFUL
    (area / "a").write_bytes(GOOD)
    assert looked_at(world, upload) == {"new": 2, "list.not_read": 1}, "it may be another by now"


def test_a_file_that_an_import_has_read_is_doubtful_before_a_retry_and_comes_if_wanted(world: World) -> None:
    upload = world.a_sealed_upload({"a": DAMAGED, "SHA256SUMS": sha256sums(a=GOOD)})
    world.work(upload)
    known = ManifestEntry.objects.get(upload_id=upload.pk, name="a")
    assert (known.verdict, known.digest) == ("doubtful", sha256(DAMAGED).hexdigest())

    assert looked_at(world, upload) == {"doubtful": 1, "list.differs": 1}
    assert looked_at(world, upload, doubtful=True) == {"new": 1, "list.differs": 1}
    included = ImportChoices(include=("doubtful",))
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now(), choices=included)
    world.work(upload)

    assert contents(world, upload.project)["a"] == DAMAGED


def an_import_that_a_conflict_stopped(world: World, files: dict[str, bytes]) -> Upload:
    """Its files are placed, and nothing is published."""
    project = a_project()
    publish_files(project, {"conflict": b"old"}, store=world.store)
    upload = world.a_sealed_upload({"conflict": b"new", **files}, project)
    choices = ImportChoices(on_conflict="fail")
    Upload.objects.filter(pk=upload.pk).update(choices=choices.as_json())
    world.work(upload)
    assert upload.reason == "import.conflict"
    return upload


def try_again(world: World, upload: Upload) -> None:
    choices = ImportChoices(on_conflict="version")
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now(), choices=choices)
    world.work(upload)


def test_a_list_that_is_sent_before_a_retry_is_compared_with_what_was_placed_before(world: World) -> None:
    upload = an_import_that_a_conflict_stopped(world, {"a": DAMAGED})
    send(upload, f"{md5(GOOD).hexdigest()}  a\n".encode(), "mine.md5")  # noqa: S324

    try_again(world, upload)

    assert reasons(upload) == DIFFERS
    assert "a" not in contents(world, upload.project)


def test_what_was_taken_although_it_was_doubtful_is_doubtful_again_without_that_wish(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubt, "SUSPECTED_AROUND", timedelta(0))
    traces: list[doubt.TaskTrace] = []
    monkeypatch.setattr(imports, "suspicions", lambda _: doubt.Suspicions(tuple(traces)))
    began = time.time_ns()
    project = a_project()
    publish_files(project, {"conflict": b"old"}, store=world.store)
    upload = world.a_sealed_upload({"conflict": b"new", "half": b"trunc"}, project)
    traces.append(doubt.TaskTrace(task=1, is_suspicious=True, begins_ns=began, ends_ns=time.time_ns()))
    choices = ImportChoices(on_conflict="fail", include=("doubtful",))
    Upload.objects.filter(pk=upload.pk).update(choices=choices.as_json())
    time.sleep(0.05)
    world.work(upload)
    assert upload.reason == "import.conflict"

    try_again(world, upload)

    assert reasons(upload)[b"half"] == "entry.doubtful"
    assert "half" not in contents(world, project)
