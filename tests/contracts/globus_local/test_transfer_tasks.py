"""Transfer and delete tasks over the real SDK, from submission to the list of delivered files."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import globus_sdk
import pytest

from local_globus import COMMONS, LAB, PORTAL, ROBOT, STRANGER, LocalGlobusProcess
from transfer_tasks import WAIT_SECONDS, error_of, open_area, submit, wait_for_end, wait_for_task

AN_ITEM = {"DATA_TYPE": "transfer_item", "source_path": "/a", "destination_path": "/b"}


@pytest.fixture
def robot(local_globus: LocalGlobusProcess) -> globus_sdk.TransferClient:
    return local_globus.transfer(ROBOT)


@pytest.fixture
def lab(local_globus: LocalGlobusProcess, request: pytest.FixtureRequest) -> Path:
    """A folder of this test's own in the lab."""
    made: Path = local_globus.lab / folder_name(request)
    made.mkdir()
    return made


@pytest.fixture
def area(local_globus: LocalGlobusProcess, request: pytest.FixtureRequest) -> Path:
    """A folder of this test's own in the commons, open to Ada."""
    name = folder_name(request)
    open_area(local_globus, name)
    made: Path = local_globus.commons / name
    return made


def folder_name(request: pytest.FixtureRequest) -> str:
    return str(request.node.name).replace("/", "_")[:200]


def contents(folder: Path) -> dict[bytes, bytes | None]:
    """Every path below a folder, with the bytes of files."""
    root = os.fsencode(folder)
    found: dict[bytes, bytes | None] = {}
    for where, folders, files in os.walk(root):
        here = os.path.relpath(where, root)
        found |= {os.path.normpath(os.path.join(here, name)): None for name in folders}
        for name in files:
            path = os.path.join(where, name)
            if not os.path.islink(path):
                with open(path, "rb") as file:
                    found[os.path.normpath(os.path.join(here, name))] = file.read()
    return found


def law_of_subtasks(task: dict[str, Any]) -> bool:
    parts = ("pending", "retrying", "succeeded", "expired", "canceled", "failed", "skipped_errors")
    return bool(task["subtasks_total"] == sum(task[f"subtasks_{part}"] for part in parts))


def test_a_folder_arrives_whole_and_is_accounted_for(robot: globus_sdk.TransferClient, lab: Path, area: Path) -> None:
    (lab / "deep" / "er").mkdir(parents=True)
    (lab / "empty").mkdir()
    (lab / "deep" / "er" / "big").write_bytes(os.urandom(3_000_000))
    (lab / "nothing in it").write_bytes(b"")

    task_id = submit(
        robot, (f"/{lab.name}/", f"/{area.name}/copy/"), recursive=True, label="All of it", verify_checksum=True
    )
    task = wait_for_end(robot, task_id)

    assert task["status"] == "SUCCEEDED"
    assert contents(area / "copy") == contents(lab)
    assert (task["files"], task["directories"], task["files_transferred"]) == (2, 4, 2)
    assert task["bytes_transferred"] == task["bytes_checksummed"] == 3_000_000
    assert (task["faults"], task["is_ok"], task["nice_status"], task["label"]) == (0, None, None, "All of it")
    assert law_of_subtasks(task)
    assert [event["code"] for event in robot.task_event_list(task_id)] == ["SUCCEEDED", "STARTED"]
    delivered = {each["destination_path"]: each for each in robot.task_successful_transfers(task_id)}
    big = delivered[f"/{area.name}/copy/deep/er/big"]
    assert set(delivered) == {f"/{area.name}/copy/nothing in it", big["destination_path"]}
    assert big["source_path"] == f"/{lab.name}/deep/er/big"
    assert big["checksum"] == hashlib.md5((lab / "deep/er/big").read_bytes()).hexdigest()  # noqa: S324
    assert (area / "copy" / "nothing in it").stat().st_mode & 0o777 == 0o644


def test_a_single_file_goes_to_the_path_it_was_given(robot: globus_sdk.TransferClient, lab: Path, area: Path) -> None:
    (lab / "file").write_bytes(b"content")

    task = wait_for_end(robot, submit(robot, (f"/{lab.name}/file", f"/{area.name}/new/folder/renamed")))

    assert task["status"] == "SUCCEEDED"
    assert (area / "new" / "folder" / "renamed").read_bytes() == b"content"
    assert task["destination_base_path"] == f"/{area.name}/new/folder/renamed"


@pytest.mark.parametrize("path", ["/{}", "/{}/", "/~/{}", "{}"])
def test_the_folder_that_a_rule_opens_can_be_copied_out_however_it_is_written(
    robot: globus_sdk.TransferClient, lab: Path, area: Path, path: str
) -> None:
    (area / "file").write_text("content")

    task = wait_for_end(
        robot, submit(robot, (path.format(area.name), f"/{lab.name}/out"), source=COMMONS, destination=LAB)
    )

    assert task["status"] == "SUCCEEDED"
    assert contents(lab / "out") == {b"file": b"content"}


def test_hostile_names_survive_a_recursive_transfer(robot: globus_sdk.TransferClient, lab: Path, area: Path) -> None:
    names = [
        b"with space", b"quo'te\"s", b"#%?&;", b"back\\slash", b"new\nline", b"\r\x01\x1b\x7f", b"-dash", b".dot",
        "😀 ünï".encode(), "\u202egnp.exe".encode(), b"caf\xe9", b"\xff\xfe", b"x" * 255, "é".encode(),
        "e\u0301".encode(), b"Case", b"case", b"~", b"...", b"*", b"[x]", b"\xee\xbe\x80",
    ]  # fmt: skip
    for name in names:
        folder = os.fsencode(lab) + b"/" + name
        os.mkdir(folder)
        for inner in names:
            with open(folder + b"/" + inner, "wb") as file:
                file.write(name + inner)

    task_id = submit(robot, (f"/{lab.name}/", f"/{area.name}/"), recursive=True, verify_checksum=True)
    task = wait_for_end(robot, task_id)

    assert task["status"] == "SUCCEEDED"
    assert contents(area) == contents(lab)
    delivered = list(robot.paginated.task_successful_transfers(task_id).items())
    assert len(delivered) == len(names) ** 2
    assert len({each["destination_path"] for each in delivered}) == len(delivered)


def test_a_tree_of_very_long_paths_is_copied_and_deleted(
    robot: globus_sdk.TransferClient, lab: Path, area: Path
) -> None:
    long = b"/".join(bytes([97 + level]) * 250 for level in range(20))
    descriptor = os.open(lab, os.O_RDONLY)
    for name in long.split(b"/"):
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open(b"leaf", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)

    copied = wait_for_end(robot, submit(robot, (f"/{lab.name}/", f"/{area.name}/x/"), recursive=True))
    data = globus_sdk.DeleteData(endpoint=COMMONS, recursive=True)
    data.add_item(f"/{area.name}/x")
    deleted = wait_for_end(robot, robot.submit_delete(data)["task_id"])

    assert (copied["status"], copied["directories"], copied["files"]) == ("SUCCEEDED", 21, 1)
    assert (deleted["status"], deleted["directories"], deleted["files"]) == ("SUCCEEDED", 21, 1)
    assert list(area.iterdir()) == []


def test_links_pipes_and_sockets_in_a_folder_are_passed_by(
    robot: globus_sdk.TransferClient, lab: Path, area: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    (lab / "out").symlink_to(tmp_path)
    (lab / "secret").symlink_to(tmp_path / "secret")
    (lab / "dangling").symlink_to("/nowhere")
    os.mkfifo(lab / "pipe")
    (lab / "file").write_text("kept")

    task = wait_for_end(robot, submit(robot, (f"/{lab.name}/", f"/{area.name}/"), recursive=True))

    assert task["status"] == "SUCCEEDED"
    assert contents(area) == {b"file": b"kept"}
    assert (task["symlinks"], task["files"]) == (3, 1)


def test_a_transfer_never_writes_through_a_link_at_its_destination(
    robot: globus_sdk.TransferClient, lab: Path, area: Path, tmp_path: Path
) -> None:
    (tmp_path / "victim").write_text("untouched")
    (area / "folder").symlink_to(tmp_path)
    (area / "file").symlink_to(tmp_path / "victim")
    (lab / "victim").write_text("overwritten")

    task_id = submit(
        robot,
        (f"/{lab.name}/victim", f"/{area.name}/folder/victim"),
        (f"/{lab.name}/victim", f"/{area.name}/folder/new"),
        (f"/{lab.name}/victim", f"/{area.name}/file"),
    )
    wait_for_task(robot, task_id, lambda task: task["subtasks_retrying"] == 3)
    robot.cancel_task(task_id)

    assert contents(tmp_path) == {b"victim": b"untouched"}


def test_the_same_submission_twice_is_one_task(robot: globus_sdk.TransferClient, lab: Path, area: Path) -> None:
    (lab / "file").write_text("once")
    data = globus_sdk.TransferData(
        source_endpoint=LAB, destination_endpoint=COMMONS, submission_id=robot.get_submission_id()["value"]
    )
    data.add_item(f"/{lab.name}/file", f"/{area.name}/file")

    first, again = robot.submit_transfer(data), robot.submit_transfer(data)
    wait_for_end(robot, first["task_id"])
    much_later = robot.submit_transfer(data)

    assert first["code"] == "Accepted"
    assert {again["code"], much_later["code"]} == {"Duplicate"}
    assert first["task_id"] == again["task_id"] == much_later["task_id"]
    assert first.http_status == again.http_status == 202


def test_a_client_that_never_got_the_answer_can_ask_again(
    robot: globus_sdk.TransferClient, local_globus: LocalGlobusProcess, lab: Path, area: Path
) -> None:
    (lab / "file").write_text("once")
    item = AN_ITEM | {"source_path": f"/{lab.name}/file", "destination_path": f"/{area.name}/file"}
    document = {
        "DATA_TYPE": "transfer",
        "submission_id": str(uuid.uuid4()),
        "source_endpoint": LAB,
        "destination_endpoint": COMMONS,
        "DATA": [item],
    }

    ask_and_hang_up(local_globus, "/v0.10/transfer", document, once=(area / "file").exists)
    mkdir = f"/v0.10/operation/endpoint/{COMMONS}/mkdir"
    ask_and_hang_up(local_globus, mkdir, {"path": f"/{area.name}/folder"}, once=(area / "folder").exists)

    again = robot.post("/v0.10/transfer", data=document)
    assert again["code"] == "Duplicate"
    assert wait_for_end(robot, again["task_id"])["status"] == "SUCCEEDED"
    assert error_of(lambda: robot.operation_mkdir(COMMONS, f"/{area.name}/folder")) == (
        502,
        "ExternalError.MkdirFailed.Exists",
    )


def ask_and_hang_up(
    service: LocalGlobusProcess, route: str, document: dict[str, Any], once: Callable[[], bool]
) -> None:
    """Send a request and go away without having read the answer, `once` its effect is there."""
    body = json.dumps(document).encode()
    token = service.token(ROBOT, "urn:globus:auth:scope:transfer.api.globus.org:all")
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(
            f"POST {route} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        wait_until(once)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_submission_id_is_each_owners_own(local_globus: LocalGlobusProcess, lab: Path, area: Path) -> None:
    (lab / "file").write_text("x")
    submission_id = str(uuid.uuid4())
    robot, portal = local_globus.transfer(ROBOT), local_globus.transfer(PORTAL)
    mine = submit(robot, (f"/{lab.name}/file", f"/{area.name}/a"), submission_id=submission_id)

    theirs = submit(
        portal,
        (f"/{area.name}/", f"/copy-of-{area.name[:100]}/"),
        recursive=True,
        source=COMMONS,
        submission_id=submission_id,
    )

    assert mine != theirs
    assert error_of(lambda: portal.get_task(mine)) == (404, "ClientError.NotFound")


def test_the_same_paths_again_conflict_while_the_first_task_runs(robot: globus_sdk.TransferClient, area: Path) -> None:
    pair = ("/not-there-yet", f"/{area.name}/file")
    task_id = submit(robot, pair)

    assert error_of(lambda: submit(robot, pair)) == (409, "Conflict")
    robot.cancel_task(task_id)
    robot.cancel_task(submit(robot, pair))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"DATA": []}, "ClientError.BadRequest.NoTransferItems"),
        ({"DATA": "x"}, "ClientError.BadRequest"),
        ({"DATA": [{"source_path": "/a"}]}, "ClientError.BadRequest"),
        ({"DATA": [{"source_path": "/a\nb", "destination_path": "/b"}]}, "InvalidPath"),
        ({"DATA": [{"source_path": "/a", "destination_path": "/../b"}]}, "InvalidPath"),
        ({"DATA": [AN_ITEM | {"checksum_algorithm": "crc"}]}, "ClientError.BadRequest"),
        ({"DATA": [AN_ITEM | {"DATA_TYPE": "transfer_symlink_item"}]}, "ClientError.BadRequest"),
        ({"sync_level": 4}, "ClientError.BadRequest"),
        ({"deadline": "2001-01-01 00:00:00"}, "ClientError.BadRequest"),
        ({"submission_id": "mine"}, "ClientError.BadRequest"),
        ({"label": "x" * 129}, "ClientError.BadRequest"),
        ({"verify_checksum": "maybe"}, "ClientError.BadRequest"),
        ({"recursive_symlinks": "keep"}, "ClientError.BadRequest"),
        ({"filter_rules": [{"method": "maybe", "name": "x"}]}, "ClientError.BadRequest"),
        ({"DATA": [AN_ITEM | {"destination_path": "/a/b"}]}, "ClientError.BadRequest"),
    ],
)  # fmt: skip
def test_a_document_that_makes_no_sense_is_refused(
    robot: globus_sdk.TransferClient, local_globus: LocalGlobusProcess, changes: dict[str, Any], code: str
) -> None:
    document = {
        "DATA_TYPE": "transfer",
        "source_endpoint": LAB,
        "destination_endpoint": LAB,
        "DATA": [AN_ITEM],
    } | changes

    assert error_of(lambda: robot.post("/v0.10/transfer", data=document)) == (400, code)


def test_who_has_no_access_at_all_cannot_submit(local_globus: LocalGlobusProcess) -> None:
    stranger = local_globus.transfer(STRANGER)

    assert error_of(lambda: submit(stranger, ("/a", "/b"))) == (403, "PermissionDenied")


@pytest.mark.parametrize(("level", "copied"), [(0, 1), (1, 2), (2, 3), (3, 3), (None, 5)])
def test_sync_copies_what_its_level_says(
    robot: globus_sdk.TransferClient, lab: Path, area: Path, level: int | None, copied: int
) -> None:
    """Five files: one missing, one of another size, one newer and other, one other with old time, one the same."""
    source = {"missing": b"a", "size": b"bb", "newer": b"c", "other": b"d", "same": b"e"}
    for name, content in source.items():
        (lab / name).write_bytes(content)
        os.utime(lab / name, (2_000_000_000, 2_000_000_000) if name == "newer" else (1_000, 1_000))
    for name, content in {"size": b"b", "newer": b"c", "other": b"x", "same": b"e"}.items():
        (area / name).write_bytes(content)
        os.utime(area / name, (2_000, 2_000))

    task = wait_for_end(robot, submit(robot, (f"/{lab.name}/", f"/{area.name}/"), recursive=True, sync_level=level))

    assert (task["files_transferred"], task["files_skipped"], task["files"]) == (copied, 5 - copied, 5)
    assert law_of_subtasks(task)
    assert len(list(robot.task_successful_transfers(task["task_id"]))) == copied
    assert (area / "other").read_bytes() == (b"d" if level in (3, None) else b"x")


def test_times_are_kept_when_asked_for(robot: globus_sdk.TransferClient, lab: Path, area: Path) -> None:
    (lab / "old").write_text("old")
    os.utime(lab / "old", ns=(1, 1_234_567_890_123_456_789))

    wait_for_end(robot, submit(robot, (f"/{lab.name}/old", f"/{area.name}/old"), preserve_timestamp=True))

    assert (area / "old").stat().st_mtime_ns == 1_234_567_890_123_456_789


def test_what_is_extra_at_the_destination_goes_when_asked_for(
    robot: globus_sdk.TransferClient, lab: Path, area: Path
) -> None:
    (lab / "kept").write_text("kept")
    (area / "extra" / "folder").mkdir(parents=True)
    (area / "extra" / "folder" / "file").write_text("x")
    (area / "kept").write_text("older")

    task_id = submit(robot, (f"/{lab.name}/", f"/{area.name}/"), recursive=True, delete_destination_extra=True)

    assert wait_for_end(robot, task_id)["status"] == "SUCCEEDED"
    assert contents(area) == {b"kept": b"kept"}


def test_filter_rules_leave_files_out(robot: globus_sdk.TransferClient, lab: Path, area: Path) -> None:
    for name in ("a.txt", "b.tmp", "keep.tmp"):
        (lab / name).write_text(name)
    (lab / "cache").mkdir()
    data = globus_sdk.TransferData(source_endpoint=LAB, destination_endpoint=COMMONS)
    data.add_item(f"/{lab.name}/", f"/{area.name}/", recursive=True)
    data.add_filter_rule("keep*", method="include")
    data.add_filter_rule("*.tmp", method="exclude", type="file")
    data.add_filter_rule("cache", method="exclude", type="dir")

    task = wait_for_end(robot, robot.submit_transfer(data)["task_id"])

    assert set(contents(area)) == {b"a.txt", b"keep.tmp"}
    assert [rule["name"] for rule in task["filter_rules"]] == ["keep*", "*.tmp", "cache"]


def test_a_wrong_external_checksum_fails_the_task(robot: globus_sdk.TransferClient, lab: Path, area: Path) -> None:
    (lab / "file").write_text("content")
    right = hashlib.sha256(b"content").hexdigest()
    outcomes = []
    for number, checksum in enumerate((right, "0" * 64)):
        data = globus_sdk.TransferData(source_endpoint=LAB, destination_endpoint=COMMONS)
        data.add_item(
            f"/{lab.name}/file",
            f"/{area.name}/{number}",
            external_checksum=checksum,
            checksum_algorithm="SHA256",
        )
        outcomes.append(wait_for_end(robot, robot.submit_transfer(data)["task_id"]))

    assert [task["status"] for task in outcomes] == ["SUCCEEDED", "FAILED"]
    assert outcomes[1]["fatal_error"]["code"] == "EXTERNAL_CHECKSUM_MISMATCH"
    assert law_of_subtasks(outcomes[1])


def test_a_delete_removes_folders_and_links_but_not_what_links_lead_to(
    robot: globus_sdk.TransferClient, area: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    (area / "folder" / "below").mkdir(parents=True)
    (area / "folder" / "out").symlink_to(tmp_path)
    (area / "folder" / "below" / "file").write_text("x")
    (area / "kept").write_text("kept")
    data = globus_sdk.DeleteData(endpoint=COMMONS, recursive=True)
    data.add_item(f"/{area.name}/folder")

    accepted = robot.submit_delete(data)
    task = wait_for_end(robot, accepted["task_id"])

    assert accepted["DATA_TYPE"] == "delete_result"
    assert (task["status"], task["type"], task["destination_endpoint_id"]) == ("SUCCEEDED", "DELETE", None)
    assert set(contents(area)) == {b"kept"}
    assert contents(tmp_path) == {b"secret": b"secret"}
    assert list(robot.task_successful_transfers(accepted["task_id"])) == []


def test_patterns_are_matched_only_when_asked_for(robot: globus_sdk.TransferClient, area: Path) -> None:
    for name in ("a.txt", "b.txt", "c.dat", ".d.txt"):
        (area / name).write_text(name)
    data = globus_sdk.DeleteData(endpoint=COMMONS, interpret_globs=True)
    data.add_item(f"/{area.name}/*.txt")
    literal = globus_sdk.DeleteData(endpoint=COMMONS, ignore_missing=True)
    literal.add_item(f"/{area.name}/*.dat")

    wait_for_end(robot, robot.submit_delete(data)["task_id"])
    wait_for_end(robot, robot.submit_delete(literal)["task_id"])

    assert set(contents(area)) == {b"c.dat", b".d.txt"}


def test_nobody_deletes_her_area_or_more(robot: globus_sdk.TransferClient, area: Path) -> None:
    (area / "file").write_text("x")
    data = globus_sdk.DeleteData(endpoint=COMMONS, recursive=True)
    data.add_item(f"/{area.name}/")
    root = globus_sdk.DeleteData(endpoint=COMMONS, recursive=True)
    root.add_item("/")

    task_id = robot.submit_delete(data)["task_id"]
    task = wait_for_task(robot, task_id, lambda task: task["faults"] > 0)
    robot.cancel_task(task_id)

    assert task["nice_status"] == "PERMISSION_DENIED"
    assert (area / "file").exists()
    assert error_of(lambda: robot.submit_delete(root)) == (400, "InvalidPath")


def test_tasks_are_listed_filtered_and_paged(robot: globus_sdk.TransferClient, lab: Path, area: Path) -> None:
    (lab / "file").write_text("x")
    tasks = [
        submit(robot, (f"/{lab.name}/file", f"/{area.name}/{number}"), label=f"{lab.name} {number}")
        for number in range(3)
    ]
    for task_id in tasks:
        wait_for_end(robot, task_id)
    label = f"label:~{lab.name}*"

    found = list(robot.paginated.task_list(query_params={"filter": label, "limit": 2}).items())
    by_id = robot.task_list(filter={"task_id": tasks[:2]}, limit=10)
    projected = robot.task_list(filter=label, query_params={"fields": "task_id,label"})

    assert [task["task_id"] for task in found] == tasks[::-1]
    assert {task["task_id"] for task in by_id} == set(tasks[:2])
    assert set(projected["DATA"][0]) == {"task_id", "label"}
    assert robot.task_list(filter=f"status:ACTIVE/{label}")["total"] == 0


def test_a_task_can_get_a_new_label_and_deadline_while_it_runs(robot: globus_sdk.TransferClient, area: Path) -> None:
    task_id = submit(robot, ("/not-there", f"/{area.name}/file"))

    robot.update_task(task_id, {"DATA_TYPE": "task", "label": "Renamed", "deadline": "2099-01-01 00:00:00"})

    task = robot.get_task(task_id)
    assert (task["label"], task["deadline"]) == ("Renamed", "2099-01-01T00:00:00+00:00")
    robot.cancel_task(task_id)
    assert error_of(lambda: robot.update_task(task_id, {"label": "x"}))[0] == 409


def test_skipped_errors_are_listed_and_the_rest_arrives(
    robot: globus_sdk.TransferClient, lab: Path, area: Path
) -> None:
    (lab / "there").write_text("x")
    task_id = submit(
        robot,
        (f"/{lab.name}/there", f"/{area.name}/there"),
        (f"/{lab.name}/missing", f"/{area.name}/missing"),
        skip_source_errors=True,
    )

    task = wait_for_end(robot, task_id)

    (skipped,) = robot.paginated.task_skipped_errors(task_id).items()
    assert (task["status"], task["subtasks_skipped_errors"]) == ("SUCCEEDED", 1)
    assert (skipped["source_path"], skipped["error_code"]) == (f"/{lab.name}/missing", "FILE_NOT_FOUND")
    assert "SKIPPED_ERRORS" in [event["code"] for event in robot.task_event_list(task_id)]
    assert law_of_subtasks(task)


def test_bookmarks_are_kept_for_their_owner(robot: globus_sdk.TransferClient, local_globus: LocalGlobusProcess) -> None:
    bookmark = robot.create_bookmark({"name": "Here", "endpoint_id": LAB, "path": "/"})

    assert [each["name"] for each in robot.bookmark_list()] == ["Here"]
    assert robot.update_bookmark(bookmark["id"], {"name": "There"})["name"] == "There"
    assert error_of(lambda: local_globus.transfer(PORTAL).get_bookmark(bookmark["id"])) == (
        404,
        "BookmarkNotFound",
    )
    robot.delete_bookmark(bookmark["id"])
    assert list(robot.bookmark_list()) == []
