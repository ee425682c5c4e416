"""HTTPS access to a collection's files, with tokens, over real HTTP."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests

from local_globus import COMMONS, LAB, PASSWORD, PORTAL, ROBOT, STRANGER, LocalGlobusProcess
from transfer_tasks import open_area
from visitor import Visitor

CONTENT = bytes(range(256)) * 40


class Files:
    """A collection's files, as one client identity reaches them."""

    def __init__(self, service: LocalGlobusProcess, collection: str, client_id: str | None) -> None:
        self.base = f"{service.url}/collections-data/{collection}"
        self.headers: dict[str, str] = {}
        if client_id is not None:
            token = service.token(client_id, f"https://auth.globus.org/scopes/{collection}/https")
            self.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method: str, path: str | bytes, *, data: Any = None, **headers: str) -> requests.Response:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(
            method,
            self.base + quote(path, safe="/"),
            headers=self.headers | more,
            data=data,
            allow_redirects=False,
            timeout=30,
        )


@pytest.fixture
def mine(local_globus: LocalGlobusProcess) -> Files:
    return Files(local_globus, LAB, ROBOT)


@pytest.fixture
def folder(local_globus: LocalGlobusProcess, request: pytest.FixtureRequest) -> Path:
    made: Path = local_globus.lab / request.node.name[:100]
    made.mkdir()
    (made / "file.txt").write_bytes(CONTENT)
    return made


def test_a_file_is_read_whole_as_an_attachment_that_no_browser_runs(mine: Files, folder: Path) -> None:
    answer = mine("GET", f"/{folder.name}/file.txt")
    head = mine("HEAD", f"/{folder.name}/file.txt")

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(CONTENT))
    assert head.headers["ETag"] == answer.headers["ETag"]


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-9", 206, CONTENT[:10]),
        ("bytes=100-", 206, CONTENT[100:]),
        ("bytes=-7", 206, CONTENT[-7:]),
        ("bytes=5-999999", 206, CONTENT[5:]),
        ("bytes=999999-", 416, b""),
        ("bytes=0-1,5-6", 200, CONTENT),
        ("lines=1-2", 200, CONTENT),
    ],
)
def test_a_range_gives_just_that_part(mine: Files, folder: Path, wanted: str, status: int, part: bytes) -> None:
    answer = mine("GET", f"/{folder.name}/file.txt", Range=wanted)

    assert (answer.status_code, answer.content) == (status, part)
    if status == 206:
        start = CONTENT.index(part) if wanted == "bytes=0-9" else len(CONTENT) - len(part)
        assert answer.headers["Content-Range"] == f"bytes {start}-{start + len(part) - 1}/{len(CONTENT)}"
    if status == 416:
        assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


def test_a_range_of_a_file_that_has_changed_gives_the_new_file(mine: Files, folder: Path) -> None:
    path = f"/{folder.name}/file.txt"
    etag = mine("HEAD", path).headers["ETag"]

    same = mine("GET", path, Range="bytes=0-4", If_Range=etag)
    (folder / "file.txt").write_bytes(b"another one")
    changed = mine("GET", path, Range="bytes=0-4", If_Range=etag)

    assert (same.status_code, same.content) == (206, CONTENT[:5])
    assert (changed.status_code, changed.content) == (200, b"another one")


def test_an_unchanged_file_is_not_sent_again(mine: Files, folder: Path) -> None:
    path = f"/{folder.name}/file.txt"
    first = mine("GET", path)

    assert mine("GET", path, If_None_Match=first.headers["ETag"]).status_code == 304
    assert mine("GET", path, If_Modified_Since=first.headers["Last-Modified"]).status_code == 304


@pytest.mark.parametrize(
    "name", [b"with space", b"quo'te\"s", b"#%?&;+", b"back\\slash", "😀 ünï".encode(), b"caf\xe9\xff", b"x" * 255]
)
def test_any_name_can_be_written_read_and_deleted(mine: Files, folder: Path, name: bytes) -> None:
    path = f"/{folder.name}/".encode() + name

    assert mine("PUT", path, data=b"content").status_code == 201
    answer = mine("GET", path)
    stored = [os.fsencode(each.name) for each in folder.iterdir() if each.name != "file.txt"]
    assert (answer.status_code, answer.content) == (200, b"content")
    assert stored == [name]
    assert mine("DELETE", path).status_code == 200
    assert mine("GET", path).status_code == 404


def test_putting_makes_a_file_or_replaces_it(mine: Files, folder: Path) -> None:
    path = f"/{folder.name}/new"

    assert mine("PUT", path, data=b"one").status_code == 201
    assert mine("PUT", path, data=b"two").status_code == 200
    assert mine("PUT", path, data=b"three", If_None_Match="*").status_code == 412
    assert (folder / "new").read_bytes() == b"two"
    assert (folder / "new").stat().st_mode & 0o777 == 0o644
    assert mine("PUT", f"/{folder.name}/empty", data=b"").status_code == 201
    assert (folder / "empty").read_bytes() == b""


def test_what_cannot_be_put_is_refused(mine: Files, folder: Path, tmp_path: Path) -> None:
    (folder / "folder").mkdir()
    (folder / "way-out").symlink_to(tmp_path)
    (folder / "link").symlink_to(tmp_path / "new")
    path = f"/{folder.name}"

    def in_pieces() -> Iterator[bytes]:
        yield b"without a length"

    assert mine("PUT", f"{path}/missing/x", data=b"x").status_code == 404
    assert mine("PUT", f"{path}/folder", data=b"x").status_code == 409
    assert mine("PUT", f"{path}/way-out/x", data=b"x").status_code == 404
    assert mine("PUT", f"{path}/link", data=b"x").status_code == 409
    assert mine("PUT", f"{path}/{'x' * 256}", data=b"x").status_code == 400
    assert mine("PUT", f"{path}/x", data=in_pieces()).status_code == 411
    assert mine("DELETE", f"{path}/folder").status_code == 409
    assert mine("GET", f"{path}/folder").status_code == 409
    assert mine("GET", f"{path}/link").status_code == 409
    assert list(tmp_path.iterdir()) == []
    assert not (folder / "x").exists()


def test_a_sender_that_goes_away_leaves_nothing(mine: Files, folder: Path, local_globus: LocalGlobusProcess) -> None:
    with socket.create_connection(("127.0.0.1", local_globus.port)) as connection:
        connection.sendall(
            f"PUT /collections-data/{LAB}/{folder.name}/half HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n"
            f"Authorization: {mine.headers['Authorization']}\r\n\r\n".encode()
            + b"x" * 1_000_000
        )
        time.sleep(0.5)
    time.sleep(1)

    assert [each.name for each in folder.iterdir()] == ["file.txt"]


def slowly(started: threading.Event, going_on: threading.Event) -> Iterator[bytes]:
    yield b"x" * 1000
    started.set()
    going_on.wait(20)
    yield b"y" * 1000


class Sized:
    """A body with a known length that comes in pieces."""

    def __init__(self, pieces: Iterator[bytes], length: int) -> None:
        self._pieces, self._length = pieces, length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def read(self, _size: int = -1) -> bytes:
        return next(self._pieces, b"")


@pytest.mark.parametrize("happens", ["the rule is taken away", "the folder is moved away"])
def test_a_file_whose_last_byte_comes_too_late_never_appears(local_globus: LocalGlobusProcess, happens: str) -> None:
    name = happens.replace(" ", "-")
    rule_id = open_area(local_globus, name)
    area = local_globus.commons / name
    started, going_on, answers = threading.Event(), threading.Event(), list[int]()
    files = Files(local_globus, COMMONS, ROBOT)
    body = Sized(slowly(started, going_on), 2000)
    sender = threading.Thread(target=lambda: answers.append(files("PUT", f"/{name}/file", data=body).status_code))
    sender.start()
    assert started.wait(20)
    time.sleep(0.3)

    if happens == "the rule is taken away":
        local_globus.transfer(PORTAL).delete_endpoint_acl_rule(COMMONS, rule_id)
    else:
        area = area.rename(local_globus.folder / "sealed")
    going_on.set()
    sender.join(30)

    assert answers == ([403] if happens == "the rule is taken away" else [404])
    assert list(area.iterdir()) == []


def test_only_who_has_a_rule_reads_and_writes(local_globus: LocalGlobusProcess) -> None:
    open_area(local_globus, "guarded", permissions="r")
    (local_globus.commons / "guarded" / "file").write_text("content")
    (local_globus.commons / "other").write_text("other")
    ada, stranger = Files(local_globus, COMMONS, ROBOT), Files(local_globus, COMMONS, STRANGER)

    assert ada("GET", "/guarded/file").text == "content"
    assert ada("PUT", "/guarded/file", data=b"x").status_code == 403
    assert ada("DELETE", "/guarded/file").status_code == 403
    assert ada("GET", "/other").status_code == 403
    assert ada("GET", "/guarded/../other").status_code in (403, 404)
    assert stranger("GET", "/guarded/file").status_code == 403
    assert stranger("GET", "/guarded/file").json()["code"] == "PermissionDenied"


def test_a_token_for_another_service_opens_nothing(local_globus: LocalGlobusProcess, folder: Path) -> None:
    files = Files(local_globus, LAB, None)
    for token in (local_globus.token(ROBOT, "urn:globus:auth:scope:transfer.api.globus.org:all"), "nonsense"):
        files.headers["Authorization"] = f"Bearer {token}"
        assert files("GET", f"/{folder.name}/file.txt").status_code in (401, 403)


def test_without_a_token_a_browser_is_sent_to_sign_in_and_a_script_is_told(
    local_globus: LocalGlobusProcess, folder: Path
) -> None:
    nobody = Files(local_globus, LAB, None)

    to_sign_in = nobody("GET", f"/{folder.name}/file.txt")
    query = parse_qs(urlsplit(to_sign_in.headers["Location"]).query)

    assert to_sign_in.status_code == 302
    assert query["client_id"] == [LAB]
    assert query["redirect_uri"] == [f"{nobody.base}/{quote(folder.name)}/file.txt"]
    assert nobody("GET", f"/{folder.name}/file.txt", X_Requested_With="fetch").status_code == 401
    assert nobody("PUT", f"/{folder.name}/file.txt", data=b"x").status_code == 401


def test_a_public_file_needs_no_token(local_globus: LocalGlobusProcess) -> None:
    (local_globus.commons / "public").mkdir()
    (local_globus.commons / "public" / "file").write_text("for all")
    local_globus.transfer(PORTAL).add_endpoint_acl_rule(
        COMMONS,
        {
            "DATA_TYPE": "access",
            "principal_type": "anonymous",
            "principal": "",
            "path": "/public/",
            "permissions": "r",
        },
    )

    answer = Files(local_globus, COMMONS, None)("GET", "/public/file", Origin="https://elsewhere.example")

    assert answer.text == "for all"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_another_site_cannot_use_the_session_of_our_pages(local_globus: LocalGlobusProcess) -> None:
    answer = Files(local_globus, LAB, None)("OPTIONS", "/x", Access_Control_Request_Method="PUT")

    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed
    assert "x-requested-with" not in allowed


def test_a_big_file_goes_in_and_out_with_little_memory(
    mine: Files, folder: Path, local_globus: LocalGlobusProcess
) -> None:
    size = 200_000_000
    before = peak_memory(local_globus)

    def body() -> Iterator[bytes]:
        for _ in range(200):
            yield b"z" * 1_000_000

    assert mine("PUT", f"/{folder.name}/big", data=Sized(body(), size)).status_code == 201
    assert (folder / "big").stat().st_size == size
    with requests.get(f"{mine.base}/{folder.name}/big", headers=mine.headers, stream=True, timeout=60) as answer:
        assert sum(len(piece) for piece in answer.iter_content(1_000_000)) == size

    assert peak_memory(local_globus) - before < 60_000_000


def peak_memory(service: LocalGlobusProcess) -> int:
    """The most memory, in bytes, that any process of the service has had so far."""
    assert service.process is not None
    pids = [service.process.pid, *children(service.process.pid)]
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return max(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def children(pid: int) -> list[int]:
    return [
        int(each) for task in Path(f"/proc/{pid}/task").iterdir() for each in (task / "children").read_text().split()
    ]


def test_a_signed_in_browser_reads_by_its_session_and_writes_only_from_our_pages(
    local_globus: LocalGlobusProcess, folder: Path
) -> None:
    visitor = Visitor(local_globus.url)
    link = f"/collections-data/{LAB}/{quote(folder.name)}/file.txt"

    visitor.open(link)
    back = visitor.sign_in("ada@example.org", PASSWORD)
    put = {
        header: visitor.http.put(local_globus.url + link, data=b"new", headers={"X-Requested-With": header}, timeout=30)
        for header in ("", "XMLHttpRequest", "globus-local")
    }

    assert back.content == CONTENT, "after signing in the browser is back at the file"
    assert [answer.status_code for answer in put.values()] == [403, 403, 200]
    assert (folder / "file.txt").read_bytes() == b"new"
