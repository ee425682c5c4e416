"""Files that others publish between plan and register, at paths where the plan has folders without entries."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from builders import a_project, an_undo_is_carried_out, publish_files
from importing import World, contents, fill, reasons
from kill_matrix import Inline
from moorage.files.change_requests import ChangeRequest
from moorage.files.changing import ask_change
from moorage.files.choosing import InvalidChoiceError
from moorage.files.models import FileVersion, RevisionKind
from moorage.importer.models import ImportProblem
from moorage.importer.plan import touched
from moorage.importer.shown.receipts import receipts
from moorage.notices.models import Notice
from moorage.projects.choices import ImportChoices
from moorage.projects.models import Project
from moorage.transfers.arrivals import look_at_area
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState
from moorage.transfers.wording import state_label, state_text

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _inline(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.executor = Inline()
    monkeypatch.setattr(touched, "VERSIONS_PER_QUERY", 2)


def test_files_and_folders_that_are_left_out_are_told_apart(world: World) -> None:
    project = a_project()
    publish_files(project, {"p/x": b"a file", "t1": b"a file"}, store=world.store)

    upload = world.imported({"p/x/under": b"1", "t1/below": b"2", "good": b"3"}, project)

    said = "2 files and 2 folders were not imported"
    assert f"Imported with problems: {said}." in state_text(upload)
    assert f"{said}: see why on its page" in Notice.objects.get(member=upload.owner).text
    assert [(one.problems, one.folders) for one in receipts(upload.pk)] == [(4, 2)]
    page = Client()
    page.force_login(upload.owner)
    assert f"{said}: see why</a>" in page.get(f"/uploads/{upload.pk}/").content.decode()
    assert said in page.get(f"/projects/{project.pk}/upload-status/").content.decode()


def test_what_only_a_rule_or_a_choice_left_out_is_no_problem_of_an_import(world: World) -> None:
    upload = world.imported({"good": b"1", ".DS_Store": b"2", "folder/._good": b"3"})

    said = "2 files were left out, by a rule or by what was chosen"
    assert (upload.problems, upload.left_out, state_label(upload).label) == (2, 2, "Imported, some left out")
    assert state_text(upload) == f"Imported. {said}. See which below."
    notice = Notice.objects.get(member=upload.owner)
    assert (notice.kind, notice.subject) == ("upload.imported", f"Imported, some left out: {upload.name}")
    assert f"{said}: see which on its page." in notice.text
    page = Client()
    page.force_login(upload.owner)
    shown = page.get(f"/uploads/{upload.pk}/").content.decode()
    assert f"{said}: see why</a>" in shown
    assert "state-bad" not in shown
    assert "Retry what was not imported" not in shown, "it would leave them out again"
    assert f'href="/uploads/{upload.pk}/retry/"' in shown, "there they can be chosen"

    retry_upload(upload=upload, actor=upload.owner, at=timezone.now(), choices=ImportChoices(include=("skipped",)))
    upload = world.work(upload)
    assert (upload.problems, upload.left_out, state_label(upload).label) == (0, 0, "Imported")


def test_a_problem_beside_what_a_rule_left_out_is_told_as_one(world: World) -> None:
    project = a_project()
    publish_files(project, {"p": b"a file"}, store=world.store)

    upload = world.imported({"p/x": b"1", "good": b"2", ".DS_Store": b"3"}, project)

    assert (upload.problems, upload.left_out) == (3, 1)
    assert state_label(upload).label == "Imported with problems"


def test_what_a_run_that_brought_nothing_left_out_was_left_out(world: World) -> None:
    project = a_project()
    publish_files(project, {"p": b"a file"}, store=world.store)
    upload = world.imported({"p/x": b"1"}, project)
    page = Client()
    page.force_login(upload.owner)

    shown = page.get(f"/uploads/{upload.pk}/").content.decode()

    assert upload.state == UploadState.FAILED
    assert "<dt>Rejected</dt>" in shown
    assert "Would have been" not in shown


def published_meanwhile(world: World, upload: Upload, files: dict[str, bytes]) -> None:
    """Import an upload, into whose project others publish files after it has been placed."""

    def others(seam: str) -> None:
        if seam == "placed":
            publish_files(Project.objects.get(pk=upload.project_id), files, store=world.store)

    world.work_until(upload, others)
    upload.refresh_from_db()


def test_nobody_waits_for_the_right_while_problems_are_written(world: World) -> None:
    project = a_project()
    publish_files(project, {"p": b"a file"}, store=world.store)
    upload = world.a_sealed_upload({"p/x": b"1", "good": b"2", "late/y": b"3", ".DS_Store": b"4"}, project)
    # So that it does not register early, under a right that it gives up for anybody.
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(on_conflict="skip").as_json())
    held: list[bool] = []

    def look(execute: Any, sql: str, *others: Any) -> Any:
        if sql.startswith(("INSERT INTO importer_importproblem", 'INSERT INTO "importer_importproblem"')):
            held.append(Project.objects.get(pk=project.pk).registering_revision is not None)
        return execute(sql, *others)

    with connection.execute_wrapper(look):
        published_meanwhile(world, upload, {"late": b"a file", "good": b"theirs"})

    assert held
    assert not any(held)
    told = {bytes(one.path): one.code for one in ImportProblem.objects.filter(run__upload=upload)}
    assert told == {
        b"p": "path.file_there",
        b"p/x": "path.file_there",
        b"late": "path.file_there",
        b"late/y": "path.file_there",
        b"good": "entry.exists",
        b".DS_Store": "entry.ignored",
    }
    assert (upload.state, upload.problems, upload.left_out) == (UploadState.FAILED, 6, 2)


def test_a_file_above_the_target_is_in_the_way_of_all_of_it(world: World) -> None:
    project = a_project()
    upload, area = world.an_area(project)
    fill(area, {"x": b"x", "below/y": b"y"})
    look_at_area(upload, at=timezone.now())
    upload.refresh_from_db()
    choices = ImportChoices(target="results/a")
    start_sealing(upload=upload, actor=upload.owner, at=timezone.now(), choices=choices)
    world.seal(upload)

    published_meanwhile(world, upload, {"results": b"a file", "1": b"1", "2": b"2", "3": b"3"})

    assert contents(world, project) == {"results": b"a file", "1": b"1", "2": b"2", "3": b"3"}
    assert {name: reasons(upload)[name] for name in (b"x", b"below/y")} == {
        b"x": "path.target_is_file",
        b"below/y": "path.target_is_file",
    }
    assert (upload.state, upload.reason) == (UploadState.FAILED, "import.target_is_file")
    assert "a file at results, where" in upload.reason_text
    assert "Retry with another folder; nothing needs to be sent again." in state_text(upload)

    with pytest.raises(InvalidChoiceError, match="the project has a file at “results”"):
        retry_upload(upload=upload, actor=upload.owner, at=timezone.now())
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now(), choices=ImportChoices(target="other"))
    world.work(upload)
    assert contents(world, project).keys() >= {"other/x", "other/below/y"}


def test_a_file_where_an_earlier_run_had_a_folder_is_in_the_way_of_what_is_left_in_it(world: World) -> None:
    project = a_project()
    upload = world.imported({"x/a": b"a", "x/.DS_Store": b"left"}, project)
    removal = ChangeRequest(kind=RevisionKind.REMOVE, paths=("x",))
    ask_change(project=Project.objects.get(pk=project.pk), actor=upload.owner, request=removal, at=timezone.now())
    an_undo_is_carried_out()
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now(), choices=ImportChoices(include=("skipped",)))

    published_meanwhile(world, upload, {"x": b"a file"})

    assert contents(world, project) == {"x": b"a file"}
    assert b"x/.DS_Store" in reasons(upload)


def test_folders_in_folders_that_others_publish_meanwhile_do_not_stop_an_import(world: World) -> None:
    project = a_project()
    upload = world.a_sealed_upload({"mine": b"mine"}, project)

    published_meanwhile(world, upload, {"a/" * 1000 + "leaf": b"leaf"})

    assert upload.state == UploadState.IMPORTED
    assert set(FileVersion.objects.filter(project=project).values_list("name", flat=True)) == {"mine", "leaf"}


def test_touched_paths_are_all_named_however_little_is_remembered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touched, "FOLDERS_REMEMBERED", 2)
    project = a_project()
    publish_files(project, {"old/x": b"x"}, store=world.store)

    publish_files(project, {"a/b/c/1": b"1", "a/d/2": b"2", "a/b/3": b"3"}, removed=("old/x",), store=world.store)

    assert set(touched.touched_paths(project.pk, 1, 2)) == {
        *(b"a/b/c/1", b"a/d/2", b"a/b/3", b"old/x"),
        *(b"a", b"a/b", b"a/b/c", b"a/d", b"old"),
    }
