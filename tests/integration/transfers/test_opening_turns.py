"""Opening an upload beside its end: each waits for the other, in one order, so that the database ends neither."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from builders import a_globus_member, a_project
from fakes.globus import InMemoryTransferService
from moorage.transfers import discarding, opening
from moorage.transfers.discarding import start_discarding
from moorage.transfers.grants import withdraw_all
from moorage.transfers.models import Upload
from moorage.transfers.opening import open_upload, prepare_upload
from moorage.transfers.states import UploadTransitionError

from .conftest import Clock

pytestmark = pytest.mark.django_db(transaction=True)


def test_delete_and_opening_wait_for_each_other(
    globus: InMemoryTransferService,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    in_thread: Callable[..., Future[Any]],
) -> None:
    owner = a_globus_member(globus)
    upload = open_upload(project=a_project(owner), actor=owner, name="Scan", at=clock())
    has_noted, has_begun = threading.Event(), threading.Event()
    note = opening._note_seen

    def note_slowly(*given: Any, **named: Any) -> None:
        note(*given, **named)
        has_noted.set()
        has_begun.wait(1)
        time.sleep(0.2)

    def withdraw_late(of: Any) -> None:
        has_begun.set()
        has_noted.wait(1)
        withdraw_all(of)

    monkeypatch.setattr(opening, "_note_seen", note_slowly)
    monkeypatch.setattr(discarding, "withdraw_all", withdraw_late)

    opened = in_thread(lambda: prepare_upload(Upload.objects.get(pk=upload.pk), at=clock()))
    assert has_noted.wait(10)
    deleted = in_thread(lambda: start_discarding(upload=Upload.objects.get(pk=upload.pk), actor=owner, at=clock()))

    assert opened.result(20)
    # It has waited until the upload was open, which is another state than it was read in.
    assert isinstance(deleted.exception(20), UploadTransitionError)
