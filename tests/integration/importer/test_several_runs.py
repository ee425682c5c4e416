"""What an upload says of itself after several runs follows from what is still not imported, and why."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from hashlib import sha256
from importlib import import_module

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from builders import a_project, publish_files
from importing import World, contents, fill
from kill_matrix import Inline
from moorage.importer.asked.previews import ask_preview
from moorage.importer.batches import data
from moorage.importer.models import ImportProblem, ManifestEntry
from moorage.importer.shown.receipts import problems, receipts
from moorage.jobs import previews
from moorage.leases import LeaseWatch
from moorage.notices.models import Notice
from moorage.projects.choices import ImportChoices
from moorage.storage import walk
from moorage.storage.folders import OpenFolders
from moorage.storage.walk import Found, FoundKind
from moorage.transfers import doubt
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload
from moorage.transfers.states import UploadState
from moorage.transfers.wording import Turn, state_label, state_text, whose_turn
from refusing import RefusingExecutor
from suspects import a_task_fails

pytestmark = pytest.mark.django_db(transaction=True)

REFUSED = {
    "entry.still_open": data.STILL_OPEN,
    "entry.kept_changing": data.CHANGED,
    "entry.read_error": data.READ_ERROR,
    "entry.not_stored": data.NOT_STORED,
    "entry.unreadable": data.UNREADABLE,
}
REASONS = (*REFUSED, "entry.differs", "entry.doubtful")
EVERYTHING = ImportChoices(include=("doubtful", "skipped"))
ALL_BUT_RULES = ImportChoices(include=("doubtful",))
A_PART = ImportChoices(paths=("a",), include=("doubtful",))
NOTHING = ImportChoices(paths=("mistyped",))
AS_IT_IS = ImportChoices()
RETRY, WITH_DOUBT, OTHERWISE = "Retry what was not imported", "with the doubtful files", "Retry with other choices"
PROBLEMS = ("Imported with problems", Turn.MEMBER, "upload.imported_with_problems")
LEFT_OUT = ("Imported, some left out", Turn.NOBODY, "upload.imported")
ALL = ("Imported", Turn.NOBODY, "upload.imported")
# What she takes although it may be half, or is not what a list says, is told for good.
WITH_DOUBTFUL_ONES = ("Imported, with warnings", Turn.NOBODY, "upload.imported_with_problems")


@pytest.fixture(autouse=True)
def _quickly(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool:
        orders_for_one = 2

        def executor_for(self, *_: object, **__: object) -> object:
            return world.executor

    world.executor = Inline()
    monkeypatch.setattr(previews, "shared_pool", Pool)
    monkeypatch.setattr(doubt, "SUSPECTED_AROUND", timedelta(0))
    monkeypatch.setattr(doubt, "CLEARED_AROUND", timedelta(0))


def with_two_problems(world: World, reason: str) -> Upload:
    """Of its files one is good, two are not imported for a reason, and a rule leaves one out."""
    upload, area = world.an_area()
    fill(area, {"good": b"good", ".DS_Store": b"left"})
    if reason == "entry.differs":
        wrong = sha256(b"other").hexdigest()
        fill(area, {"SHA256SUMS": f"{wrong}  a\n{wrong}  b\n".encode()})
    with a_task_fails(upload) if reason == "entry.doubtful" else nullcontext():
        fill(area, {"a": b"a", "b": b"b"})
    world.seal(upload)
    if reason in REFUSED:
        world.executor = RefusingExecutor(lambda path: REFUSED[reason] if path in {b"a", b"b"} else "")
    world.work(upload)
    assert (upload.problems, upload.left_out) == (3, 1)
    assert said_of(upload) == PROBLEMS
    return upload


def retried(world: World, upload: Upload, choices: ImportChoices) -> Upload:
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now(), choices=choices)
    return world.work(upload)


def cancelled(world: World, upload: Upload, choices: ImportChoices) -> Upload:
    """A retry that a worker has begun is cancelled when it has listed everything."""
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now(), choices=choices)
    Upload.objects.filter(pk=upload.pk).update(cancel_asked_at=timezone.now(), cancel_asked_by=upload.owner)
    return world.work(upload)


def looked_at(upload: Upload, choices: ImportChoices) -> None:
    ask_preview(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=timezone.now(), choices=choices)
    lease = previews.claim_next(LeaseWatch())
    assert lease is not None
    previews.work(lease)


def newest_mail() -> Notice:
    return Notice.objects.order_by("-created_at")[0]


def said_of(upload: Upload) -> tuple[str, Turn, str]:
    """Its label, whose turn it is, and what kind of mail its newest run has sent."""
    return state_label(upload).label, whose_turn(upload), newest_mail().kind


def offered(upload: Upload) -> set[str]:
    """What its page offers for a retry."""
    client = Client()
    client.force_login(upload.owner)
    shown = client.get(f"/uploads/{upload.pk}/").content.decode()
    return {one for one in (RETRY, WITH_DOUBT, OTHERWISE) if one in shown}


def told(upload: Upload) -> dict[str, str]:
    """Why paths were not imported, as the newest run says."""
    newest = upload.runs.order_by("-number")[0]
    problems = ImportProblem.objects.filter(run=newest).exclude(code="entry.not_there")
    return {bytes(one.path).decode(): one.code for one in problems}


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize(
    ("choices", "left", "told_so"),
    [
        (NOTHING, {"a", "b"}, (PROBLEMS, {OTHERWISE})),
        (A_PART, {"b"}, (PROBLEMS, {OTHERWISE})),
        (AS_IT_IS, {"a", "b"}, (PROBLEMS, {RETRY})),
        (ALL_BUT_RULES, set(), (LEFT_OUT, {OTHERWISE})),
        (EVERYTHING, set(), (ALL, set())),
    ],
    ids=["nothing", "a part", "as it is", "all but rules", "everything"],
)
def test_a_retry_makes_nothing_look_better_than_it_is(
    world: World, reason: str, choices: ImportChoices, left: set[str], told_so: tuple[tuple[str, ...], set[str]]
) -> None:
    said, buttons = told_so
    upload = with_two_problems(world, reason)
    if choices != AS_IT_IS:
        world.executor = Inline()  # what was wrong is not any more
    retried(world, upload, choices)

    by_rule = {".DS_Store": "entry.ignored" if not choices.paths else "entry.not_selected"}
    expected = dict.fromkeys(left, reason) | ({} if choices == EVERYTHING else by_rule)
    assert told(upload) == expected
    assert (upload.problems, upload.left_out) == (len(expected), len(expected) - len(left))
    are_taken = not left and reason in {"entry.doubtful", "entry.differs"}
    assert said_of(upload) == (WITH_DOUBTFUL_ONES if are_taken else said)
    may_doubt = {WITH_DOUBT} if RETRY in buttons and reason in {"entry.doubtful", "entry.differs"} else set()
    assert offered(upload) == buttons | may_doubt
    assert contents(world, upload.project).keys() >= {"good"} | ({"a", "b"} - left)
    if left:
        mail = newest_mail().text
        assert "were not imported" in mail
        assert "left out" not in mail + state_text(upload)


@pytest.mark.parametrize("reason", ["entry.read_error", "entry.differs", "entry.doubtful"])
@pytest.mark.parametrize("between", [looked_at, "cancelled", "both"])
def test_neither_a_look_nor_a_cancelled_retry_lets_a_reason_be_forgotten(
    world: World, reason: str, between: Callable[..., None] | str
) -> None:
    upload = with_two_problems(world, reason)
    world.executor = Inline()
    retried(world, upload, NOTHING)
    if between != "cancelled":
        looked_at(upload, EVERYTHING)
    if between != looked_at:
        cancelled(world, upload, EVERYTHING)
        assert (upload.problems, upload.left_out, offered(upload) & {OTHERWISE}) == (3, 1, set())
        assert state_label(upload).label == "Imported with problems"

    retried(world, upload, NOTHING)

    assert told(upload) == {"a": reason, "b": reason, ".DS_Store": "entry.not_selected"}
    assert said_of(upload) == PROBLEMS


def test_a_scan_that_was_cancelled_half_way_lets_no_reason_be_forgotten(world: World) -> None:
    upload = with_two_problems(world, "entry.read_error")
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now(), choices=EVERYTHING)

    def cancel(seam: str) -> None:
        if seam == "scanned":
            Upload.objects.filter(pk=upload.pk).update(cancel_asked_at=timezone.now(), cancel_asked_by=upload.owner)
            raise ZeroDivisionError

    world.executor = Inline()
    with pytest.raises(ZeroDivisionError):
        world.work_until(upload, cancel)
    world.work(upload)
    assert upload.problems == 3
    retried(world, upload, NOTHING)

    assert told(upload) == {"a": "entry.read_error", "b": "entry.read_error", ".DS_Store": "entry.not_selected"}


def test_what_a_retry_has_hidden_before_reasons_were_kept_counts_again(world: World) -> None:
    upload = with_two_problems(world, "entry.read_error")
    retried(world, upload, NOTHING)
    hidden = ManifestEntry.objects.filter(upload_id=upload.pk, reason="entry.read_error")
    assert hidden.update(verdict="skipped", reason="entry.not_selected", warning="", unsolved=None) == 2
    Upload.objects.filter(pk=upload.pk).update(left_out=3)

    migration = import_module("moorage.importer.migrations.0013_unsolved_entries")
    migration.find_what_retries_have_hidden(apps, None)

    upload.refresh_from_db()
    assert (upload.problems, upload.left_out) == (3, 1)
    world.executor = Inline()
    retried(world, upload, NOTHING)
    assert told(upload) == {"a": "entry.read_error", "b": "entry.read_error", ".DS_Store": "entry.not_selected"}


def test_a_path_keeps_its_last_reason(world: World) -> None:
    upload = with_two_problems(world, "entry.still_open")
    world.executor = RefusingExecutor(lambda path: data.READ_ERROR if path == b"a" else "")
    retried(world, upload, ImportChoices(paths=("a",)))
    retried(world, upload, NOTHING)

    assert told(upload) == {"a": "entry.read_error", "b": "entry.still_open", ".DS_Store": "entry.not_selected"}


def test_what_was_left_out_by_choice_and_then_failed_is_a_problem(world: World) -> None:
    upload = world.a_sealed_upload({"good": b"good", "late": b"late"})
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(paths=("good",)).as_json())
    world.work(upload)
    assert said_of(upload) == LEFT_OUT
    world.executor = RefusingExecutor(lambda _: data.READ_ERROR)

    retried(world, upload, AS_IT_IS)

    assert (told(upload), upload.left_out) == ({"late": "entry.read_error"}, 0)
    assert said_of(upload) == PROBLEMS


def test_what_a_conflict_kept_from_the_project_is_not_imported(world: World) -> None:
    project = a_project()
    publish_files(project, {"late": b"old"}, store=world.store)
    upload = world.a_sealed_upload({"good": b"good", "late": b"late", ".DS_Store": b"left"}, project)
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(paths=("good",)).as_json())
    world.work(upload)

    retried(world, upload, ImportChoices(on_conflict="fail"))

    assert (upload.problems, upload.left_out, said_of(upload)) == (2, 1, PROBLEMS)
    assert offered(upload) == {RETRY}
    retried(world, upload, ImportChoices(on_conflict="skip"))
    assert (upload.problems, upload.left_out, said_of(upload)) == (2, 2, LEFT_OUT)


def test_a_failed_upload_of_which_all_was_left_out_is_offered_other_choices_only(world: World) -> None:
    upload = world.imported({".DS_Store": b"left"})
    assert (upload.state, upload.reason) == (UploadState.FAILED, "import.nothing_good")
    assert "All of its files were left out" in state_text(upload)
    assert "could not be imported" not in state_text(upload)
    assert offered(upload) == {OTHERWISE}

    cancelled(world, upload, EVERYTHING)

    assert (upload.state, upload.reason, upload.problems) == (UploadState.FAILED, "cancelled", 1)
    assert offered(upload) == {RETRY}, "it would not be as before"
    retried(world, upload, EVERYTHING)
    assert said_of(upload) == ALL


def test_a_failed_upload_that_a_conflict_stopped_may_be_retried_as_it_is(world: World) -> None:
    project = a_project()
    publish_files(project, {"a": b"old"}, store=world.store)
    upload = world.a_sealed_upload({"a": b"new", ".DS_Store": b"left"}, project)
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(on_conflict="fail").as_json())
    world.work(upload)

    assert (upload.state, upload.reason) == (UploadState.FAILED, "import.conflict")
    assert offered(upload) == {RETRY}


def test_a_folder_that_was_imported_and_is_shut_now_is_told_of_with_what_it_may_hold(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, area = world.an_area()
    fill(area, {"d/a": b"a", "d/b": b"b", ".DS_Store": b"left"})
    world.seal(upload)
    world.executor = RefusingExecutor(lambda path: data.READ_ERROR if path == b"d/b" else "")
    world.work(upload)
    world.executor, real = Inline(), walk._entered

    def shut(folders: OpenFolders, path: bytes) -> Found:
        return Found(path, FoundKind.DIRECTORY, trouble="unreadable") if path == b"d" else real(folders, path)

    with monkeypatch.context() as patch:
        patch.setattr(walk, "_entered", shut)
        retried(world, upload, EVERYTHING)

    assert told(upload) == {"d": "entry.unreadable_folder"}
    assert said_of(upload) == PROBLEMS
    assert offered(upload) == {RETRY}
    retried(world, upload, AS_IT_IS)
    assert contents(world, upload.project) == {"d/a": b"a", "d/b": b"b", ".DS_Store": b"left"}
    assert upload.problems == 0


def test_what_stood_in_the_way_of_an_earlier_run_is_not_told_of_one_that_wants_it_elsewhere(world: World) -> None:
    project = a_project()
    publish_files(project, {"raw": b"a file"}, store=world.store)
    upload = world.a_sealed_upload({"a": b"a", "b": b"b"}, project)
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(target="raw").as_json())
    assert world.work(upload).reason == "import.target_is_file"

    retried(world, upload, ImportChoices(target="cooked", paths=("a",)))

    assert told(upload) == {"b": "entry.not_selected"}
    assert said_of(upload) == LEFT_OUT


def test_that_doubtful_files_were_taken_is_told_after_later_runs_too(world: World) -> None:
    upload = with_two_problems(world, "entry.doubtful")
    world.executor = Inline()
    retried(world, upload, ALL_BUT_RULES)

    for choices in (AS_IT_IS, EVERYTHING):
        retried(world, upload, choices)

        assert said_of(upload) == WITH_DOUBTFUL_ONES
        assert state_text(upload).count("2 files were imported although") == 1


def test_the_receipt_of_a_run_that_was_cancelled_while_it_waited_shows_no_path(world: World) -> None:
    upload = with_two_problems(world, "entry.read_error")
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now(), choices=ALL_BUT_RULES)

    def cancel(met: str) -> None:
        if met in {"right taken", "right kept"}:
            Upload.objects.filter(pk=upload.pk).update(cancel_asked_at=timezone.now(), cancel_asked_by=upload.owner)
            raise ZeroDivisionError

    world.executor = Inline()
    with pytest.raises(ZeroDivisionError):
        world.work_until(upload, cancel)
    world.work(upload)

    newest = receipts(upload.pk)[0]
    assert (newest.outcome, newest.problems, newest.verdicts) == ("failed", 0, {})
    assert list(problems(upload.pk, newest.run)) == []
