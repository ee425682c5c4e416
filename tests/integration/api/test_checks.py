"""Previews, lists of digests, choices and cancelling by script."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from django.test import Client

from builders import NOON, a_file_arrives, a_member, a_membership, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.accounts.models import Member
from moorage.accounts.tokens import create_token
from moorage.backends import backends
from moorage.importer.asked.sent_lists import MOST_BYTES
from moorage.importer.models import ExpectedFile, ExpectedList
from moorage.jobs.imports import claim_next
from moorage.jobs.sweeps.closing import seal
from moorage.leases import LeaseWatch
from moorage.projects.choices import ImportChoices
from moorage.projects.models import Role
from moorage.transfers.models import Upload
from moorage.transfers.sealing import start_sealing
from previewing import a_preview_is_made

pytestmark = pytest.mark.django_db(transaction=True)

Asks = Callable[[Member], Callable[..., Any]]

CHOICES = {"on_conflict": "skip", "target": "raw/2026", "paths": ["a", "b/c"], "include": ["doubtful", "skipped"]}
LINE = f"{sha256(b'counts').hexdigest()}  a.txt\n"


def test_a_preview_is_asked_for_and_its_counts_are_the_uploads(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a.txt")
    ask = api_of(upload.owner)

    asked = ask("POST", f"/uploads/{upload.pk}/check", {"digest": True, **CHOICES})

    assert asked.status_code == 202
    assert asked.json()["preview"] | {"choices": CHOICES} == asked.json()["preview"]
    assert (asked.json()["preview"]["state"], asked.json()["preview"]["digest"]) == ("wanted", True)
    assert ask("POST", f"/uploads/{upload.pk}/check", {"digest": True, **CHOICES}).json() == asked.json()
    a_preview_is_made(
        upload,
        {"new": (2, 9), "skipped": (1, 4)},
        [{"code": "entry.ignored", "sentence": "Left out.", "files": 1, "bytes": 4, "verdict": "skipped"}],
    )
    document = ask("GET", f"/uploads/{upload.pk}").json()
    assert document["verdicts"] == {"new": 2, "skipped": 1}
    assert document["preview"]["verdicts"] == {"new": {"files": 2, "bytes": 9}, "skipped": {"files": 1, "bytes": 4}}
    assert document["preview"]["causes"] == [
        {"code": "entry.ignored", "message": "Left out.", "verdict": "skipped", "files": 1, "bytes": 4, "folders": 0}
    ]
    assert (document["preview"]["state"], document["preview"]["holds"]) == ("ready", True)


@pytest.mark.parametrize("when", ["now", "quiet"])
def test_done_takes_all_choices(globus: InMemoryTransferService, api_of: Asks, when: str) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a.txt")

    answer = api_of(upload.owner)("POST", f"/uploads/{upload.pk}/done", {"when": when, **CHOICES})

    assert (answer.status_code, answer.json()["choices"]) == (202, CHOICES)
    upload.refresh_from_db()
    assert upload.import_choices == ImportChoices("skip", "raw/2026", ("a", "b/c"), ("doubtful", "skipped"))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"on_conflict": "overwrite"}, "invalid_input"),
        ({"include": ["everything"]}, "invalid_input"),
        ({"target": "../up"}, "import.choices"),
        ({"paths": [""]}, "import.choices"),
    ],
)
@pytest.mark.parametrize("route", ["check", "done", "retry"])
def test_a_wrong_choice_is_wrong_everywhere(
    globus: InMemoryTransferService, api_of: Asks, route: str, wrong: dict[str, object], code: str
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a.txt")

    answer = api_of(upload.owner)("POST", f"/uploads/{upload.pk}/{route}", wrong)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_list_is_sent_replaced_and_taken_back(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    send = _sender(upload.owner, upload)

    first = send(f"{sha256(b'1').hexdigest()} *old.txt\n")
    assert (first.status_code, [one["files"] for one in first.json()["checksums"]]) == (200, [1])
    second = send("path,size\na.txt,7\nb.txt,\n", "text/csv")
    [kept] = second.json()["checksums"]
    assert (kept["source"], kept["files"]) == (None, 2)
    rows = ExpectedFile.objects.filter(upload_id=upload.pk).order_by("pk")
    assert [(bytes(row.path), row.size_bytes) for row in rows] == [(b"a.txt", 7), (b"b.txt", None)]
    taken_back = api_of(upload.owner)("DELETE", f"/uploads/{upload.pk}/checksums")
    assert (taken_back.status_code, taken_back.json()["checksums"]) == (200, [])


def test_the_name_of_a_list_keeps_no_characters_that_no_database_keeps(
    globus: InMemoryTransferService, api_of: Asks
) -> None:
    upload = an_open_upload(globus)

    sent = _sender(upload.owner, upload)("path,size\na.txt,7\n", "text/csv", QUERY_STRING="name=a%00b")

    assert (sent.status_code, ExpectedList.objects.get(upload_id=upload.pk).name) == (200, "a b")


def test_what_is_missing_is_listed_in_pages(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    _sender(upload.owner, upload)("path,size,sha256\nb,7,\na,," + sha256(b"a").hexdigest() + "\n", "text/csv")
    ask, route = api_of(upload.owner), f"/uploads/{upload.pk}/checksums/missing"

    first = ask("GET", f"{route}?limit=1").json()
    second = ask("GET", f"{route}?limit=1&cursor={first['next']}").json()

    assert first["items"] == [{"path": "b", "size_bytes": 7, "digest": None, "source": None}]
    assert second["items"][0]["digest"] == sha256(b"a").hexdigest()
    assert second["next"] is None
    assert ask("GET", f"/uploads/{upload.pk}/entries?compared=extra").json() == {"items": [], "next": None}


def test_a_list_with_a_fault_leaves_the_one_before(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    send = _sender(upload.owner, upload)
    send(LINE)

    refused = send(f"{LINE}nonsense\n")

    assert (refused.status_code, refused.json()["code"], refused.json()["line"]) == (
        422,
        "checksums.not_understood",
        2,
    )
    document = api_of(upload.owner)("GET", f"/uploads/{upload.pk}").json()
    assert [one["files"] for one in document["checksums"]] == [1]


def test_a_list_may_be_longer_than_any_form_and_not_endless(globus: InMemoryTransferService) -> None:
    upload = an_open_upload(globus)
    send = _sender(upload.owner, upload)
    digest = sha256(b"counts").hexdigest()
    long = "".join(f"{digest}  {number:0200}\n" for number in range(5000))

    assert len(long) > 2**20
    assert send(long).json()["checksums"][0]["files"] == 5000
    too_long = send("x", CONTENT_LENGTH=str(MOST_BYTES + 2**20))
    assert (too_long.status_code, too_long.json()["code"]) == (413, "request.too_large")


def test_a_list_makes_the_preview_anew(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    ask = api_of(upload.owner)
    ask("POST", f"/uploads/{upload.pk}/check", {"target": "raw"})
    a_preview_is_made(upload, {"new": (1, 1)})

    preview = _sender(upload.owner, upload)(LINE).json()["preview"]

    assert (preview["state"], preview["choices"]["target"], preview["holds"]) == ("wanted", "raw", False)


def test_what_comes_too_late_is_refused(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = _a_sealed_upload(globus)
    ask = api_of(upload.owner)
    for answer in (ask("POST", f"/uploads/{upload.pk}/check", {}), _sender(upload.owner, upload)(LINE)):
        assert (answer.status_code, answer.json()["code"]) == (409, "upload.nothing_to_check")


def test_another_editor_may_look_and_not_ask(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload, editor = an_open_upload(globus), a_member()
    a_membership(upload.project, editor, Role.EDITOR)
    ask = api_of(editor)
    assert ask("POST", f"/uploads/{upload.pk}/check", {}).status_code == 403
    assert ask("POST", f"/uploads/{upload.pk}/cancel", {}).status_code == 403
    assert _sender(editor, upload)(LINE).status_code == 403


def test_an_import_that_waits_is_cancelled_and_retried_with_other_choices(
    globus: InMemoryTransferService, api_of: Asks
) -> None:
    upload = _a_sealed_upload(globus)
    ask = api_of(upload.owner)

    cancelled = ask("POST", f"/uploads/{upload.pk}/cancel", {})

    assert cancelled.status_code == 202
    assert (cancelled.json()["state"], cancelled.json()["reason"]) == ("failed", "cancelled")
    again = ask("POST", f"/uploads/{upload.pk}/cancel", {})
    assert (again.status_code, again.json()) == (202, cancelled.json())
    retried = ask("POST", f"/uploads/{upload.pk}/retry", CHOICES)
    assert (retried.status_code, retried.json()["state"], retried.json()["choices"]) == (202, "sealed", CHOICES)


def test_a_running_import_is_asked_to_end(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = _a_sealed_upload(globus)
    assert claim_next(LeaseWatch()) is not None

    answer = api_of(upload.owner)("POST", f"/uploads/{upload.pk}/cancel", {})

    assert (answer.status_code, answer.json()["state"]) == (202, "importing")
    assert answer.json()["state_text"].startswith("Being cancelled.")


def test_where_nothing_runs_cancel_is_refused(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    answer = api_of(upload.owner)("POST", f"/uploads/{upload.pk}/cancel", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "upload.nothing_to_cancel")


def test_a_project_has_defaults_for_its_imports(globus: InMemoryTransferService, api_of: Asks) -> None:
    project = an_open_upload(globus).project
    ask = api_of(project.created_by)

    kept = ask("PATCH", f"/projects/{project.pk}", {"on_conflict": "fail", "ignore_rules": "*.tmp\n"}).json()

    assert (kept["on_conflict"], kept["ignore_rules"], kept["name"]) == ("fail", "*.tmp", project.name)
    refused = ask("PATCH", f"/projects/{project.pk}", {"name": "Other", "ignore_rules": "ok\n[\n"})
    assert (refused.status_code, refused.json()["code"], refused.json()["line"]) == (422, "project.ignore_rules", 2)
    assert ask("GET", f"/projects/{project.pk}").json() == kept, "all or nothing of it"
    editor = a_member()
    a_membership(project, editor, Role.EDITOR)
    assert api_of(editor)("PATCH", f"/projects/{project.pk}", {"on_conflict": "skip"}).status_code == 403


def _a_sealed_upload(globus: InMemoryTransferService) -> Upload:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a.txt")
    start_sealing(upload=upload, actor=upload.owner, at=backends().clock())
    seal(backends().clock())
    upload.refresh_from_db()
    return upload


def _sender(member: Member, upload: Upload) -> Callable[..., Any]:
    _, plain = create_token(member, "test", at=NOON)
    client = Client(headers={"Authorization": f"Bearer {plain}"})

    def send(text: str, kind: str = "text/plain", **extra: Any) -> Any:
        return client.put(f"/api/v1/uploads/{upload.pk}/checksums", text.encode(), content_type=kind, **extra)

    return send
