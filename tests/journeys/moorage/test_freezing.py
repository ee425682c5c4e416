"""DONE amid a transfer: "when transfers finish" leaves it alone, "now" ends it; nobody writes afterwards."""

from __future__ import annotations

from collections.abc import Callable

import globus_sdk
import pytest
import requests

from running_moorage import RunningMoorage, eventually
from script_author import ScriptAuthor

pytestmark = pytest.mark.journey

SLOW = ("--globus-setting", "bytes_per_second=300000")
FILES = {f"part {number}.bin": bytes([number]) * 400_000 for number in range(8)}


@pytest.fixture
def author(start_moorage: Callable[..., RunningMoorage]) -> ScriptAuthor:
    author = ScriptAuthor(start_moorage(*SLOW))
    author.folder("slow", FILES)
    return author


def bytes_arrive(author: ScriptAuthor, upload: dict[str, object], task: str) -> None:
    client = author.globus()
    eventually(lambda: client.get_task(task)["bytes_transferred"] > 500_000)
    assert client.get_task(task)["status"] == "ACTIVE"


def test_import_when_transfers_finish_leaves_the_transfer_alone(author: ScriptAuthor) -> None:
    upload = author.open_upload("quiet")
    task = author.start_transfer(upload, "slow")
    bytes_arrive(author, upload, task)

    wished = author.done(upload, when="quiet")

    assert wished["state"] == "open"
    assert wished["waiting_for_quiet"]
    ended = author.wait_for_task(task)
    assert (ended["status"], ended["faults"]) == ("SUCCEEDED", 0)
    assert author.wait_for(upload)["state"] == "imported"
    assert set(FILES) <= set(author.project_files())


def test_import_now_cancels_the_transfer_and_no_half_file_gets_in(author: ScriptAuthor) -> None:
    upload = author.open_upload("now")
    task = author.start_transfer(upload, "slow")
    bytes_arrive(author, upload, task)

    author.done(upload, when="now")

    assert author.wait_for_task(task)["status"] == "FAILED"
    ended = author.wait_for(upload)
    assert ended["state"] in {"imported", "failed"}, ended
    arrived = author.project_files()
    for path in set(arrived) & set(FILES):
        assert author.content(path) == FILES[path], f"{path} is a half file"
    assert len(set(arrived) & set(FILES)) < len(FILES)


def test_after_done_the_uploader_can_neither_write_nor_read_there(author: ScriptAuthor) -> None:
    author.folder("small", {"a.txt": b"a"})
    upload = author.open_upload("sealed")
    author.transfer(upload, "small")
    client = author.globus()
    collection = author.moorage.demo["collections"]["moorage"]
    assert [entry["name"] for entry in client.operation_ls(collection, path=upload["globus"]["path"])] == ["a.txt"]

    author.done(upload)
    author.wait_for(upload, "sealed", "importing", "imported")

    with pytest.raises(globus_sdk.TransferAPIError) as refused:
        client.operation_ls(collection, path=upload["globus"]["path"])
    assert refused.value.http_status == 403
    with pytest.raises(globus_sdk.TransferAPIError):
        client.operation_mkdir(collection, upload["globus"]["path"] + "late/")
    assert author.wait_for(upload)["state"] == "imported"


def test_the_uploader_sees_nothing_outside_her_own_area(author: ScriptAuthor) -> None:
    mine, other = author.open_upload("mine"), author.open_upload("other")
    client = author.globus()
    demo = author.moorage.demo
    collection = demo["collections"]["moorage"]

    for path in ("/", "/../", mine["globus"]["path"] + "../", f"{mine['globus']['path']}../../sealed/"):
        with pytest.raises(globus_sdk.TransferAPIError) as refused:
            client.operation_ls(collection, path=path)
        assert refused.value.http_status in {400, 403}, path
    assert client.operation_ls(collection, path=other["globus"]["path"]).data["DATA"] == []
    url = f"{demo['globus_web']}/collections-data/{collection}{mine['globus']['path']}..%2f..%2fx.txt"
    answer = requests.put(url, data=b"x", timeout=10, allow_redirects=False)
    assert answer.status_code in {302, 400, 401, 403}
