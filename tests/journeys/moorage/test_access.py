"""Who gets in: nobody from another project, viewers only to files, and a removed member's access ends at once."""

from __future__ import annotations

import globus_sdk
import pytest

from running_moorage import RunningMoorage, eventually
from script_author import ScriptAuthor

pytestmark = pytest.mark.journey


def test_a_member_of_another_project_gets_404_everywhere(moorage: RunningMoorage) -> None:
    author = ScriptAuthor(moorage)
    upload = author.open_upload("not yours")
    stranger = moorage.demo["second_member"]["token"]
    project = author.project

    for method, path, body in (
        ("GET", f"/projects/{project}", None),
        ("PATCH", f"/projects/{project}", {"name": "mine now"}),
        ("GET", f"/projects/{project}/members", None),
        ("PUT", f"/projects/{project}/members/grace@demo.example", {"role": "owner"}),
        ("GET", f"/projects/{project}/files", None),
        ("GET", f"/projects/{project}/files/content?path=README.txt", None),
        ("GET", f"/projects/{project}/revisions", None),
        ("GET", f"/projects/{project}/uploads", None),
        ("POST", f"/projects/{project}/uploads", {"name": "intruder"}),
        ("GET", f"/uploads/{upload['id']}", None),
        ("PATCH", f"/uploads/{upload['id']}", {"name": "mine now"}),
        ("POST", f"/uploads/{upload['id']}/done", {"when": "now"}),
        ("DELETE", f"/uploads/{upload['id']}/done", None),
        ("POST", f"/uploads/{upload['id']}/retry", {}),
        ("GET", f"/uploads/{upload['id']}/entries", None),
        ("GET", f"/uploads/{upload['id']}/receipt", None),
        ("DELETE", f"/uploads/{upload['id']}", None),
    ):
        answer = moorage.api(method, path, token=stranger, json=body)
        assert answer.status_code == 404, f"{method} {path}: {answer.status_code} {answer.text}"
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert author.upload(upload["id"])["state"] == "open"


def test_a_viewer_sees_files_and_cannot_upload(moorage: RunningMoorage) -> None:
    author = ScriptAuthor(moorage)
    project = author.new_project("To be looked at")
    viewer = moorage.demo["second_member"]
    moorage.api("PUT", f"/projects/{project}/members/{viewer['email']}", json={"role": "viewer"})

    assert moorage.api("GET", f"/projects/{project}/files", token=viewer["token"]).status_code == 200
    refused = moorage.api("POST", f"/projects/{project}/uploads", token=viewer["token"], json={"name": "no"})
    assert refused.status_code == 403
    assert refused.json()["code"] == "project.role"


def test_a_removed_member_loses_the_staging_area_within_seconds(moorage: RunningMoorage) -> None:
    """The second member owns the project; the first, whose identity is linked, uploads and is removed."""
    author = ScriptAuthor(moorage)
    owner = moorage.demo["second_member"]
    made = moorage.api("POST", "/projects", token=owner["token"], json={"name": "Grace's own"})
    project = made.json()["id"]
    uploader = moorage.demo["member"]["email"]
    moorage.api("PUT", f"/projects/{project}/members/{uploader}", token=owner["token"], json={"role": "editor"})
    upload = author.open_upload("soon gone", project=project)
    client, collection = author.globus(), moorage.demo["collections"]["moorage"]
    client.operation_mkdir(collection, upload["globus"]["path"] + "while a member/")

    gone = moorage.api("DELETE", f"/projects/{project}/members/{uploader}", token=owner["token"])
    assert gone.status_code == 204

    def is_refused() -> bool:
        try:
            client.operation_ls(collection, path=upload["globus"]["path"])
        except globus_sdk.TransferAPIError as error:
            return error.http_status == 403
        return False

    eventually(is_refused, seconds=15)
    assert moorage.api("GET", f"/uploads/{upload['id']}").status_code == 404
    still_there = moorage.api("GET", f"/uploads/{upload['id']}", token=owner["token"])
    assert still_there.json()["state"] == "open"


def test_without_a_good_token_nothing_is_told(moorage: RunningMoorage) -> None:
    answer = moorage.api("GET", "/me", token="moorage_" + "x" * 43)

    assert answer.status_code == 401
    assert answer.json()["code"] == "token.unknown"


def test_a_repeated_request_with_its_key_makes_one_thing(moorage: RunningMoorage) -> None:
    author = ScriptAuthor(moorage)
    key = {"Idempotency-Key": "journey-1"}

    first = moorage.api("POST", f"/projects/{author.project}/uploads", json={"name": "once"}, headers=key)
    second = moorage.api("POST", f"/projects/{author.project}/uploads", json={"name": "once"}, headers=key)
    other = moorage.api("POST", f"/projects/{author.project}/uploads", json={"name": "twice"}, headers=key)

    assert first.json()["id"] == second.json()["id"]
    assert other.status_code == 422
