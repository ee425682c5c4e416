"""Receipts on the upload's page and by script: each says what its own run did, and why it brought nothing."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from builders import NOON, a_project, publish_files
from importing import World
from moorage.accounts.tokens import create_token
from moorage.backends import backends
from moorage.projects.choices import ImportChoices
from moorage.transfers.cancelling import cancel_import
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload

pytestmark = pytest.mark.django_db(transaction=True)

BAD = "bad\x01name"  # enters no project


def page_of(upload: Upload, path: str = "") -> str:
    client = Client()
    client.force_login(upload.owner)
    shown = client.get(f"/uploads/{upload.pk}/{path}")
    assert shown.status_code == 200
    return " ".join(shown.content.decode().split())


def ask(upload: Upload, path: str, **headers: str) -> Any:
    _, token = create_token(upload.owner, "test", at=NOON)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    return client.get(f"/api/v1/uploads/{upload.pk}/{path}", headers=headers)


def rows_of(upload: Upload, query: str = "") -> list[dict[str, str]]:
    answer = ask(upload, f"receipt{query}", Accept="text/csv")
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode())))


def retried(world: World, upload: Upload, choices: ImportChoices | None = None) -> Upload:
    retry_upload(upload=upload, actor=upload.owner, at=backends().clock(), choices=choices)
    return world.work(upload)


def cancelled(world: World, upload: Upload) -> Upload:
    """A retry that a worker has begun is cancelled."""
    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())
    Upload.objects.filter(pk=upload.pk).update(cancel_asked_at=backends().clock(), cancel_asked_by=upload.owner)
    return world.work(upload)


def test_a_run_that_a_conflict_stopped_says_so_also_after_later_ones(world: World) -> None:
    project = a_project()
    publish_files(project, {"a": b"old"}, store=world.store)
    upload = world.a_sealed_upload({"a": b"new"}, project)
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(on_conflict="fail").as_json())
    world.work(upload)
    told = {"code": "import.conflict", "message": upload.reason_text}
    assert (upload.reason, ask(upload, "receipt").json()["reason"]) == ("import.conflict", told)
    [row] = rows_of(upload)
    assert (row["path"], row["verdict"], row["code"], row["reason"]) == ("", "failed", *told.values())

    retried(world, upload, ImportChoices(on_conflict="version"))

    assert (upload.state, upload.reason_text) == ("imported", "")
    assert f"<dt>Why</dt><dd>{escape(told['message'])}</dd>" in page_of(upload)
    assert ask(upload, "receipt").json()["reason"] is None
    assert [row["path"] for row in rows_of(upload)] == ["a"]


def test_a_cancelled_retry_of_what_was_published_is_told(world: World) -> None:
    upload = world.imported({"good": b"good", BAD: b"bad"})
    who = f"Cancelled by {upload.owner}."

    cancelled(world, upload)

    assert (upload.state, upload.problems) == ("imported", 1)
    page = page_of(upload)
    assert f"The last retry brought nothing. {who}" in page
    assert f"<dt>Why</dt><dd>{who}</dd>" in page
    retried(world, upload)
    page = page_of(upload)
    assert "The last retry brought nothing" not in page
    assert f"<dt>Why</dt><dd>{who}</dd>" in page


def test_a_retry_that_is_cancelled_while_it_waits_is_told(world: World) -> None:
    upload = world.imported({"good": b"good", BAD: b"bad"})
    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())
    cancel_import(upload=upload, actor=upload.owner, at=backends().clock())
    assert f"The last retry brought nothing. Cancelled by {upload.owner}." in page_of(upload)
