"""What the web app's forms accept: sent twice, sent from elsewhere, sent by nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from file_manager_page import link_to
from local_globus import COMMONS, LAB, LocalGlobusProcess

pytestmark = pytest.mark.journey

Form = dict[str, str | float | bool]
BY_SCRIPT = {"X-Requested-With": "globus-local"}


def word_of(page: Page) -> dict[str, str]:
    """The header that shows that a request comes from a page of this session."""
    word = page.locator('meta[name="csrf-token"]').get_attribute("content")
    assert word
    return {"X-CSRF-Token": word}


def test_a_transfer_that_is_sent_twice_is_one_task(
    ada: Page, local_globus: LocalGlobusProcess, bench: Path, inbox: Path
) -> None:
    (bench / "one.txt").write_text("1")
    address = link_to(local_globus, origin=bench, destination=inbox)
    ada.goto(address)
    submission_id = ada.locator('[name="submission_id"]').input_value()
    form: Form = {"view": address.partition("?")[2], "origin_name": "one.txt", "submission_id": submission_id}

    answers = [
        ada.request.post(
            f"{local_globus.url}/file-manager/transfer?side=origin",
            form=form,
            headers=BY_SCRIPT | word_of(ada),
        ).json()
        for _ in range(2)
    ]
    assert answers[0]["task_id"] == answers[1]["task_id"]
    assert "was started before" in answers[1]["message"]


def test_a_form_from_another_site_changes_nothing(ada: Page, local_globus: LocalGlobusProcess, bench: Path) -> None:
    address = link_to(local_globus, origin=bench)
    ada.goto(address)
    form: Form = {"view": address.partition("?")[2], "side": "origin", "name": "made by a stranger"}
    answer = ada.request.post(f"{local_globus.url}/file-manager/folder", form=form)

    assert answer.status == 400
    assert list(bench.iterdir()) == []


def test_a_put_with_the_cookie_alone_changes_nothing(ada: Page, local_globus: LocalGlobusProcess, bench: Path) -> None:
    answer = ada.request.put(f"{local_globus.url}/collections-data/{LAB}/{bench.name}/forged.txt", data="forged")

    assert answer.status == 403
    assert list(bench.iterdir()) == []


def test_nobody_gets_any_page_without_signing_in(page: Page, local_globus: LocalGlobusProcess) -> None:
    for path in ("/", "/file-manager", "/activity", "/activity/some-id", "/collections", f"/collections/{COMMONS}"):
        answer = page.request.get(local_globus.url + path, max_redirects=5)
        assert "/v2/web/login" in answer.url, path
    script = page.request.get(f"{local_globus.url}/file-manager/pane/origin?origin_id={LAB}", headers=BY_SCRIPT)
    assert script.status == 401
    assert "Sign in" in script.json()["message"]


def test_pages_forbid_scripts_of_others_and_frames(ada: Page, local_globus: LocalGlobusProcess) -> None:
    answer = ada.goto(f"{local_globus.url}/file-manager?origin_id={LAB}")

    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert ada.locator("script:not([src])").count() == 0
