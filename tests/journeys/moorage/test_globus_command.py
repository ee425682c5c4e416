"""The main job with the unmodified `globus` command against the running local Globus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from globus_cli import GlobusCommand, globus_environment
from running_moorage import RunningMoorage
from script_author import ScriptAuthor

pytestmark = pytest.mark.journey


def test_the_main_job_with_client_credentials(globus: GlobusCommand, moorage: RunningMoorage) -> None:
    author = ScriptAuthor(moorage)
    project = author.new_project("By command")
    author.folder("command", {"one.txt": b"1", "deep/two.txt": b"22", "deep/three.txt": b"333"})
    upload = author.open_upload("by command", project=project)
    collections, area = moorage.demo["collections"], upload["globus"]["path"]
    environment = moorage.globus_environment()

    def run(*words: str, **options: Any) -> Any:
        return json.loads(globus(*words, "-F", "json", environment=environment, **options).stdout)

    assert [entry["name"] for entry in run("ls", f"{collections['this_computer']}:/command/")["DATA"]] == [
        "deep",
        "one.txt",
    ]
    run("mkdir", f"{collections['moorage']}:{area}made/")
    sent = run(
        "transfer",
        "--recursive",
        "--label",
        "by command",
        f"{collections['this_computer']}:/command/",
        f"{collections['moorage']}:{area}made/",
    )
    globus("task", "wait", "--polling-interval", "1", "--timeout", "60", sent["task_id"], environment=environment)
    listed = run("task", "list")
    assert sent["task_id"] in {task["task_id"] for task in listed["DATA"]}
    late = run("transfer", f"{collections['this_computer']}:/missing", f"{collections['moorage']}:{area}missing")
    run("task", "cancel", late["task_id"])
    assert run("task", "show", late["task_id"])["status"] == "FAILED"

    author.done(upload, include=["doubtful"])
    assert author.wait_for(upload)["state"] == "imported"
    assert set(author.project_files(project=project)) == {"made/one.txt", "made/deep/two.txt", "made/deep/three.txt"}


def test_the_main_job_after_a_members_own_login(globus: GlobusCommand, moorage: RunningMoorage) -> None:
    author = ScriptAuthor(moorage)
    project = author.new_project("By her own login")
    author.folder("own login", {"one.txt": b"1", "deep/two.txt": b"22"})
    upload = author.open_upload("own login", project=project)
    demo = moorage.demo
    environment = globus_environment(auth=demo["globus_auth"], transfer=demo["globus_transfer"])
    globus.log_in(environment=environment, username=demo["member"]["email"], password=demo["member"]["password"])

    assert globus("whoami", environment=environment).stdout.strip() == demo["member"]["email"]
    source = f"{demo['collections']['this_computer']}:/own login/"
    area = f"{demo['collections']['moorage']}:{upload['globus']['path']}"
    sent = json.loads(globus("transfer", "--recursive", source, area, "-F", "json", environment=environment).stdout)
    author.done(upload, when="quiet")
    globus("task", "wait", "--polling-interval", "1", "--timeout", "60", sent["task_id"], environment=environment)

    assert author.wait_for(upload)["state"] == "imported"
    assert set(author.project_files(project=project)) == {"one.txt", "deep/two.txt"}


def test_a_collections_manager_lists_its_permissions(globus: GlobusCommand, moorage: RunningMoorage) -> None:
    author = ScriptAuthor(moorage)
    upload = author.open_upload("with a rule")
    manager = dict(moorage.globus_environment())
    settings = moorage.settings
    manager["GLOBUS_CLI_CLIENT_ID"] = settings["globus_client_id"]
    manager["GLOBUS_CLI_CLIENT_SECRET"] = settings["globus_client_secret"]
    collection = moorage.demo["collections"]["moorage"]

    listed = json.loads(globus("endpoint", "permission", "list", collection, "-F", "json", environment=manager).stdout)

    assert upload["globus"]["path"] in {rule["path"] for rule in listed["DATA"]}
    refused = globus(
        "endpoint", "permission", "list", collection, environment=moorage.globus_environment(), check=False
    )
    assert refused.returncode != 0
