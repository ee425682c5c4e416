"""The unmodified `globus` command works with the local Globus's collections, as a client identity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local_globus import BOB, COMMONS, LAB, PORTAL, ROBOT, SECRET, LocalGlobusProcess
from transfer_tasks import open_area

if TYPE_CHECKING:
    from globus_cli import GlobusCommand


class Shell:
    """`globus` as one client identity."""

    def __init__(self, command: GlobusCommand, service: LocalGlobusProcess, client_id: str) -> None:
        self._command = command
        self._environment = service.environment() | {
            "GLOBUS_CLI_CLIENT_ID": client_id,
            "GLOBUS_CLI_CLIENT_SECRET": SECRET,
        }

    def __call__(self, *words: str, typed: str | None = None) -> str:
        """What the command prints."""
        return str(self._command(*words, environment=self._environment, typed=typed).stdout)

    def json(self, *words: str, typed: str | None = None) -> Any:
        return json.loads(self(*words, "-F", "json", typed=typed))


@pytest.fixture
def robot(globus: GlobusCommand, local_globus: LocalGlobusProcess) -> Shell:
    return Shell(globus, local_globus, ROBOT)


@pytest.fixture
def portal(globus: GlobusCommand, local_globus: LocalGlobusProcess) -> Shell:
    return Shell(globus, local_globus, PORTAL)


@pytest.fixture
def folder(local_globus: LocalGlobusProcess, request: pytest.FixtureRequest) -> Path:
    made: Path = local_globus.lab / request.node.name
    (made / "inner").mkdir(parents=True)
    (made / "one.txt").write_text("one")
    (made / "inner" / "two.dat").write_text("two")
    return made


@pytest.fixture
def area(local_globus: LocalGlobusProcess, request: pytest.FixtureRequest) -> Path:
    open_area(local_globus, request.node.name)
    made: Path = local_globus.commons / request.node.name
    return made


def test_ls_shows_folders_with_long_filtered_and_recursive_listings(robot: Shell, folder: Path) -> None:
    assert robot("ls", f"{LAB}:/{folder.name}/") == "inner/\none.txt\n"
    assert "one.txt" in robot("ls", "-l", f"{LAB}:/{folder.name}/")
    assert robot("ls", "--filter", "~*.txt", f"{LAB}:/{folder.name}/") == "one.txt\n"
    assert "inner/two.dat" in robot("ls", "-r", f"{LAB}:{folder.name}")
    assert "two.dat" in robot("ls", "-r", "--filter", "~*.dat", f"{LAB}:/{folder.name}/")
    assert f"{folder.name}/" in robot("ls", LAB)


def test_stat_mkdir_and_rename(robot: Shell, folder: Path) -> None:
    assert robot.json("stat", f"{LAB}:/{folder.name}/one.txt")["size"] == 3
    assert "Nothing found" in robot("stat", f"{LAB}:/{folder.name}/nothing")
    robot("mkdir", f"{LAB}:/{folder.name}/made")
    robot("rename", LAB, f"/{folder.name}/made", f"/{folder.name}/renamed")
    assert (folder / "renamed").is_dir()


def test_a_recursive_transfer_is_waited_for_shown_and_listed(robot: Shell, folder: Path, area: Path) -> None:
    accepted = robot.json(
        "transfer",
        "--recursive",
        "--label",
        "By command",
        "--sync-level",
        "checksum",
        f"{LAB}:/{folder.name}/",
        f"{COMMONS}:/{area.name}/",
    )
    task_id = accepted["task_id"]

    robot("task", "wait", task_id, "--timeout", "30", "--polling-interval", "1")

    assert (area / "inner" / "two.dat").read_text() == "two"
    assert robot.json("task", "show", task_id)["status"] == "SUCCEEDED"
    assert f"/{area.name}/inner/two.dat" in robot("task", "show", "-t", task_id)
    assert task_id in robot("task", "list")
    assert task_id in robot("task", "list", "--filter-label", "By command", "--filter-status", "SUCCEEDED")
    assert "SUCCEEDED" in robot("task", "event-list", task_id)
    assert robot.json("task", "show", "--skipped-errors", task_id)["DATA"] == []
    robot("task", "pause-info", task_id)


def test_a_batch_of_files_is_transferred(robot: Shell, folder: Path, area: Path) -> None:
    lines = "one.txt 'a name with spaces'\ninner/two.dat two\n--recursive inner folder\n"

    accepted = robot.json("transfer", "--batch", "-", f"{LAB}:/{folder.name}", f"{COMMONS}:/{area.name}", typed=lines)
    robot("task", "wait", accepted["task_id"], "--timeout", "30", "--polling-interval", "1")

    assert {each.name for each in area.iterdir()} == {"a name with spaces", "two", "folder"}
    assert (area / "folder" / "two.dat").read_text() == "two"


def test_a_task_is_updated_and_cancelled(robot: Shell, area: Path) -> None:
    task_id = robot.json("transfer", f"{LAB}:/missing", f"{COMMONS}:/{area.name}/x")["task_id"]
    another = robot.json("transfer", f"{LAB}:/missing", f"{COMMONS}:/{area.name}/y")["task_id"]

    robot("task", "update", "--label", "Renamed", task_id)
    cancelled = robot("task", "cancel", task_id)
    shown = robot.json("task", "show", task_id)

    assert "cancel" in cancelled.lower()
    assert (shown["status"], shown["label"]) == ("FAILED", "Renamed")
    assert "CANCELED" in robot("task", "event-list", task_id)
    assert another in robot("task", "cancel", "--all")
    assert robot.json("task", "show", another)["status"] == "FAILED"


def test_delete_and_rm(robot: Shell, area: Path) -> None:
    for name in ("a.txt", "b.txt", "c.dat"):
        (area / name).write_text(name)
    (area / "folder" / "below").mkdir(parents=True)

    robot("rm", f"{COMMONS}:/{area.name}/*.txt", "--timeout", "30", "--polling-interval", "1")
    task_id = robot.json("delete", "--recursive", f"{COMMONS}:/{area.name}/folder")["task_id"]
    robot("task", "wait", task_id, "--timeout", "30", "--polling-interval", "1")

    assert [each.name for each in area.iterdir()] == ["c.dat"]


def test_a_collection_is_found_and_its_rules_are_managed(
    portal: Shell, robot: Shell, local_globus: LocalGlobusProcess
) -> None:
    (local_globus.commons / "shared").mkdir()

    rule_id = portal.json(
        "endpoint", "permission", "create", f"{COMMONS}:/shared/", "--permissions", "r", "--identity", BOB
    )["access_id"]
    portal("endpoint", "permission", "create", f"{COMMONS}:/shared/", "--permissions", "r", "--anonymous")
    portal("endpoint", "permission", "update", COMMONS, rule_id, "--permissions", "rw")

    assert portal.json("endpoint", "permission", "show", COMMONS, rule_id)["permissions"] == "rw"
    assert "/shared/" in portal("endpoint", "permission", "list", COMMONS)
    assert "administrator" in portal("endpoint", "role", "list", COMMONS)
    portal("endpoint", "permission", "delete", COMMONS, rule_id)
    assert rule_id not in portal("endpoint", "permission", "list", COMMONS)
    assert COMMONS in robot("endpoint", "search", "commons")
    assert COMMONS not in robot("endpoint", "search", "--filter-scope", "administered-by-me")
    assert COMMONS in portal("endpoint", "search", "--filter-scope", "administered-by-me")


def test_who_has_no_rule_is_told_so(robot: Shell, globus: GlobusCommand, local_globus: LocalGlobusProcess) -> None:
    environment = local_globus.environment() | {"GLOBUS_CLI_CLIENT_ID": ROBOT, "GLOBUS_CLI_CLIENT_SECRET": SECRET}

    outcome = globus("ls", COMMONS, environment=environment, check=False)

    assert outcome.returncode == 1
    assert "PermissionDenied" in outcome.stderr


def test_bookmarks_by_command(robot: Shell) -> None:
    robot("bookmark", "create", f"{LAB}:/", "Here")
    assert LAB in robot("bookmark", "list")
    robot("bookmark", "rename", "Here", "There")
    robot("bookmark", "delete", "There")
