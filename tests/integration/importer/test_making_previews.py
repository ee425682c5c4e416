"""A preview says what an import would do, by the same planner, and gets in nobody's way."""

from __future__ import annotations

import os
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from builders import a_project, publish_files
from importing import World, contents, fill
from losing import lose_the_connection, needs_postgresql
from moorage.accounts.tokens import create_token
from moorage.backends import backends
from moorage.importer.asked.previews import ask_preview
from moorage.importer.batches.data import BatchOrder
from moorage.importer.batches.place import place_batch
from moorage.importer.models import ManifestEntry, Preview, PreviewState
from moorage.importer.shown.preview import preview_of
from moorage.importer.shown.receipts import receipt
from moorage.jobs import previews
from moorage.jobs.setbacks import DATABASE_DELAY, Setbacks
from moorage.leases import LeaseWatch
from moorage.notices.models import Notice
from moorage.projects.choices import ImportChoices
from moorage.projects.models import Project
from moorage.transfers.arrivals import look_at_area
from moorage.transfers.models import Belonging, GlobusTask, Upload, UploadTask
from moorage.transfers.wording import state_text

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = {"changes": b"old", "same": b"same", "kept": b"kept"}
ARRIVES = {"new": b"new!", "changes": b"changed", "same": b"same", ".DS_Store": b"junk", "folder/deep": b"deep"}


@pytest.fixture(autouse=True)
def _a_pool(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool:
        orders_for_one = 2

        def executor_for(self, *_: object, **__: object) -> object:
            return world.executor

    monkeypatch.setattr(previews, "shared_pool", Pool)


def an_upload(world: World) -> tuple[Upload, Path]:
    project = a_project()
    publish_files(project, BEFORE, store=world.store)
    upload, area = world.an_area(project)
    fill(area, ARRIVES)
    look_at_area(upload, at=backends().clock())
    upload.refresh_from_db()
    return upload, area


def looked_at(upload: Upload, *, digest: bool = False, choices: ImportChoices | None = None) -> dict[str, int]:
    ask_preview(
        upload_id=upload.pk,
        project_id=upload.project_id,
        by=upload.owner,
        at=backends().clock(),
        with_digests=digest,
        choices=choices,
    )
    lease = previews.claim_next(LeaseWatch())
    assert lease is not None
    previews.work(lease)
    preview = Preview.objects.get(upload=upload)
    assert preview.state == PreviewState.READY, preview.reason_text
    return {verdict: counts["files"] for verdict, counts in preview.verdicts.items()}


def test_a_preview_counts_by_verdict_and_with_digests_knows_what_is_identical(world: World) -> None:
    upload, _ = an_upload(world)

    assert looked_at(upload) == {"new": 2, "new_version": 2, "skipped": 1}
    assert looked_at(upload, digest=True) == {"new": 2, "new_version": 1, "identical": 1, "skipped": 1}

    preview = Preview.objects.get(upload=upload)
    assert [(one["code"], one["files"]) for one in preview.problems] == [("entry.ignored", 1)]
    assert upload.project.head == Project.objects.get(pk=upload.project_id).head == 1


def test_a_preview_that_meets_a_database_in_trouble_rests_and_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, _ = an_upload(world)
    ask_preview(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=backends().clock())
    seconds = [0.0]
    monkeypatch.setattr(previews, "_setbacks", Setbacks(monotonic=lambda: seconds[0]))

    def is_away(*_: object, **__: object) -> None:
        raise OperationalError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(previews, "make_preview", is_away)
        for _ in range(3):
            a_preview_is_taken_on()
            assert previews.claim_next(LeaseWatch()) is None, "a hot loop"
            seconds[0] += DATABASE_DELAY.total_seconds()

    a_preview_is_taken_on()
    assert Preview.objects.get(upload=upload).state == PreviewState.READY


@needs_postgresql
def test_a_preview_whose_connection_is_lost_gives_its_lease_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    upload, _ = an_upload(world)
    ask_preview(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=backends().clock())
    monkeypatch.setattr(previews, "_setbacks", Setbacks(monotonic=iter(range(0, 10**6, 1000)).__next__))

    def loses(*_: object, **__: object) -> None:
        lose_the_connection()
        Preview.objects.get()

    with monkeypatch.context() as patch:
        patch.setattr(previews, "make_preview", loses)
        a_preview_is_taken_on()
    assert Preview.objects.get(upload=upload).held_by == ""

    a_preview_is_taken_on()
    assert Preview.objects.get(upload=upload).state == PreviewState.READY


def a_preview_is_taken_on() -> None:
    lease = previews.claim_next(LeaseWatch())
    assert lease is not None
    previews.work(lease)


@pytest.mark.parametrize("digest", [False, True])
def test_a_first_look_holds_although_no_sweep_has_looked_and_says_what_has_arrived(world: World, digest: bool) -> None:
    upload, area = world.an_area(a_project())
    fill(area, {**ARRIVES, "empty/": b""})

    looked_at(upload, digest=digest)

    upload.refresh_from_db()
    assert (upload.files_arrived, upload.bytes_arrived) == (len(ARRIVES), sum(map(len, ARRIVES.values())))
    assert upload.arrived_as_of is not None
    assert holds(upload)
    assert not look_at_area(upload, at=backends().clock()), "a sweep sees the same"
    assert holds(upload)


def test_what_a_sweep_saw_while_a_preview_was_made_counts(world: World) -> None:
    upload, area = an_upload(world)
    submit = world.executor.submit

    def late(*order: Any) -> Any:
        if not (area / "late").exists():
            fill(area, {"late": b"late"})
            look_at_area(Upload.objects.get(), at=backends().clock())
        return submit(*order)

    world.executor.submit = late  # type: ignore[method-assign, assignment]
    looked_at(upload, digest=True)

    upload.refresh_from_db()
    assert upload.files_arrived == len(ARRIVES) + 1
    assert not holds(upload)


def holds(upload: Upload) -> bool:
    upload.refresh_from_db()
    view = preview_of(upload.pk, head=upload.project.head, area_digest=upload.arrived_digest)
    return view is not None and view.holds


def test_a_preview_that_no_longer_holds_says_so(world: World) -> None:
    upload, area = an_upload(world)
    looked_at(upload)
    view = preview_of(upload.pk, head=1, area_digest=upload.arrived_digest)
    assert view is not None
    assert view.holds

    (area / "late").write_bytes(b"late")
    look_at_area(upload, at=backends().clock())
    upload.refresh_from_db()

    changed = preview_of(upload.pk, head=2, area_digest=upload.arrived_digest)
    assert changed is not None
    assert (changed.holds, changed.area_changed, changed.project_moved) == (False, True, True)


def test_an_import_does_as_its_preview_said_and_reads_nothing_again(world: World) -> None:
    upload, area = an_upload(world)
    foreseen = looked_at(upload, digest=True)
    (area / "late").write_bytes(b"late")
    (area / "new").unlink()
    orders: list[BatchOrder] = []
    submit = world.executor.submit

    def watched(fn: object, order: BatchOrder) -> object:
        orders.append(order)
        return submit(place_batch, order)

    world.executor.submit = watched  # type: ignore[method-assign, assignment]
    world.seal(upload)
    world.work(upload)

    assert contents(world, upload.project) == {**BEFORE, "late": b"late", "changes": b"changed", "folder/deep": b"deep"}
    hints = {path: hint for order in orders for path, _, hint in order.files}
    assert {path for path, hint in hints.items() if hint is None or not hint.digest} == {b"late"}
    hint = hints[b"changes"]
    assert hint is not None
    assert hint.digest == sha256(b"changed").hexdigest()
    run = upload.runs.get()
    found = {verdict: counts["files"] for verdict, counts in run.verdicts.items()}
    assert found == {**foreseen, "new": 2}
    assert not ManifestEntry.objects.filter(upload_id=upload.pk, path=b"new").exists(), "it is not there any more"


def test_an_import_that_begins_takes_the_manifest_from_a_preview(world: World) -> None:
    upload, _ = an_upload(world)
    ask_preview(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=backends().clock())
    lease = previews.claim_next(LeaseWatch())
    assert lease is not None
    world.seal(upload)
    world.work(upload)

    previews.work(lease)

    assert Preview.objects.get(upload=upload).state == PreviewState.FAILED
    assert {bytes(one.path) for one in ManifestEntry.objects.filter(upload_id=upload.pk, run=1)} >= {b"new", b"changes"}
    assert not ManifestEntry.objects.filter(upload_id=upload.pk, run__lt=0).exists()


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        (ImportChoices(on_conflict="skip"), {"new": 2, "skipped": 3}),
        (ImportChoices(include=("skipped",)), {"new": 3, "new_version": 2}),
        (ImportChoices(paths=("folder",)), {"new": 1, "skipped": 4}),
        (ImportChoices(target="elsewhere/below"), {"new": 4, "skipped": 1}),
    ],
)
def test_choices_change_what_is_foreseen_and_what_is_done_alike(
    world: World, choices: ImportChoices, expected: dict[str, int]
) -> None:
    upload, _ = an_upload(world)
    assert looked_at(upload, choices=choices) == expected

    Upload.objects.filter(pk=upload.pk).update(choices=choices.as_json())
    world.seal(upload)
    Upload.objects.filter(pk=upload.pk).update(choices=choices.as_json())
    world.work(upload)

    counts = {verdict: found["files"] for verdict, found in upload.runs.get().verdicts.items()}
    identical = counts.pop("identical", 0)
    if identical:
        counts["new_version"] = counts.get("new_version", 0) + identical
    assert counts == expected
    if choices.target:
        assert contents(world, upload.project)["elsewhere/below/folder/deep"] == b"deep"


def test_where_the_projects_files_are_kept_one_that_was_read_and_is_the_same_is_not_left_out(world: World) -> None:
    upload, _ = an_upload(world)
    keep = ImportChoices(on_conflict="skip")
    assert looked_at(upload, choices=keep) == {"new": 2, "skipped": 3}, "nothing is read to find out"
    looked_at(upload, digest=True)
    expected = {"new": 2, "identical": 1, "skipped": 2}
    assert looked_at(upload, choices=keep) == expected
    world.seal(upload)
    Upload.objects.filter(pk=upload.pk).update(choices=keep.as_json())

    world.work(upload)

    assert {verdict: found["files"] for verdict, found in upload.runs.get().verdicts.items()} == expected
    assert contents(world, upload.project) == {**BEFORE, "new": b"new!", "folder/deep": b"deep"}


def test_what_arrives_while_a_transfer_runs_may_still_be_written(world: World) -> None:
    upload, _ = an_upload(world)
    at, past = timezone.now(), timezone.now() - timedelta(days=1)
    ended = GlobusTask(status="FAILED", requested_at=past, completed_at=at - timedelta(hours=1))
    for task in (ended, GlobusTask(status="ACTIVE", requested_at=at - timedelta(minutes=10))):
        # Seen last some minutes ago: of a task that stands still nothing is written down.
        task.task_id, task.collection_id, task.as_of = uuid4(), upload.collection_id, at - timedelta(minutes=5)
        task.save()
        UploadTask.objects.create(upload=upload, task=task, belonging=Belonging.PATH)

    assert looked_at(upload) == {"doubtful": 4, "skipped": 1}

    causes = {one["code"]: one["files"] for one in Preview.objects.get(upload=upload).problems}
    assert causes == {"entry.being_written": 4, "entry.ignored": 1}
    GlobusTask.objects.update(status="FAILED", completed_at=at)
    looked_at(upload)
    causes = {one["code"]: one["files"] for one in Preview.objects.get(upload=upload).problems}
    assert causes == {"entry.doubtful": 4, "entry.ignored": 1}


def test_before_an_import_nothing_is_said_to_be_placed_or_to_be_retried(world: World) -> None:
    upload, _ = an_upload(world)
    looked_at(upload, choices=ImportChoices(paths=("folder",)))
    client, (_, token) = Client(), create_token(upload.owner, "test", at=upload.created_at)
    client.force_login(upload.owner)
    route, headers = f"/api/v1/uploads/{upload.pk}", {"Authorization": f"Bearer {token}"}

    shown = client.get(f"/uploads/{upload.pk}/entries/").content.decode()
    causes = Client(headers=headers).get(route).json()["preview"]["causes"]
    entries = Client(headers=headers).get(f"{route}/entries").json()["items"]

    assert "not imported yet" in shown
    assert ">placed<" not in shown
    told = [one["message"] for one in causes] + [one["reason"]["message"] for one in entries if one["reason"]]
    assert "It is not in the part that was chosen. Choose it to import it too." in told
    assert not any("etry" in one or "another upload" in one for one in [shown, *told])


@pytest.mark.parametrize(("on_conflict", "then"), [("version", b"other bytes"), ("skip", b"same")])
def test_a_file_that_was_identical_and_is_written_to_before_it_is_placed_is_not_lost(
    world: World, on_conflict: str, then: bytes
) -> None:
    upload, _ = an_upload(world)
    looked_at(upload, digest=True)
    sealed = world.seal(upload)
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(on_conflict=on_conflict).as_json())
    written: list[int] = []

    def seam(name: str) -> None:
        if name == "place: batch ordered" and not written:
            written.append((sealed / "same").write_bytes(b"other bytes"))

    world.work_until(upload, seam)

    assert contents(world, upload.project)["same"] == then
    assert (sealed / "same").exists() == (on_conflict == "skip"), "what is kept out is kept"


def test_on_a_conflict_nothing_is_imported_if_it_was_to_stop_then(world: World) -> None:
    upload, _ = an_upload(world)
    world.seal(upload)
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(on_conflict="fail").as_json())

    world.work(upload)

    assert (upload.state, upload.reason) == ("failed", "import.conflict")
    assert "changes" in upload.reason_text
    assert state_text(upload) == (
        "Not imported. The project has another file at changes, and this import was to stop then, so nothing was "
        "imported. Retry with new versions, or with those files skipped: with the same choices it stops again. "
        "Press DELETE to give the upload up."
    )
    assert contents(world, upload.project) == BEFORE
    told = receipt(upload.pk)
    assert (told.outcome, told.revision, told.files, told.bytes) == ("failed", None, 0, 0)
    assert told.verdicts["new"] == {"files": 2, "bytes": 8}
    client = Client()
    client.force_login(upload.owner)
    page = " ".join(client.get(f"/uploads/{upload.pk}/").content.decode().split())
    assert "<dt>Imported</dt> <dd>nothing</dd>" in page
    assert "<dt>Would have been new</dt>" in page


def test_a_preview_foresees_that_nothing_would_be_imported(world: World) -> None:
    upload, area = an_upload(world)
    fail = ImportChoices(on_conflict="fail")

    def foreseen() -> list[tuple[str, str, int, int, str]]:
        view = preview_of(upload.pk, head=1, area_digest=upload.arrived_digest)
        assert view is not None
        told = [cause for cause in view.causes if cause.code.startswith("import.")]
        assert told[:1] == ([view.stopped_by] if view.stopped_by else [])
        return [(one.code, one.verdict, one.counted.files, one.counted.bytes, one.sentence) for one in told]

    looked_at(upload, choices=fail)
    [(code, verdict, files, size, sentence)] = foreseen()
    assert (code, verdict, files, size) == ("import.conflict", "new_version", 2, 11)
    assert sentence.startswith("Nothing would be imported, unless their bytes turn out to be identical: ")
    assert "and 1 more" in sentence

    looked_at(upload, choices=fail, digest=True)
    assert [one[:4] for one in foreseen()] == [("import.conflict", "new_version", 1, 7)]
    assert foreseen()[0][4] == (
        "Nothing would be imported: the project has another file at changes, and this import is to stop then. "
        "Choose new versions, or to keep the project's files."
    )

    (area / "changes").unlink()
    looked_at(upload, choices=fail, digest=True)
    assert foreseen() == [], "what is identical is no conflict"
    (area / "changes").write_bytes(b"changed")
    looked_at(upload, digest=True)
    assert foreseen() == [], "new versions were wanted"


def test_a_cancelled_import_leaves_the_project_as_it_was(world: World) -> None:
    upload, _ = an_upload(world)
    world.seal(upload)
    Upload.objects.filter(pk=upload.pk).update(cancel_asked_at=backends().clock(), cancel_asked_by=upload.owner)

    world.work(upload)

    assert (upload.state, upload.reason) == ("failed", "cancelled")
    assert state_text(upload) == (
        f"Import cancelled. Cancelled by {upload.owner}. The project is as it was. Retry the import, or press DELETE."
    )
    assert Notice.objects.get(member=upload.owner).text == (
        f"The import of the upload “{upload.name}” into {upload.project.name} has ended. Cancelled by {upload.owner}. "
        "The project is as it was. You can retry it on the upload's page."
    )
    assert contents(world, upload.project) == BEFORE
    assert (world.store.sealed / str(upload.pk) / "new").read_bytes() == b"new!"


def test_a_preview_tells_each_rule_what_lists_say_and_which_rules_do_not_count(world: World) -> None:
    upload, area = an_upload(world)
    fill(area, {"a.tmp": b"1", "b.tmp": b"22", ".moorageignore": b"*.tmp\n[\n", "SUMS.md5": b""})
    (area / "checksums.csv").write_text("path,size\nnew,4\nchanges,1\ngone,9\n")

    looked_at(upload)

    view = preview_of(upload.pk, head=1, area_digest=upload.arrived_digest)
    assert view is not None
    rules = {
        cause.sentence.split("”")[0]: cause.counted.files for cause in view.causes if cause.code == "entry.ignored"
    }
    assert rules == {"Left out by the rule “*.tmp": 2, "Left out by the rule “.DS_Store": 1}
    said = {cause.code: cause.counted.files for cause in view.causes if cause.code.startswith("list.")}
    assert said["list.missing"] == 1
    assert said["list.differs"] == 1
    codes = [cause.code for cause in view.causes if cause.sentence in view.warnings]
    assert codes == ["ignore.bad_rules", "list.not_compared"]
    assert view.warnings == [
        "Line 2 of .moorageignore is no rule: a “[” has no “]”.",
        "SUMS.md5 compares nothing. The list cannot be understood: it names no file. Mend it and send it again.",
    ]


NESTED = {"a/b/one": b"1", "a/b/two": b"22", "a/three": b"333", "c/four": b"4444", "five": b"55555"}


def test_folders_that_are_left_out_are_no_files_and_have_no_bytes(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {**NESTED, "empty/": b""})
    nothing = ImportChoices(paths=("nope",))
    look_at_area(upload, at=backends().clock())

    assert looked_at(upload, choices=nothing) == {"skipped": 5}
    preview = Preview.objects.get(upload=upload)
    assert preview.verdicts == {"skipped": {"files": 5, "bytes": 15}}
    assert [(one["code"], one["files"], one.get("folders"), one["bytes"]) for one in preview.problems] == [
        ("entry.not_selected", 5, 0, 15),
        ("entry.not_there", 0, None, 0),
    ]

    world.seal(upload)
    Upload.objects.filter(pk=upload.pk).update(choices=nothing.as_json())
    world.work(upload)
    run = upload.runs.get()
    assert (run.verdicts, run.problem_count, upload.problems) == ({"skipped": {"files": 5, "bytes": 15}}, 5, 5)
    # The sixth is the path that was chosen.
    told = [bytes(problem.path) for problem in run.problems.order_by("pk")]
    assert (told[0], len(told)) == (b"nope", 6)


def test_one_cause_is_one_line_however_far_the_bytes_had_come(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"a": b"a", "b": b"b", "c": b"c"})
    look_at_area(upload, at=backends().clock())
    assert looked_at(upload, digest=True, choices=ImportChoices(paths=("a", "b"))) == {"new": 2, "skipped": 1}

    assert looked_at(upload, choices=ImportChoices(paths=("a",))) == {"new": 1, "skipped": 2}

    states = ManifestEntry.objects.filter(upload_id=upload.pk, verdict="skipped").values_list("state", flat=True)
    assert set(states) == {"planned", "digested"}
    causes = Preview.objects.get(upload=upload).problems
    assert [(one["code"], one["files"], one["bytes"]) for one in causes] == [("entry.not_selected", 2, 2)]


def test_folders_that_are_rejected_are_told_and_are_no_files(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good", "bad\x01name/one": b"1", "bad\x01empty/": b""})
    look_at_area(upload, at=backends().clock())

    assert looked_at(upload) == {"new": 1, "rejected": 1}
    preview = Preview.objects.get(upload=upload)
    assert preview.verdicts["rejected"] == {"files": 1, "bytes": 1}
    assert [(one["code"], one["files"], one["folders"], one["bytes"]) for one in preview.problems] == [
        ("path.control_characters", 1, 2, 1)
    ]

    world.seal(upload)
    world.work(upload)
    run = upload.runs.get()
    assert run.verdicts["rejected"] == {"files": 1, "bytes": 1}
    told = {bytes(problem.path) for problem in run.problems.all()}
    assert told == {b"bad\x01name", b"bad\x01name/one", b"bad\x01empty"}
    assert upload.problems == 3


def test_where_only_folders_are_left_out_a_retry_can_bring_them(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good", "empty/": b""})
    world.seal(upload)
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(paths=("good",)).as_json())
    world.work(upload)
    assert [bytes(problem.path) for problem in upload.runs.get().problems.all()] == [b"empty"]
    assert upload.problems == 1


def test_a_preview_that_reads_no_bytes_says_of_how_many_files_digests_were_not_compared(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good", "by size": b"1", "other size": b"1", ".DS_Store": b"1", "extra": b"1"})
    (area / "SHA256SUMS").write_text("".join(f"{'0' * 64}  {name}\n" for name in ("good", ".DS_Store", "gone")))
    (area / "checksums.csv").write_text(f"path,size,md5\nby size,1,\nother size,2,{'0' * 32}\n")
    look_at_area(upload, at=backends().clock())

    assert looked_at(upload) == {"new": 5, "doubtful": 1, "skipped": 1}
    causes = Preview.objects.get(upload=upload).problems
    assert [(one["files"], one["bytes"]) for one in causes if one["code"] == "list.not_read"] == [(1, 4)]

    assert looked_at(upload, digest=True) == {"new": 4, "doubtful": 2, "skipped": 1}
    causes = Preview.objects.get(upload=upload).problems
    assert [one for one in causes if one["code"] == "list.not_read"] == []


def test_a_list_that_came_along_is_compared_before_anything_is_placed(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good", "bad": b"bad", "extra": b"extra"})
    lines = [f"{sha256(b'good').hexdigest()}  good", f"{sha256(b'other').hexdigest()}  bad", f"{'0' * 64}  missing"]
    (area / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    world.seal(upload)

    world.work(upload)

    assert set(contents(world, upload.project)) == {"good", "extra", "SHA256SUMS"}
    compared = dict(ManifestEntry.objects.filter(upload_id=upload.pk).values_list("name", "compared"))
    assert compared == {"good": "matches", "bad": "differs", "extra": "extra", "SHA256SUMS": ""}
    bad = ManifestEntry.objects.get(upload_id=upload.pk, name="bad")
    assert (bad.verdict, bad.reason) == ("doubtful", "entry.differs")


def counts(row: Upload | Preview) -> dict[str, int]:
    names = [f"{what}_{how}" for what in ("files", "bytes") for how in ("total", "done")]
    return {name: getattr(row, name) for name in names}


@pytest.mark.parametrize("digest", [False, True])
def test_what_arrived_the_totals_and_the_verdicts_add_up(world: World, *, digest: bool) -> None:
    upload, area = an_upload(world)
    (area / "link").symlink_to("new")
    os.mkfifo(area / "pipe")
    look_at_area(upload, at=backends().clock())
    upload.refresh_from_db()

    verdicts = looked_at(upload, digest=digest)

    assert (sum(verdicts.values()), verdicts["rejected"]) == (7, 2)
    size = sum(map(len, ARRIVES.values()))
    preview = Preview.objects.get(upload=upload)
    assert counts(preview) == {"files_total": 7, "files_done": 7, "bytes_total": size, "bytes_done": size}
    upload.refresh_from_db()
    assert (upload.files_arrived, upload.bytes_arrived) == (7, size)

    world.seal(upload)
    world.work(upload)

    assert sum(one["files"] for one in receipt(upload.pk).verdicts.values()) == 7
    assert counts(upload) == {"files_total": 7, "files_done": 7, "bytes_total": size, "bytes_done": size}
