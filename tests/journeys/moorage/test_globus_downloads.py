"""Out again: a download is asked for, and the real clients fetch every file, to be checked by `sha256sum -c`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import globus_sdk
import pytest
from playwright.sync_api import Page, expect

from browser import check_accessibility, sign_in
from globus_cli import GlobusCommand
from running_moorage import RunningMoorage, eventually
from script_author import ScriptAuthor, digests_below

pytestmark = pytest.mark.journey

TREE = {
    "run 1/large.tif": os.urandom(3_000_000),
    "run 1/größe.txt": b"four",
    "run 1/empty.txt": b"",
    "run 1/back\\slash.dat": b"escaped in the list",
    "run 2/small.tif": b"small" * 100,
}


@pytest.fixture(scope="module")
def filled(moorage: RunningMoorage) -> tuple[ScriptAuthor, str]:
    author = ScriptAuthor(moorage)
    return author, author.filled_project("To be fetched", TREE)


def asked(moorage: RunningMoorage, project: str, **wish: Any) -> dict[str, Any]:
    made = moorage.api("POST", f"/projects/{project}/downloads", json={"name": "for the cluster", **wish})
    assert made.status_code == 201, made.text
    return dict(made.json())


def with_a_way(moorage: RunningMoorage, download: dict[str, Any]) -> dict[str, Any]:
    """The download once its member can go to Globus."""

    def now() -> dict[str, Any] | None:
        found = moorage.api("GET", f"/downloads/{download['id']}").json()
        assert found["state"] in {"requested", "preparing", "ready"}, found
        return found if found["globus"]["url"] else None

    return eventually(now)


def fetch(author: ScriptAuthor, globus: GlobusCommand, download: dict[str, Any], into: str) -> Path:
    """Transfer the whole tree to "This computer" by the real command."""
    collections, environment = author.moorage.demo["collections"], author.moorage.globus_environment()
    source = f"{collections['moorage']}:{download['globus']['path']}"
    target = f"{collections['this_computer']}:/{into}/"
    words = ("transfer", "--recursive", "--sync-level", "checksum", source, target, "-F", "json")
    sent = json.loads(globus(*words, environment=environment).stdout)
    assert author.wait_for_task(sent["task_id"])["status"] == "SUCCEEDED"
    return author.computer / into


def test_a_project_is_fetched_whole_and_checked(
    moorage: RunningMoorage, globus: GlobusCommand, filled: tuple[ScriptAuthor, str]
) -> None:
    author, project = filled
    download = with_a_way(moorage, asked(moorage, project))
    fetched = fetch(author, globus, download, "out-whole")

    checked = ["sha256sum", "--check", "--strict", "--quiet", download["digests_name"]]
    subprocess.run(checked, cwd=fetched, check=True, capture_output=True)
    there = digests_below(fetched)
    assert there.keys() - {path.encode() for path in TREE} == {b"manifest-sha256.txt", b"manifest.jsonl"}
    assert {path: (fetched / path).read_bytes() for path in TREE} == TREE
    listed = moorage.api("GET", f"/downloads/{download['id']}/manifest").text
    assert sorted(listed.splitlines()) == sorted((fetched / "manifest-sha256.txt").read_text().splitlines())


def test_a_filter_brings_only_what_it_names(
    moorage: RunningMoorage, globus: GlobusCommand, filled: tuple[ScriptAuthor, str]
) -> None:
    author, project = filled
    download = with_a_way(moorage, asked(moorage, project, filter="*.tif", verify_first=True))
    fetched = fetch(author, globus, download, "out-tif")
    files = {path.decode() for path in digests_below(fetched)}
    assert files == {"run 1/large.tif", "run 2/small.tif", "manifest-sha256.txt", "manifest.jsonl"}


def test_the_same_again_is_ready_at_once_and_nobody_can_write(
    moorage: RunningMoorage, filled: tuple[ScriptAuthor, str]
) -> None:
    author, project = filled
    first = with_a_way(moorage, asked(moorage, project))
    again = with_a_way(moorage, asked(moorage, project, name="once more"))
    assert again["globus"]["path"] == first["globus"]["path"]

    client, collection = author.globus(), moorage.demo["collections"]["moorage"]
    with pytest.raises(globus_sdk.TransferAPIError) as refused:
        client.operation_mkdir(collection, again["globus"]["path"] + "mine/")
    assert refused.value.http_status == 403
    for path in ("/", f"{again['globus']['path']}../"):
        with pytest.raises(globus_sdk.TransferAPIError):
            client.operation_ls(collection, path=path)
    listed = client.operation_ls(collection, path=again["globus"]["path"])
    assert {entry["name"] for entry in listed} == {"run 1", "run 2", "manifest-sha256.txt", "manifest.jsonl"}


def test_a_member_removed_between_ready_and_transfer_gets_nothing(moorage: RunningMoorage) -> None:
    """The second member owns the project; the first, whose identity is linked, asks for it and is removed."""
    author, owner = ScriptAuthor(moorage), moorage.demo["second_member"]
    project = moorage.api("POST", "/projects", token=owner["token"], json={"name": "Grace's files"}).json()["id"]
    member = f"/projects/{project}/members/{moorage.demo['member']['email']}"
    moorage.api("PUT", member, token=owner["token"], json={"role": "editor"})
    author.folder("hers", {"secret.txt": b"secret"})
    upload = author.open_upload("hers", project=project)
    author.transfer(upload, "hers")
    author.done(upload)
    author.wait_for(upload)
    download = with_a_way(moorage, asked(moorage, project))
    client, collections = author.globus(), moorage.demo["collections"]
    path = download["globus"]["path"]
    assert {entry["name"] for entry in client.operation_ls(collections["moorage"], path=path)} >= {"secret.txt"}

    assert moorage.api("DELETE", member, token=owner["token"]).status_code == 204

    def is_refused() -> bool:
        try:
            client.operation_ls(collections["moorage"], path=path)
        except globus_sdk.TransferAPIError as error:
            return error.http_status == 403
        return False

    eventually(is_refused, seconds=15)
    assert moorage.api("GET", f"/downloads/{download['id']}").status_code == 404
    served = moorage.data / "store" / "collection" / path.strip("/")
    eventually(lambda: not served.exists(), seconds=30)


def test_a_killed_worker_loses_nothing(moorage: RunningMoorage, filled: tuple[ScriptAuthor, str]) -> None:
    _, project = filled
    download = asked(moorage, project, paths=["run 1"], name="killed")
    os.kill(moorage.pid_of("worker"), 9)
    ready = with_a_way(moorage, download)
    served = moorage.data / "store" / "collection" / ready["globus"]["path"].strip("/")
    assert {path.decode() for path in digests_below(served)} - {"manifest-sha256.txt", "manifest.jsonl"} == {
        path for path in TREE if path.startswith("run 1/")
    }
    assert moorage.api("DELETE", f"/downloads/{download['id']}").status_code == 202
    eventually(lambda: not served.exists(), seconds=30)
    assert not list((moorage.data / "store" / "trees").iterdir())


def test_a_member_asks_for_it_in_her_browser(
    moorage: RunningMoorage, page: Page, filled: tuple[ScriptAuthor, str]
) -> None:
    _, project = filled
    sign_in(page, moorage)
    page.goto(f"{moorage.site}/projects/{project}/globus-downloads/")
    page.get_by_role("link", name="New download").first.click()
    page.get_by_label("Name", exact=True).fill("By hand")
    page.get_by_label("Only files like").fill("*.tif")
    check_accessibility(page)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("link", name="Goto Globus").first).to_be_visible(timeout=30_000)
    check_accessibility(page)
    address = page.get_by_role("link", name="Goto Globus").first.get_attribute("href") or ""
    assert "origin_id=" in address
