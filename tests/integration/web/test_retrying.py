"""A retry by its button, and by the page before it: with the choices that the upload had, or with others."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertRedirects

from builders import a_file_arrives, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.backends import backends
from moorage.importer.models import Preview, PreviewState
from moorage.jobs.sweeps.closing import seal
from moorage.projects.choices import ImportChoices
from moorage.transfers.cancelling import cancel_import
from moorage.transfers.models import Upload
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState
from moorage.transfers.wishing import wish_quiet
from previewing import a_preview_is_made

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("globus", "fresh_cache")]

CHOSEN = ImportChoices("fail", "big", ("a",), ("skipped",))
OTHER = ImportChoices("skip", "", ("b",), ())
OTHER_FORM = {"on_conflict": "skip", "target": "", "paths": "b"}


@pytest.fixture
def upload(globus: InMemoryTransferService) -> Upload:
    """Looked at before DONE as if everything went to the top, then done with other choices, and cancelled."""
    opened = an_open_upload(globus)
    a_file_arrives(opened, "a/scan.tif")
    client_of(opened).get(f"/uploads/{opened.pk}/done/")
    a_preview_is_made(opened, {"new": (1, 7)})
    start_sealing(upload=opened, actor=opened.owner, at=backends().clock(), choices=CHOSEN)
    seal(backends().clock())
    opened.refresh_from_db()
    cancel_import(upload=opened, actor=opened.owner, at=backends().clock())
    assert opened.state == UploadState.FAILED
    return opened


def client_of(upload: Upload) -> Client:
    client = Client()
    client.force_login(upload.owner)
    return client


def previewed(upload: Upload) -> ImportChoices:
    return ImportChoices.from_json(Preview.objects.get(upload_id=upload.pk).choices)


def in_form(page: Any) -> ImportChoices:
    """What stands in the form of a page."""
    form = page.context["form"]
    chosen = {name: form[name].value() for name in form.fields}
    return ImportChoices(
        chosen["on_conflict"], chosen["target"], tuple(chosen["paths"].splitlines()), tuple(chosen["include"])
    )


def retried_with(upload: Upload) -> ImportChoices:
    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    return upload.import_choices


def test_the_button_retries_with_the_uploads_own_choices(upload: Upload) -> None:
    client, page = client_of(upload), f"/uploads/{upload.pk}/"
    assertContains(client.get(page), "Retry what was not imported")
    assertRedirects(client.post(f"{page}retry/"), page)
    assert retried_with(upload) == CHOSEN


def test_the_button_for_doubtful_files_adds_them_to_what_was_chosen(upload: Upload) -> None:
    client_of(upload).post(f"/uploads/{upload.pk}/retry/", {"also": "doubtful"})
    assert retried_with(upload) == ImportChoices("fail", "big", ("a",), ("doubtful", "skipped"))


def test_a_button_that_is_none_is_told_beside_the_choices(upload: Upload) -> None:
    refused = client_of(upload).post(f"/uploads/{upload.pk}/retry/", {"also": "everything"})
    assert (refused.status_code, in_form(refused).target) == (422, "big")
    upload.refresh_from_db()
    assert upload.state == UploadState.FAILED


def test_the_page_before_a_retry_shows_and_previews_the_uploads_own_choices(upload: Upload) -> None:
    shown = client_of(upload).get(f"/uploads/{upload.pk}/retry/")
    assert in_form(shown) == CHOSEN
    assert previewed(upload) == CHOSEN
    assert Preview.objects.get(upload_id=upload.pk).state == PreviewState.WANTED


def test_other_choices_that_were_looked_at_stay_in_the_form_until_she_comes_anew(upload: Upload) -> None:
    client, page = client_of(upload), f"/uploads/{upload.pk}/retry/"
    looked = client.post(f"/uploads/{upload.pk}/check/", OTHER_FORM, follow=True)
    assert (in_form(looked), previewed(upload)) == (OTHER, OTHER)
    assert in_form(client.get(page)) == previewed(upload) == CHOSEN


def test_an_emptied_form_is_as_the_project_has_it(upload: Upload) -> None:
    client_of(upload).post(f"/uploads/{upload.pk}/retry/", {"on_conflict": "", "target": "", "paths": ""})
    assert retried_with(upload) == ImportChoices()


def test_the_done_page_shows_what_was_chosen_for_the_wish(globus: InMemoryTransferService) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a/scan.tif")
    client, page = client_of(upload), f"/uploads/{upload.pk}/done/"
    client.get(page)
    a_preview_is_made(upload, {"new": (1, 7)})
    wish_quiet(upload=upload, actor=upload.owner, at=backends().clock(), choices=CHOSEN)

    assert in_form(client.get(page)) == previewed(upload) == CHOSEN
