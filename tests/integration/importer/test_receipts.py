"""Receipts on the upload's page and by script: each says what its own run did, and why it brought nothing."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from builders import NOON, a_member, a_project, publish_files
from importing import World, fill
from moorage.accounts.tokens import create_token
from moorage.backends import backends
from moorage.importer.lists.kept import SENT
from moorage.importer.lists.listed import Listed
from moorage.importer.lists.writing import write_list
from moorage.notices.models import Notice
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
    return client.get(f"/api/v1/uploads/{upload.pk}/{path}".rstrip("/"), headers=headers)


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


def an_import_with_a_doubtful_file(world: World) -> Upload:
    """A list says otherwise of `half`, and names a file that is not there."""
    upload, area = world.an_area()
    fill(area, {"good": b"good", "half": b"half", BAD: b"bad"})
    (area / "SHA256SUMS").write_text("".join(f"{'0' * 64}  {name}\n" for name in ("half", "gone")))
    world.seal(upload)
    return world.work(upload)


def test_links_of_a_receipt_lead_to_what_its_own_run_left(world: World) -> None:
    upload = an_import_with_a_doubtful_file(world)
    address = f"/uploads/{upload.pk}"
    assert f'<a href="{address}/missing/">1 file missing' in page_of(upload)
    retried(world, upload, ImportChoices(include=("doubtful",)))

    page = page_of(upload)

    for link, number in {
        "problems/1/?verdict=doubtful": 1,
        "problems/1/?verdict=rejected": 1,
        "problems/2/?verdict=rejected": 1,
        "entries/?verdict=new&amp;run=1": 2,
        "entries/?verdict=new&amp;run=2": 1,
    }.items():
        assert f'<a href="{address}/{link}">{number} file{"s" if number > 1 else ""}</a>' in page
    assert page.count(f'href="{address}/missing/"') == 1, "of the newest run only"
    assert page.count("1 file missing: lists or Globus name what was not there") == 2
    doubtful = page_of(upload, "problems/1/?verdict=doubtful")
    assert "half" in doubtful
    assert "control characters" not in doubtful
    rejected = page_of(upload, "problems/1/?verdict=rejected")
    assert "half" not in rejected
    assert "control characters" in rejected
    brought = page_of(upload, "entries/?verdict=new&run=1")
    assert "good" in brought
    assert "half" not in brought
    assert "half" in page_of(upload, "entries/?verdict=new&run=2")


def test_what_a_run_that_published_nothing_would_have_brought_is_a_mere_number(world: World) -> None:
    project = a_project()
    publish_files(project, {"a": b"old"}, store=world.store)
    upload = world.a_sealed_upload({"a": b"new", "b": b"b"}, project)
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(on_conflict="fail").as_json())
    world.work(upload)
    assert "<dt>Would have been new</dt> <dd>1 file, 1 byte</dd>" in page_of(upload)


def test_a_cancelled_retry_does_not_hide_what_is_left_to_retry(world: World) -> None:
    upload = an_import_with_a_doubtful_file(world)
    before = ask(upload, "").json()["verdicts"]

    cancelled(world, upload)

    assert ask(upload, "").json()["verdicts"] == before == {"new": 2, "doubtful": 1, "rejected": 1}
    page = page_of(upload)
    assert "with the doubtful files" in page
    assert f'<a href="/uploads/{upload.pk}/missing/">1 file missing' in page


def test_what_is_missing_says_when_it_is_not_what_the_newest_run_found(world: World) -> None:
    upload = an_import_with_a_doubtful_file(world)
    assert "have changed since" not in page_of(upload, "missing/")
    rows = [Listed(path, None, "sha256", "0" * 64, 1) for path in (b"gone", b"gone, too")]
    write_list(upload_id=upload.pk, source=SENT, rows=rows, at=backends().clock())
    assert "When run 1 ended, 1 file was missing. Lists or files have changed since" in page_of(upload, "missing/")


def test_a_script_gets_the_receipt_of_any_run(world: World) -> None:
    upload = an_import_with_a_doubtful_file(world)
    retried(world, upload)
    cancelled(world, upload)

    published, fruitless, ended_early = (ask(upload, f"receipt?run={run}").json() for run in (1, 2, 3))

    assert (published["revision"], published["reason"]) == (1, None)
    assert (fruitless["run"], fruitless["revision"], fruitless["reason"]["code"]) == (2, None, "import.nothing_good")
    assert ended_early["reason"] == {"code": "cancelled", "message": f"Cancelled by {upload.owner}."}
    assert ask(upload, "receipt").json() == published, "the newest that published"
    assert ask(upload, "receipt?run=1&revision=1").json() == published
    assert {row["path"]: row["code"] for row in rows_of(upload, "?run=2")} == {
        "": "import.nothing_good",
        BAD: "path.control_characters",
        "half": "entry.differs",
        "gone": "list.missing",
    }


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("run=2", "This upload has no run 2 that has ended. Runs are counted from 1; the newest that has ended is 1."),
        ("run=0", "no run 0"),
        (f"run={10**30}", "no run 1000"),
        ("run=1&revision=7", "no run 1 that has ended and has published revision 7"),
    ],
)
def test_of_a_run_that_there_is_not_there_is_no_receipt(world: World, query: str, says: str) -> None:
    answer = ask(world.imported({"good": b"good"}), f"receipt?{query}")
    assert (answer.status_code, answer.json()["code"]) == (404, "receipt.not_found")
    assert says in answer.json()["message"]


def test_a_run_that_published_nothing_does_not_say_that_it_imported_every_file(world: World) -> None:
    upload = world.imported({"good": b"good", BAD: b"bad"})
    cancelled(world, upload)

    page = page_of(upload, "problems/2/")

    assert "This run imported every file" not in page
    assert f"Cancelled by {upload.owner}." in page


def test_what_is_no_rule_is_told_by_the_run_and_the_upload(world: World) -> None:
    upload = world.imported({"good": b"good", ".moorageignore": b"*.tmp\n[\n"})
    told = "Line 2 of .moorageignore is no rule: a “[” has no “]”."

    assert ask(upload, "receipt").json()["warnings"] == [{"code": "ignore.bad_rules", "message": told}]
    assert escape(told) in page_of(upload)
    assert told in ask(upload, "").json()["state_text"]
    assert told in Notice.objects.get(member=upload.owner).text


def test_rules_that_were_not_asked_are_not_warned_of(world: World) -> None:
    upload = world.a_sealed_upload({"good": b"good", ".moorageignore": b"[\n"})
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(include=("skipped",)).as_json())
    world.work(upload)
    assert ask(upload, "receipt").json()["warnings"] == []


def test_each_receipt_has_its_own_choices_and_the_facts_those_that_were_followed(world: World) -> None:
    upload = world.a_sealed_upload({"good": b"good", BAD: b"bad"})
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(target="raw").as_json())
    world.work(upload)
    retry_upload(upload=upload, actor=upload.owner, at=backends().clock(), choices=ImportChoices(target="other"))
    assert "<dt>Chosen for the import</dt><dd>into other</dd>" in page_of(upload)
    cancel_import(upload=upload, actor=upload.owner, at=backends().clock())

    page = page_of(upload)

    assert "<dt>Chosen for the import</dt><dd>into raw</dd>" in page
    assert "<dt>Chosen</dt><dd>into raw</dd>" in page
    assert "into other" not in page
    assert f'href="/projects/{upload.project_id}/files/?path=raw&amp;revision=1">see the files' in page
    chosen: dict[str, object] = {"on_conflict": None, "target": "raw", "paths": [], "include": []}
    assert ask(upload, "receipt").json()["choices"] == chosen


def test_facts_of_several_runs_say_which_followed_what(world: World) -> None:
    upload = an_import_with_a_doubtful_file(world)
    retried(world, upload, ImportChoices(target="late", include=("doubtful",)))
    told = "<dt>Chosen for the import</dt><dd>into late, with doubtful files (revision 2)</dd>"
    assert told in page_of(upload)


def test_after_a_conflict_looking_first_is_the_way_on(world: World) -> None:
    project = a_project()
    publish_files(project, {"a": b"old"}, store=world.store)
    upload = world.a_sealed_upload({"a": b"new"}, project)
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(on_conflict="fail").as_json())
    world.work(upload)

    page = page_of(upload)

    assert f'<a class="btn btn-primary" href="/uploads/{upload.pk}/retry/">' in page
    assert page.count("btn-primary") == 1
    assert "<dd>import nothing if a file differs from the project&#x27;s</dd>" in page


def test_a_receipt_is_numbered_by_its_run_and_leads_to_its_csv(world: World) -> None:
    upload = world.imported({"good": b"good", BAD: b"bad"})
    page = page_of(upload)
    assert "Receipt: revision 1" in page
    assert "(run 1)" in page
    address = f"/uploads/{upload.pk}/receipts/1.csv"
    assert f'href="{address}"' in page
    client = Client()
    client.force_login(upload.owner)
    lines = b"".join(client.get(address)).decode().splitlines()
    assert lines == b"".join(ask(upload, "receipt", Accept="text/csv")).decode().splitlines()
    assert client.get(f"/uploads/{upload.pk}/receipts/9.csv").status_code == 404
    client.force_login(a_member())
    assert client.get(address).status_code == 404


def test_the_lines_of_a_receipt_add_up_to_its_counts(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good", "half": b"half", BAD: b"bad", "left.tmp": b"left", ".moorageignore": b"*.tmp\n"})
    fill(area, {f"folder {BAD}/": b""})
    (area / "SHA256SUMS").write_text(f"{'0' * 64}  half\n")
    (area / "link").symlink_to("good")
    world.seal(upload)
    world.work(upload)

    rows = rows_of(upload)

    summed: dict[str, dict[str, int]] = {}
    for row in rows:
        if row["kind"] != "directory":
            one = summed.setdefault(row["verdict"], {"files": 0, "bytes": 0})
            one["files"] += 1
            one["bytes"] += int(row["size_bytes"] or 0)
    document = ask(upload, "receipt").json()
    assert summed == document["verdicts"]
    assert set(summed) == {"new", "doubtful", "skipped", "rejected"}
    assert [row["kind"] for row in rows if row["path"] == "link"] == ["symlink"]


def test_times_have_one_form(world: World) -> None:
    upload = world.imported({"good": b"good", BAD: b"bad"})
    document, receipt = ask(upload, "").json(), ask(upload, "receipt").json()
    assert receipt["ended_at"] == document["imported_at"]
    assert all(receipt[name].endswith("Z") for name in ("started_at", "ended_at"))
    [kept] = [row["kept_until"] for row in rows_of(upload) if row["kept_until"]]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", kept)
