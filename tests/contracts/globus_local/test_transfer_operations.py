"""Listing, stat, mkdir and rename over the real SDK, and that they never leave the collection."""

from __future__ import annotations

import os
from pathlib import Path

import globus_sdk
import pytest

from local_globus import BOB, COMMONS, LAB, PORTAL, ROBOT, STRANGER, LocalGlobusProcess
from transfer_tasks import error_of, open_area


@pytest.fixture
def robot(local_globus: LocalGlobusProcess) -> globus_sdk.TransferClient:
    return local_globus.transfer(ROBOT)


@pytest.fixture
def folder(local_globus: LocalGlobusProcess, request: pytest.FixtureRequest) -> Path:
    """A folder of this test's own in the lab."""
    made: Path = local_globus.lab / request.node.name
    made.mkdir()
    return made


def test_a_listing_shows_folders_first_and_then_files_by_name(robot: globus_sdk.TransferClient, folder: Path) -> None:
    (folder / "b.txt").write_bytes(b"12345")
    (folder / "a.txt").write_bytes(b"")
    (folder / "z").mkdir()
    os.utime(folder / "b.txt", (1_700_000_000, 1_700_000_000.9))

    listing = robot.operation_ls(LAB, path=f"/{folder.name}")

    assert [entry["name"] for entry in listing] == ["z", "a.txt", "b.txt"]
    assert listing["path"] == f"/{folder.name}/"
    assert listing["total"] == listing["length"] == 3
    b_txt = listing["DATA"][2]
    assert (b_txt["type"], b_txt["size"]) == ("file", 5)
    assert b_txt["last_modified"] == "2023-11-14 22:13:20+00:00"
    assert listing["DATA"][0]["type"] == "dir"


def test_a_listing_is_filtered_ordered_and_paged(robot: globus_sdk.TransferClient, folder: Path) -> None:
    for size in range(5):
        (folder / f"{size}.dat").write_bytes(b"x" * size)
    (folder / ".hidden").write_bytes(b"")

    page = robot.operation_ls(
        LAB, path=f"/{folder.name}/", filter="name:~*.dat", orderby="size DESC", limit=2, offset=1
    )
    shown = robot.operation_ls(LAB, path=f"/{folder.name}/", show_hidden=False)

    assert [entry["name"] for entry in page] == ["3.dat", "2.dat"]
    assert (page["total"], page["has_next_page"]) == (5, True)
    assert ".hidden" not in [entry["name"] for entry in shown]


def test_errors_of_listings_are_those_that_clients_know(robot: globus_sdk.TransferClient, folder: Path) -> None:
    (folder / "file").write_bytes(b"")
    missing, file, bad = f"/{folder.name}/missing", f"/{folder.name}/file", "/a\nb"

    assert error_of(lambda: robot.operation_ls(LAB, path=missing)) == (404, "ClientError.NotFound")
    assert error_of(lambda: robot.operation_ls(LAB, path=file)) == (
        502,
        "ExternalError.DirListingFailed.NotDirectory",
    )
    assert error_of(lambda: robot.operation_ls(LAB, path=bad)) == (400, "InvalidPath")
    assert error_of(lambda: robot.operation_ls(LAB, path="/../..")) == (400, "InvalidPath")
    assert error_of(lambda: robot.operation_ls(BOB)) == (404, "EndpointNotFound")


def test_stat_tells_of_a_file_a_folder_and_nothing(robot: globus_sdk.TransferClient, folder: Path) -> None:
    (folder / "file").write_bytes(b"abc")

    assert robot.operation_stat(LAB, path=f"/{folder.name}/file")["size"] == 3
    assert robot.operation_stat(LAB, path=f"/{folder.name}/")["type"] == "dir"
    assert robot.operation_stat(LAB, path="/")["type"] == "dir"
    assert error_of(lambda: robot.operation_stat(LAB, path="/nothing")) == (404, "NotFound")


def test_mkdir_makes_one_level_and_says_when_it_is_there(robot: globus_sdk.TransferClient, folder: Path) -> None:
    wanted = f"/{folder.name}/new folder"

    assert robot.operation_mkdir(LAB, wanted)["code"] == "DirectoryCreated"
    assert (folder / "new folder").is_dir()
    assert error_of(lambda: robot.operation_mkdir(LAB, wanted)) == (502, "ExternalError.MkdirFailed.Exists")
    assert error_of(lambda: robot.operation_mkdir(LAB, "/")) == (502, "ExternalError.MkdirFailed.Exists")
    assert error_of(lambda: robot.operation_mkdir(LAB, f"/{folder.name}/x/y"))[0] == 404
    assert error_of(lambda: robot.operation_mkdir(LAB, f"/{folder.name}/x\ny")) == (400, "InvalidPath")
    assert error_of(lambda: robot.operation_mkdir(LAB, f"/{folder.name}/{'x' * 256}")) == (400, "InvalidPath")


def test_rename_moves_and_replaces_nothing(robot: globus_sdk.TransferClient, folder: Path) -> None:
    (folder / "old").write_text("old")
    (folder / "other").write_text("other")
    old, new, other = (f"/{folder.name}/{name}" for name in ("old", "new", "other"))

    assert error_of(lambda: robot.operation_rename(LAB, old, other)) == (
        502,
        "ExternalError.RenameFailed.Exists",
    )
    assert robot.operation_rename(LAB, old, new)["code"] == "FileRenamed"
    assert (folder / "new").read_text() == "old"
    assert error_of(lambda: robot.operation_rename(LAB, old, new))[0] == 404


def test_a_name_that_is_not_text_can_be_used_as_it_is_listed(robot: globus_sdk.TransferClient, folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9\xff")).mkdir()

    (entry,) = robot.operation_ls(LAB, path=f"/{folder.name}/")
    below = robot.operation_ls(LAB, path=f"/{folder.name}/{entry['name']}")
    robot.operation_rename(LAB, f"/{folder.name}/{entry['name']}", f"/{folder.name}/café")

    assert below["total"] == 0
    assert [each.name for each in folder.iterdir()] == ["café"]


def test_links_are_shown_and_not_followed(robot: globus_sdk.TransferClient, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder / "out").symlink_to(tmp_path)
    (folder / "in").symlink_to("/")
    path = f"/{folder.name}"

    listing = robot.operation_ls(LAB, path=path)

    assert {entry["type"] for entry in listing} == {"invalid_symlink"}
    assert listing["DATA"][1]["link_target"] == str(tmp_path)
    for call in (
        lambda: robot.operation_ls(LAB, path=f"{path}/out"),
        lambda: robot.operation_stat(LAB, path=f"{path}/out/secret"),
        lambda: robot.operation_mkdir(LAB, f"{path}/out/made"),
        lambda: robot.operation_rename(LAB, f"{path}/out/secret", f"{path}/mine"),
    ):
        assert error_of(call)[0] in (404, 502)
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


def test_a_rule_opens_its_folder_and_nothing_else(local_globus: LocalGlobusProcess) -> None:
    open_area(local_globus, "area")
    (local_globus.commons / "area" / "file").write_text("mine")
    (local_globus.commons / "area-of-another").mkdir()
    robot = local_globus.transfer(ROBOT)

    assert robot.operation_ls(COMMONS, path="/area/")["total"] == 1
    robot.operation_mkdir(COMMONS, "/area/inside")
    for call in (
        lambda: robot.operation_ls(COMMONS, path="/"),
        lambda: robot.operation_ls(COMMONS, path="/area-of-another/"),
        lambda: robot.operation_ls(COMMONS, path="/area/../area-of-another/"),
        lambda: robot.operation_mkdir(COMMONS, "/beside"),
        lambda: robot.operation_mkdir(COMMONS, "/area-of-another/x"),
        lambda: robot.operation_rename(COMMONS, "/area", "/away"),
        lambda: robot.operation_rename(COMMONS, "/area/file", "/file"),
    ):
        assert error_of(call) == (403, "PermissionDenied")
    assert error_of(lambda: robot.operation_stat(COMMONS, path="/area-of-another")) == (
        403,
        "EndpointPermissionDenied",
    )


def test_a_read_rule_lets_nobody_change_anything(local_globus: LocalGlobusProcess) -> None:
    open_area(local_globus, "read-only", permissions="r")
    robot = local_globus.transfer(ROBOT)

    assert robot.operation_ls(COMMONS, path="/read-only/")["total"] == 0
    assert error_of(lambda: robot.operation_mkdir(COMMONS, "/read-only/x")) == (403, "PermissionDenied")


def test_a_stranger_sees_the_collection_and_nothing_in_it(local_globus: LocalGlobusProcess) -> None:
    stranger = local_globus.transfer(STRANGER)

    found = [each["id"] for each in stranger.endpoint_search("commons")]
    document = stranger.get_endpoint(COMMONS)

    assert found == [COMMONS]
    assert document["my_effective_roles"] == []
    assert error_of(lambda: stranger.operation_ls(COMMONS)) == (403, "PermissionDenied")


def test_an_endpoint_document_says_what_a_portal_checks(local_globus: LocalGlobusProcess) -> None:
    document = local_globus.transfer(PORTAL).get_endpoint(COMMONS)

    assert {"access_manager", "activity_monitor", "activity_manager"} <= set(document["my_effective_roles"])
    assert document["https_server"] == f"{local_globus.url}/collections-data/{COMMONS}"
    assert document["entity_type"] == "GCSv5_guest_collection"
    assert str(local_globus.commons) not in document.text


def test_a_call_without_a_token_is_refused_in_json(local_globus: LocalGlobusProcess) -> None:
    client = globus_sdk.TransferClient(
        authorizer=globus_sdk.AccessTokenAuthorizer("wrong"), base_url=local_globus.url + "/"
    )

    assert error_of(lambda: client.operation_ls(LAB)) == (401, "AuthenticationFailed")
    assert error_of(lambda: local_globus.transfer(ROBOT).get("/v0.10/no/such/route"))[0] == 404
