"""The progress of a running import on its page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains

from builders import an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.backends import backends
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_cache")]


def _an_import_that_runs(globus: InMemoryTransferService, **columns: object) -> tuple[Upload, str]:
    """Half of its bytes were in one file; most of its files are still to come."""
    upload, at = an_open_upload(globus), backends().clock()
    how_far = {"files_total": 60_001, "files_done": 6_184, "bytes_total": 11_900_000, "bytes_done": 5_950_000}
    Upload.objects.filter(pk=upload.pk).update(
        state=UploadState.IMPORTING, step="digest", import_started_at=at - timedelta(seconds=60), **how_far, **columns
    )
    return upload, f"/uploads/{upload.pk}/"


def _client_of(upload: Upload) -> Client:
    client = Client()
    client.force_login(upload.owner)
    return client


def test_an_import_of_many_small_files_is_as_far_as_its_files(globus: InMemoryTransferService) -> None:
    upload, page = _an_import_that_runs(globus)

    answer = _client_of(upload).get(page)

    assertContains(answer, 'value="10"')
    assertContains(answer, "8 min 40 s left")
    assertNotContains(answer, "50 %")


def test_an_import_that_is_being_cancelled_promises_no_end(globus: InMemoryTransferService) -> None:
    upload, page = _an_import_that_runs(globus, cancel_asked_at=backends().clock())

    answer = _client_of(upload).get(page)

    assertContains(answer, "Being cancelled")
    assertNotContains(answer, " left</span>")
