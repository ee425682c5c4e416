"""A retry by script: with the choices that the upload had, but for those that are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from builders import a_file_arrives, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.accounts.models import Member
from moorage.backends import backends
from moorage.jobs.imports import claim_next
from moorage.jobs.sweeps.closing import seal
from moorage.leases import LeaseWatch
from moorage.projects.choices import ImportChoices
from moorage.transfers.cancelling import cancel_import
from moorage.transfers.models import Upload
from moorage.transfers.sealing import start_sealing

pytestmark = pytest.mark.django_db(transaction=True)

Asks = Callable[[Member], Callable[..., Any]]

CHOICES = {"on_conflict": "fail", "target": "big", "paths": ["a.txt"], "include": ["doubtful"]}
NONE: dict[str, object] = {"on_conflict": None, "target": "", "paths": [], "include": []}


@pytest.fixture
def upload(globus: InMemoryTransferService) -> Upload:
    """Done with choices, and cancelled."""
    return _a_cancelled_upload(globus)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"on_conflict": "skip"},
        {"on_conflict": None},
        {"target": "other"},
        {"target": ""},
        {"paths": ["b.txt"]},
        {"paths": []},
        {"include": []},
        {"when": "now", "on_conflict": "version", "include": ["skipped"]},
        NONE,
    ],
    ids=str,
)
@pytest.mark.parametrize("route", ["retry", "check"])
def test_what_is_left_out_stays_as_it_was_chosen(
    upload: Upload, api_of: Asks, route: str, given: dict[str, object]
) -> None:
    answer = api_of(upload.owner)("POST", f"/uploads/{upload.pk}/{route}", given)

    document = answer.json() if route == "retry" else answer.json()["preview"]
    chosen = {name: value for name, value in given.items() if name != "when"}
    assert (answer.status_code, document["choices"]) == (202, CHOICES | chosen)


@pytest.mark.parametrize("route", ["retry", "check"])
def test_an_empty_way_with_conflicts_is_the_projects(upload: Upload, api_of: Asks, route: str) -> None:
    answer = api_of(upload.owner)("POST", f"/uploads/{upload.pk}/{route}", {"on_conflict": ""})
    document = answer.json() if route == "retry" else answer.json()["preview"]
    assert (answer.status_code, document["choices"]) == (202, CHOICES | {"on_conflict": None})


def test_a_target_of_null_is_the_projects_top(upload: Upload, api_of: Asks) -> None:
    answer = api_of(upload.owner)("POST", f"/uploads/{upload.pk}/retry", {"target": None})
    assert answer.json()["choices"] == CHOICES | {"target": ""}


@pytest.mark.parametrize("route", ["retry", "check", "done"])
def test_null_is_as_the_project_has_it_for_every_choice(
    upload: Upload, globus: InMemoryTransferService, api_of: Asks, route: str
) -> None:
    if route == "done":
        upload = an_open_upload(globus)
        a_file_arrives(upload, "a.txt")

    answer = api_of(upload.owner)("POST", f"/uploads/{upload.pk}/{route}", dict.fromkeys(CHOICES))

    assert answer.status_code == 202, answer.json()
    document = answer.json()["preview"] if route == "check" else answer.json()
    assert document["choices"] == NONE


def test_what_is_left_out_of_done_is_as_the_project_has_it(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a.txt")
    ask = api_of(upload.owner)
    ask("POST", f"/uploads/{upload.pk}/done", {"when": "quiet", **CHOICES})

    assert ask("POST", f"/uploads/{upload.pk}/check", {}).json()["preview"]["choices"] == NONE
    assert ask("POST", f"/uploads/{upload.pk}/done", {}).json()["choices"] == NONE


def test_a_retry_that_comes_too_early_or_too_late_is_a_conflict(
    globus: InMemoryTransferService, upload: Upload, api_of: Asks
) -> None:
    ask, closing = api_of(upload.owner), an_open_upload(globus)
    a_file_arrives(closing, "a.txt")
    start_sealing(upload=closing, actor=closing.owner, at=backends().clock())
    early = api_of(closing.owner)("POST", f"/uploads/{closing.pk}/retry", {})
    assert (early.status_code, early.json()["code"]) == (409, "upload.nothing_to_retry")

    ask("POST", f"/uploads/{upload.pk}/retry", {})
    waiting = ask("POST", f"/uploads/{upload.pk}/retry", {"target": "other"})
    assert (waiting.status_code, waiting.json()["choices"]) == (202, CHOICES | {"target": "other"})
    assert claim_next(LeaseWatch()) is not None
    assert ask("POST", f"/uploads/{upload.pk}/retry", {"target": "other"}).status_code == 202, "the same again"
    late = ask("POST", f"/uploads/{upload.pk}/retry", {"target": "third"})
    assert (late.status_code, late.json()["code"]) == (409, "upload.import_runs")


def _a_cancelled_upload(globus: InMemoryTransferService) -> Upload:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a.txt")
    chosen = ImportChoices("fail", "big", ("a.txt",), ("doubtful",))
    start_sealing(upload=upload, actor=upload.owner, at=backends().clock(), choices=chosen)
    seal(backends().clock())
    upload.refresh_from_db()
    cancel_import(upload=upload, actor=upload.owner, at=backends().clock())
    return upload
