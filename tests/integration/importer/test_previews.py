"""Asking for a preview, and what is said of the one that there is."""

from __future__ import annotations

import pytest

from builders import a_file_arrives, publish_files
from importing import World
from moorage.audit.models import AuditRecord
from moorage.files.choosing import InvalidChoiceError
from moorage.importer.asked.defaults import save_import_defaults
from moorage.importer.asked.previews import ask_preview, look_again
from moorage.importer.models import Preview, PreviewState
from moorage.importer.shown.preview import Cause, Counted, PreviewView, preview_of
from moorage.importer.words.verdicts import Verdict
from moorage.leases import LeaseLostError, take
from moorage.projects.choices import ImportChoices
from moorage.transfers.models import Upload
from previewing import a_preview_is_made

pytestmark = pytest.mark.django_db(transaction=True)

SKIPPING = ImportChoices(on_conflict="skip")


def ask(upload: Upload, choices: ImportChoices | None = None, *, with_digests: bool = False) -> Preview:
    ask_preview(
        upload_id=upload.pk,
        project_id=upload.project_id,
        by=upload.owner,
        at=upload.created_at,
        with_digests=with_digests,
        choices=choices,
    )
    return Preview.objects.get(upload_id=upload.pk)


def seen(upload: Upload) -> PreviewView:
    upload.refresh_from_db()
    upload.project.refresh_from_db()
    view = preview_of(upload.pk, head=upload.project.head, area_digest=upload.arrived_digest)
    assert view is not None
    return view


def test_a_preview_that_is_asked_for_waits_for_a_worker_and_says_nothing_yet(world: World) -> None:
    upload, _ = world.an_area()
    assert preview_of(upload.pk, head=0, area_digest="") is None
    ask(upload, SKIPPING, with_digests=True)
    view = seen(upload)
    assert (view.state, view.with_digests, view.choices) == (PreviewState.WANTED, True, SKIPPING)
    assert view.is_under_way
    assert (view.holds, view.as_of, dict(view.verdicts)) == (False, None, {})
    assert AuditRecord.objects.filter(act="upload.checked").count() == 1


def test_asked_for_again_while_it_is_made_it_goes_on(world: World) -> None:
    upload, _ = world.an_area()
    lease = take(ask(upload), state=PreviewState.RUNNING)
    assert lease is not None
    ask(upload)
    lease.check()
    assert AuditRecord.objects.filter(act="upload.checked").count() == 1


@pytest.mark.parametrize(("choices", "with_digests"), [(SKIPPING, False), (None, True)])
def test_with_other_choices_it_begins_anew_and_its_worker_has_lost_it(
    world: World, choices: ImportChoices | None, with_digests: bool
) -> None:
    upload, _ = world.an_area()
    lease = take(ask(upload), state=PreviewState.RUNNING)
    assert lease is not None
    anew = ask(upload, choices, with_digests=with_digests)
    assert (anew.state, anew.held_by, anew.with_digests) == (PreviewState.WANTED, "", with_digests)
    with pytest.raises(LeaseLostError):
        lease.update(state=PreviewState.READY)


def test_it_shows_what_was_found_and_holds_until_files_arrive_or_the_project_moves(world: World) -> None:
    upload, _ = world.an_area()
    a_file_arrives(upload, "a", b"1")
    ask(upload)
    kept_out = {"code": "entry.ignored", "sentence": "Left out.", "files": 2, "bytes": 5, "verdict": "skipped"}
    a_preview_is_made(upload, {"new": (3, 10), "identical": (1, 4), "skipped": (2, 5)}, [kept_out])
    view = seen(upload)
    assert (view.holds, view.good) == (True, Counted(4, 14))
    assert view.of(Verdict.REJECTED) == Counted()
    assert view.causes_of(Verdict.SKIPPED) == [Cause("entry.ignored", "Left out.", "skipped", Counted(2, 5))]

    a_file_arrives(upload, "b", b"2")
    assert (seen(upload).holds, seen(upload).area_changed, seen(upload).project_moved) == (False, True, False)
    ask(upload)
    a_preview_is_made(upload, {"new": (4, 11)})
    assert seen(upload).holds
    publish_files(upload.project, {"x": b"x"})
    assert (seen(upload).holds, seen(upload).project_moved) == (False, True)
    assert seen(upload).as_of is not None


def test_made_anew_it_shows_what_it_showed_but_not_for_other_choices(world: World) -> None:
    upload, _ = world.an_area()
    ask(upload)
    a_preview_is_made(upload, {"new": (3, 10)})
    ask(upload)
    assert (seen(upload).is_under_way, dict(seen(upload).verdicts)) == (True, {"new": Counted(3, 10)})
    ask(upload, SKIPPING)
    assert (seen(upload).as_of, dict(seen(upload).verdicts)) == (None, {})


def test_what_it_was_made_from_can_change_under_it(world: World) -> None:
    upload, _ = world.an_area()
    look_again(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=upload.created_at)
    assert not Preview.objects.exists(), "nobody wants one"
    lease = take(ask(upload, SKIPPING), state=PreviewState.RUNNING)
    assert lease is not None
    look_again(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=upload.created_at)
    assert (seen(upload).state, seen(upload).choices) == (PreviewState.WANTED, SKIPPING)
    with pytest.raises(LeaseLostError):
        lease.check()


def test_what_no_import_could_do_is_not_previewed(world: World) -> None:
    upload, _ = world.an_area()
    with pytest.raises(InvalidChoiceError):
        ask(upload, ImportChoices(target=".."))
    assert not Preview.objects.exists()


def test_it_no_longer_holds_when_the_projects_defaults_change(world: World) -> None:
    upload, _ = world.an_area()
    running, _ = world.an_area(upload.project)
    ask(upload)
    a_preview_is_made(upload, {"new": (3, 10)})
    lease = take(ask(running), state=PreviewState.RUNNING)
    assert lease is not None
    save_import_defaults(
        project=upload.project, actor=upload.owner, on_conflict="skip", ignore_rules="*.tmp", at=upload.created_at
    )
    assert (seen(upload).holds, seen(upload).project_moved) == (False, True)
    assert seen(running).state == PreviewState.WANTED
    with pytest.raises(LeaseLostError):
        lease.check()
