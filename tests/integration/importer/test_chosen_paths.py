"""Chosen paths that match nothing are told: by a preview, in what an import did not bring, and as why it ended."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from builders import a_project
from importing import World, contents, fill
from kill_matrix import Inline
from moorage.importer.asked import previews
from moorage.importer.ledger import unmatched
from moorage.importer.ledger.unmatched import sentence_of
from moorage.importer.models import ImportProblem, ManifestEntry, Preview
from moorage.importer.shown.preview import preview_of
from moorage.jobs import previews as preview_jobs
from moorage.leases import LeaseWatch
from moorage.notices.models import Notice
from moorage.projects.choices import ImportChoices
from moorage.transfers.arrivals import look_at_area
from moorage.transfers.models import Upload
from moorage.transfers.retrying import may_be_retried, retry_upload
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState
from moorage.transfers.wording import Turn, state_label, state_text, whose_turn

pytestmark = pytest.mark.django_db(transaction=True)

RETRY = "See why below, and retry or send them in another upload."
FILES = {"a": b"a", "d/b": b"b", "d/e/c": b"c"}


@pytest.fixture(autouse=True)
def _inline(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool:
        orders_for_one = 2

        def executor_for(self, *_: object, **__: object) -> object:
            return world.executor

    world.executor = Inline()
    monkeypatch.setattr(preview_jobs, "shared_pool", Pool)
    monkeypatch.setattr(unmatched, "PATHS_PER_PART", 2)
    monkeypatch.setattr(unmatched, "KEYS_PER_QUERY", 2)


def an_upload(world: World) -> Upload:
    upload, area = world.an_area(a_project())
    fill(area, FILES)
    (area / "link").symlink_to("d")
    look_at_area(upload, at=timezone.now())
    upload.refresh_from_db()
    return upload


def imported(world: World, upload: Upload, *paths: str) -> Upload:
    if upload.state == UploadState.OPEN:
        choices = ImportChoices(paths=paths)
        start_sealing(upload=upload, actor=upload.owner, at=timezone.now(), choices=choices)
        world.seal(upload)
    return world.work(upload)


def not_there(upload: Upload) -> list[str]:
    """What the newest run calls chosen and not there."""
    newest = upload.runs.order_by("-number")[0]
    problems = ImportProblem.objects.filter(run=newest, code="entry.not_there").order_by("pk")
    return [bytes(one.path).decode() for one in problems]


@pytest.mark.parametrize("digest", [False, True])
@pytest.mark.parametrize(
    ("chosen", "warning"),
    [
        (("a", "d", "d/b", "d/e"), None),
        (("a", "gone"), "1 of the chosen paths is not in this upload: gone."),
        (("x/y", "a", "d/x", "d/e/c"), "2 of the chosen paths are not in this upload: x/y, d/x."),
        (("v", "w", "x", "y", "z"), "None of the chosen paths is in this upload: v, w, x and 2 more."),
        (("link/inside",), None),
    ],
)
def test_a_preview_warns_of_them(world: World, chosen: tuple[str, ...], warning: str | None, digest: bool) -> None:
    upload, choices = an_upload(world), ImportChoices(paths=chosen)
    previews.ask_preview(
        upload_id=upload.pk,
        project_id=upload.project_id,
        by=upload.owner,
        at=timezone.now(),
        choices=choices,
        with_digests=digest,
    )
    lease = preview_jobs.claim_next(LeaseWatch())
    assert lease is not None
    preview_jobs.work(lease)

    view = preview_of(upload.pk, head=0, area_digest=upload.arrived_digest)
    assert view is not None
    assert view.warnings == ([warning] if warning else [])
    codes = [one["code"] for one in Preview.objects.get().problems]
    assert ("entry.not_there" in codes) == bool(warning)


def test_an_import_of_none_of_them_ends_with_that_reason(world: World) -> None:
    upload = imported(world, an_upload(world), "gone", "d/gone")

    assert (upload.state, upload.reason) == (UploadState.FAILED, "import.paths_not_there")
    told = "None of the chosen paths is in this upload: gone, d/gone. Retry with other paths."
    assert upload.reason_text == told
    assert told in state_text(upload)
    assert not_there(upload) == ["gone", "d/gone"]

    retry_upload(upload=upload, actor=upload.owner, at=timezone.now(), choices=ImportChoices(paths=("d",)))
    assert contents(world, world.work(upload).project) == {"d/b": b"b", "d/e/c": b"c"}


def test_an_import_of_some_of_them_says_which_are_not_there(world: World) -> None:
    upload = imported(world, an_upload(world), "gone", "a", "d/gone", "also gone")

    assert contents(world, upload.project) == {"a": b"a"}
    assert not_there(upload) == ["gone", "d/gone", "also gone"]
    run = upload.runs.get()
    assert run.problem_count == upload.problems == 3, "what is not there was not left out"
    told = ImportProblem.objects.filter(run=run).order_by("pk").values_list("path", flat=True)
    assert [bytes(path) for path in told] == [b"gone", b"d/gone", b"also gone", b"link", b"d/b", b"d/e/c"]
    said = "3 chosen paths matched nothing: gone, d/gone, also gone."
    assert run.warnings == [{"code": "entry.not_there", "sentence": said}]
    assert f"Imported with problems: 3 files were not imported. {RETRY} {said}" == state_text(upload)
    assert Notice.objects.get(member=upload.owner).text.endswith(said)
    assert run.verdicts["skipped"]["files"] == 2, "what is not there is no file of the upload"


def test_one_that_matches_nothing_is_no_file_that_can_be_retried(world: World) -> None:
    upload, area = world.an_area(a_project())
    fill(area, {"ty": b"y"})
    upload = imported(world, upload, "ty", "typo")

    assert contents(world, upload.project) == {"ty": b"y"}
    assert not_there(upload) == ["typo"]
    said = "1 chosen path matched nothing: typo."
    assert (upload.problems, may_be_retried(upload), whose_turn(upload)) == (0, False, Turn.NOBODY)
    assert state_label(upload).label == "Imported, with warnings"
    assert state_text(upload) == f"Imported. All of its files are in the project. {said}"
    notice = Notice.objects.get(member=upload.owner)
    assert notice.subject == "Imported, with warnings: Scan 42"
    assert notice.text.endswith(f"1 file is in the project's revision 1. {said}")
    page = Client()
    page.force_login(upload.owner)
    shown = page.get(f"/uploads/{upload.pk}/").content.decode()
    assert f'<a href="/uploads/{upload.pk}/problems/1/">{said}</a>' in shown
    assert "not imported" not in shown
    assert "typo" in page.get(f"/uploads/{upload.pk}/problems/1/").content.decode()
    assert said in page.get(f"/projects/{upload.project_id}/upload-status/").content.decode()


def test_a_file_where_a_chosen_path_has_a_folder_is_not_chosen(world: World) -> None:
    upload = imported(world, an_upload(world), "a/x", "d/b")
    assert contents(world, upload.project) == {"d/b": b"b"}
    assert not_there(upload) == ["a/x"]


def test_what_an_earlier_run_brought_is_there(world: World) -> None:
    upload = imported(world, an_upload(world), "a", "d/e")
    retry_upload(
        upload=upload, actor=upload.owner, at=timezone.now(), choices=ImportChoices(paths=("d/b", "a", "d/e/c", "gone"))
    )
    assert contents(world, world.work(upload).project) == FILES
    assert not_there(upload) == ["gone"]


def test_what_lies_below_a_link_is_told_by_the_link(world: World) -> None:
    upload = imported(world, an_upload(world), "link/inside")
    assert (upload.state, upload.reason) == (UploadState.FAILED, "import.nothing_good")
    assert not_there(upload) == []
    assert ManifestEntry.objects.get(upload=upload, path=b"link").reason == "entry.symlink"


def test_a_run_that_is_taken_over_says_it_once(world: World) -> None:
    upload = an_upload(world)
    choices = ImportChoices(paths=("a", "gone"))
    start_sealing(upload=upload, actor=upload.owner, at=timezone.now(), choices=choices)
    world.seal(upload)

    def stopped(seam: str) -> None:
        if seam == "registered":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        world.work_until(upload, stopped)
    world.work(upload)

    assert not_there(upload) == ["gone"]


def test_one_that_is_not_there_is_said_in_the_singular() -> None:
    assert sentence_of(["x"], chosen=1) == "None of the chosen paths is in this upload: x."
    assert sentence_of(["x"], chosen=2) == "1 of the chosen paths is not in this upload: x."
