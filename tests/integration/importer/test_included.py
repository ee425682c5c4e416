"""What is imported although it is doubtful, or not what a list says, is told wherever people look for it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from hashlib import sha256

import pytest
from django.test import Client

from builders import NOON, a_project, publish_files
from importing import World, fill
from moorage.accounts.tokens import create_token
from moorage.backends import backends
from moorage.importer.shown.entries import entries_page
from moorage.importer.shown.included import doubts_of
from moorage.importer.shown.receipts import receipts
from moorage.notices.models import Notice
from moorage.projects.choices import ImportChoices
from moorage.projects.models import Project
from moorage.transfers import doubt
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload
from moorage.transfers.wording import state_label, state_text
from suspects import a_task_fails

pytestmark = pytest.mark.django_db(transaction=True)

CODE = "entry.included_although_doubtful"
ONE_DOUBTFUL = "1 file was imported although a transfer may have left it incomplete."
ONE_DIFFERENT = "1 file was imported although it is not what a list of digests says."


@pytest.fixture(autouse=True)
def _without_margins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubt, "SUSPECTED_AROUND", timedelta(0))
    monkeypatch.setattr(doubt, "CLEARED_AROUND", timedelta(0))


def with_doubtful(world: World, project: Project | None = None, *, target: str = "") -> Upload:
    """A transfer failed while `half` arrived, a list says otherwise of `other`; both are imported in a second run."""
    upload, area = world.an_area(project)
    sums = f"{sha256(b'whole').hexdigest()}  whole\n{'0' * 64}  other\n"
    fill(area, {"whole": b"whole", "other": b"other", "SHA256SUMS": sums.encode()})
    with a_task_fails(upload):
        fill(area, {"half": b"ha"})
    world.seal(upload)
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(target=target).as_json())
    world.work(upload)
    choices = ImportChoices(target=target, include=("doubtful",))
    retry_upload(upload=upload, actor=upload.owner, at=backends().clock(), choices=choices)
    return world.work(upload)


def page_of(upload: Upload, address: str) -> str:
    client = Client()
    client.force_login(upload.owner)
    shown = client.get(address)
    assert shown.status_code == 200
    return " ".join(shown.content.decode().split())


def test_the_run_the_upload_and_the_notice_say_so(world: World) -> None:
    upload = with_doubtful(world)

    newest, first = receipts(upload.pk)
    assert newest.warnings == [{"code": CODE, "sentence": ONE_DOUBTFUL}, {"code": CODE, "sentence": ONE_DIFFERENT}]
    assert first.warnings == []
    assert state_label(upload).label == "Imported, with warnings"
    assert state_text(upload) == f"Imported. All of its files are in the project. {ONE_DOUBTFUL} {ONE_DIFFERENT}"
    notice = Notice.objects.get(member=upload.owner, subject="Imported, with warnings: Scan 42")
    assert ONE_DOUBTFUL in notice.text
    assert "Nothing needs to be done" not in notice.text


def test_the_receipt_names_them_as_csv_and_by_its_page(world: World) -> None:
    upload = with_doubtful(world)
    _, token = create_token(upload.owner, "test", at=NOON)
    script = Client(headers={"Authorization": f"Bearer {token}"})

    answer = script.get(f"/api/v1/uploads/{upload.pk}/receipt", headers={"Accept": "text/csv"})

    rows = {row["path"]: row for row in csv.DictReader(io.StringIO(b"".join(answer).decode()))}
    assert {path: (row["verdict"], row["code"]) for path, row in rows.items()} == {
        "half": ("new", CODE),
        "other": ("new", CODE),
    }
    assert rows["half"]["reason"] == "It was imported although a transfer may have left it incomplete."
    assert rows["other"]["reason"] == "It was imported although it is not what a list of digests says."
    address = f"/uploads/{upload.pk}/"
    assert f'<a href="{address}entries/?warning={CODE}&amp;run=2">{ONE_DOUBTFUL}</a>' in page_of(upload, address)
    named = page_of(upload, f"{address}entries/?warning={CODE}&run=2")
    assert rows["half"]["reason"] in named
    assert "whole" not in named


def test_the_pages_of_the_files_say_so(world: World) -> None:
    upload = with_doubtful(world, target="raw")

    files = f"/projects/{upload.project_id}/file/?path="
    assert "a transfer may have left it incomplete" in page_of(upload, f"{files}raw/half")
    assert "it is not what a list of digests says" in page_of(upload, f"{files}raw/other")
    assert "It was imported although" not in page_of(upload, f"{files}raw/whole")
    assert doubts_of(upload.project_id, "half", {1, 2}) == {}


def test_what_came_whole_before_is_not_doubtful_any_more(world: World) -> None:
    project = a_project()
    publish_files(project, {"half": b"ha", "other": b"other"}, store=world.store)

    upload = with_doubtful(world, project)

    newest = receipts(upload.pk)[0]
    assert newest.warnings == [{"code": CODE, "sentence": ONE_DIFFERENT}]
    assert [entry.path for entry in entries_page(upload.pk, warning=CODE, run=newest.run).items] == ["other"]
