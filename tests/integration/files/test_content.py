"""A file's bytes over HTTP: whole, in parts, not again, and never when somebody has touched them."""

from __future__ import annotations

import os
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.test import Client
from django.utils import timezone

from builders import NOON, a_member, a_membership, a_project, publish_files
from moorage.files.content import BLOCK_BYTES, Blocks, ObjectTouchedError, open_content
from moorage.files.models import FileVersion, ObjectState, StoredObject
from moorage.projects.models import Project, Role
from moorage.storage.layout import StoreLayout

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("globus")]

TEN = b"0123456789"


@pytest.fixture
def project(store: StoreLayout) -> Project:
    project = a_project()
    publish_files(project, {"data/ten.txt": TEN}, store=store)
    return project


@pytest.fixture
def member(client: Client, project: Project) -> Client:
    client.force_login(project.created_by)
    return client


def content_of(project: Project, **query: str) -> tuple[str, dict[str, str]]:
    return f"/projects/{project.pk}/files/content", query


def body(response: Any) -> bytes:
    """Everything that was sent; Django's test client closes what it has read to its end."""
    return bytes(response.getvalue() if isinstance(response, StreamingHttpResponse) else response.content)


def the_object(store: StoreLayout, content: bytes) -> Any:
    digest = sha256(content).hexdigest()
    return store.objects / digest[:2] / digest


def test_a_file_comes_whole_as_an_attachment_in_a_sandbox(member: Client, project: Project) -> None:
    response = member.get(*content_of(project, path="data/ten.txt"))

    assert response.status_code == 200
    assert body(response) == TEN
    assert response.headers["Content-Length"] == "10"
    assert response.headers["ETag"] == f'"{sha256(TEN).hexdigest()}"'
    assert response.headers["Last-Modified"] == "Sat, 14 Mar 2026 12:00:00 GMT"
    assert response.headers["Content-Disposition"] == 'attachment; filename="ten.txt"'
    assert response.headers["Content-Type"] == "text/plain"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "sandbox"
    assert response.headers["Accept-Ranges"] == "bytes"
    assert "private" in response.headers["Cache-Control"]


def test_head_tells_the_same_without_the_bytes(member: Client, project: Project) -> None:
    get = member.get(*content_of(project, path="data/ten.txt"))
    head = member.head(*content_of(project, path="data/ten.txt"))

    assert head.status_code == 200
    assert body(head) == b""
    assert dict(head.items()) == dict(get.items())
    assert body(get) == TEN


@pytest.mark.parametrize(
    ("asked", "given", "content_range"),
    [("bytes=2-4", b"234", "bytes 2-4/10"), ("bytes=-3", b"789", "bytes 7-9/10"), ("bytes=8-", b"89", "bytes 8-9/10")],
)
def test_a_part_comes_as_a_part(member: Client, project: Project, asked: str, given: bytes, content_range: str) -> None:
    response = member.get(*content_of(project, path="data/ten.txt"), headers={"Range": asked})

    assert response.status_code == 206
    assert body(response) == given
    assert response.headers["Content-Range"] == content_range
    assert response.headers["Content-Length"] == str(len(given))


def test_a_part_behind_the_end_is_refused(member: Client, project: Project) -> None:
    response = member.get(*content_of(project, path="data/ten.txt"), headers={"Range": "bytes=10-"})

    assert response.status_code == 416
    assert response.headers["Content-Range"] == "bytes */10"
    assert body(response) == b""


def test_a_download_goes_on_only_where_the_file_is_still_the_same(member: Client, project: Project) -> None:
    tag = sha256(TEN).hexdigest()

    same = member.get(*content_of(project, path="data/ten.txt"), headers={"Range": "bytes=5-", "If-Range": f'"{tag}"'})
    other = member.get(*content_of(project, path="data/ten.txt"), headers={"Range": "bytes=5-", "If-Range": '"other"'})

    assert (same.status_code, body(same)) == (206, b"56789")
    assert (other.status_code, body(other)) == (200, TEN)


def test_bytes_that_the_client_has_are_not_sent_again(member: Client, project: Project) -> None:
    tag = f'"{sha256(TEN).hexdigest()}"'

    again = member.get(*content_of(project, path="data/ten.txt"), headers={"If-None-Match": f'"x", {tag}'})
    changed = member.get(*content_of(project, path="data/ten.txt"), headers={"If-Match": '"x"'})

    assert (again.status_code, body(again), again.headers["ETag"]) == (304, b"", tag)
    assert (changed.status_code, body(changed)) == (412, b"")


def test_an_empty_file_is_empty(member: Client, project: Project, store: StoreLayout) -> None:
    publish_files(project, {"empty.txt": b""}, store=store)

    response = member.get(*content_of(project, path="empty.txt"))

    assert (response.status_code, response.headers["Content-Length"], body(response)) == (200, "0", b"")


def test_a_large_file_comes_in_blocks(member: Client, project: Project, store: StoreLayout) -> None:
    large = os.urandom(2 * BLOCK_BYTES + 12_345)
    publish_files(project, {"large.bin": large}, store=store)

    response = member.get(*content_of(project, path="large.bin"))

    assert isinstance(response, StreamingHttpResponse)
    blocks = list(response)
    assert [len(block) for block in blocks] == [BLOCK_BYTES, BLOCK_BYTES, 12_345]
    assert b"".join(blocks) == large


def test_an_old_version_stays_readable_by_revision_and_by_its_id(
    member: Client, project: Project, store: StoreLayout
) -> None:
    old = FileVersion.objects.get(name="ten.txt")
    publish_files(project, {"data/ten.txt": b"new"}, store=store)

    assert body(member.get(*content_of(project, path="data/ten.txt"))) == b"new"
    assert body(member.get(*content_of(project, path="data/ten.txt", revision="1"))) == TEN
    assert body(member.get(*content_of(project, version=str(old.pk)))) == TEN


def test_a_time_of_the_future_is_not_told(member: Client, project: Project, store: StoreLayout) -> None:
    publish_files(project, {"ahead.txt": b"1"}, store=store, at=timezone.now() + timedelta(days=400))

    told = member.get(*content_of(project, path="ahead.txt")).headers["Last-Modified"]

    assert str(timezone.now().year) in told


def lengthened(store: StoreLayout) -> None:
    with the_object(store, TEN).open("ab") as file:
        file.write(b"!")


def rewritten_in_place(store: StoreLayout) -> None:
    path = the_object(store, TEN)
    before = path.stat()
    # Two writes within one tick of the file system's clock leave the same times: go on until the next tick.
    while path.stat().st_mtime_ns == before.st_mtime_ns:
        path.write_bytes(TEN[::-1])


def replaced_by_a_link(store: StoreLayout) -> None:
    path = the_object(store, TEN)
    other = store.trash / "other"
    path.rename(other)
    path.symlink_to(other)


def removed(store: StoreLayout) -> None:
    the_object(store, TEN).unlink()


def known_to_be_damaged(_: StoreLayout) -> None:
    StoredObject.objects.update(state=ObjectState.DAMAGED)


@pytest.mark.parametrize("happened", [lengthened, rewritten_in_place, replaced_by_a_link, removed, known_to_be_damaged])
def test_bytes_that_somebody_touched_are_not_given_out(
    member: Client, project: Project, store: StoreLayout, happened: Any
) -> None:
    happened(store)

    for headers in ({}, {"Range": "bytes=0-3"}, {"If-None-Match": "*"}):
        response = member.get(*content_of(project, path="data/ten.txt"), headers=headers)
        assert response.status_code == 500
        assert TEN[:4] not in body(response)
        assert "ETag" not in response.headers


def test_other_names_of_an_object_may_come_and_go(member: Client, project: Project, store: StoreLayout) -> None:
    staged = store.sealed / "staged"
    staged.hardlink_to(the_object(store, TEN))
    staged.unlink()

    assert body(member.get(*content_of(project, path="data/ten.txt"))) == TEN


def test_bytes_that_are_touched_while_they_are_read_end_short(project: Project, store: StoreLayout) -> None:
    version = FileVersion.objects.select_related("stored_object").get(project=project)
    blocks = Blocks(open_content(version, store=store), 0, 10, block_bytes=4)
    first = next(blocks)

    rewritten_in_place(store)

    assert first == b"0123"
    next(blocks)
    with pytest.raises(ObjectTouchedError):
        next(blocks)
    blocks.close()


def test_no_descriptor_stays_open(member: Client, project: Project) -> None:
    before = len(os.listdir("/proc/self/fd"))

    for headers in ({}, {"Range": "bytes=0-3"}, {"Range": "bytes=99-"}, {"If-None-Match": "*"}, {"If-Match": '"x"'}):
        body(member.get(*content_of(project, path="data/ten.txt"), headers=headers))
        body(member.head(*content_of(project, path="data/ten.txt"), headers=headers))

    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"path": ""},
        {"path": "data"},
        {"path": "../data/ten.txt"},
        {"path": "data/ten.txt\0"},
        {"path": "data/ten.txt", "revision": "2"},
        {"path": "data/ten.txt", "revision": "0"},
        {"path": "data/ten.txt", "revision": "-1"},
        {"path": "data/ten.txt", "revision": "one"},
        {"path": "data/ten.txt", "revision": "9" * 40},
        {"path": "data/ten.txt", "revision": "\u0661"},
        {"version": "nonsense"},
        {"version": "00000000-0000-0000-0000-000000000000"},
    ],
)
def test_what_is_not_there_is_not_found(member: Client, project: Project, query: dict[str, str]) -> None:
    assert member.get(*content_of(project, **query)).status_code == 404


def test_only_members_of_the_project_get_the_bytes(client: Client, project: Project) -> None:
    version = str(FileVersion.objects.get(project=project).pk)
    stranger, viewer = a_member(), a_member()
    elsewhere = a_project(stranger)
    a_membership(project, viewer, Role.VIEWER)

    assert client.get(*content_of(project, path="data/ten.txt")).status_code == 302
    client.force_login(stranger)
    assert client.get(*content_of(project, path="data/ten.txt")).status_code == 404
    assert client.get(*content_of(elsewhere, version=version)).status_code == 404
    client.force_login(viewer)
    assert body(client.get(*content_of(project, path="data/ten.txt"))) == TEN
    assert client.post(*content_of(project, path="data/ten.txt")).status_code == 405


def test_odd_names_arrive_in_the_header(member: Client, project: Project, store: StoreLayout) -> None:
    publish_files(project, {'odd/"quote" é\n.txt': b"1"}, store=store, at=NOON)

    told = member.get(*content_of(project, path='odd/"quote" é\n.txt')).headers["Content-Disposition"]

    assert told == "attachment; filename=\"_quote_ __.txt\"; filename*=UTF-8''%22quote%22%20%C3%A9%0A.txt"


def test_a_file_whose_store_is_away_is_not_called_missing(member: Client, project: Project, store: StoreLayout) -> None:
    store.root.rename(store.root.parent / "its disk")
    for name in ("collection", "sealed", "objects", "trees", "trash"):
        (store.root / name).mkdir(parents=True)

    response = member.get(*content_of(project, path="data/ten.txt"))

    assert response.status_code == 503
    assert "The disk with the files is not there at the moment." in body(response).decode()
    assert StoredObject.objects.get().state == ObjectState.LIVE
