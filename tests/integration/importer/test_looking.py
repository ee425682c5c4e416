"""A worker's look for work: what can be claimed is seen, and a look costs one statement that is made once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from importing import World
from moorage.jobs import downloads, imports, previews, revisions
from moorage.jobs.looking import Look
from moorage.jobs.worker import Crew
from moorage.leases import LeaseWatch
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_look_sees_what_comes_and_what_is_at_work_and_not_what_has_ended(world: World) -> None:
    look = Look(imports.waiting)
    assert not look()

    upload = world.a_sealed_upload({"a": b"a"})
    assert look()
    assert imports.claim_next(LeaseWatch()) is not None
    assert look()  # its worker may be gone
    Upload.objects.filter(pk=upload.pk).update(state=UploadState.IMPORTED.value)

    assert not look()


@pytest.mark.parametrize("waiting", [imports.waiting, previews.waiting, revisions.waiting, downloads.waiting])
def test_a_look_is_one_statement_that_gives_one_row(waiting: Callable[[], object]) -> None:
    look = Look(waiting)  # type: ignore[arg-type]
    look()

    with CaptureQueriesContext(connection) as asked:
        assert look() is False

    [statement] = asked.captured_queries
    assert "LIMIT 1" in statement["sql"]


@pytest.mark.parametrize("may_find", [True, False])
def test_a_crew_claims_nothing_when_its_look_has_seen_nothing(*, may_find: bool) -> None:
    stop, asked = threading.Event(), threading.Event()

    def find() -> None:
        asked.set()

    crew = Crew("test", 1, find, stop, may_find=lambda: may_find, idle_seconds=0.01)
    crew.start()
    was_asked = asked.wait(0.3 if not may_find else 10)
    stop.set()
    crew.join(until=time.monotonic() + 10)

    assert was_asked is may_find
