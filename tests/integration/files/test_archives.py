"""A folder or a selection as one file: what others' tools read of it, any part of it, and damage on its way."""

from __future__ import annotations

import os
import random
import re
import subprocess
import zipfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from builders import NOON, a_member, a_membership, a_project, publish_files
from moorage.files.archives import pieces
from moorage.files.archives.layout import LAYOUTS, Layouts, measure
from moorage.files.archives.selection import select
from moorage.files.archives.zip import ZipForm
from moorage.files.content import ObjectTouchedError
from moorage.files.models import ObjectState, StoredObject
from moorage.projects.models import Project, Role
from moorage.storage.layout import StoreLayout

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("globus")]

TREE = {
    "notes.txt": b"notes",
    "empty.txt": b"",
    "day 1/a.tif": b"one" * 500,
    "day 1/b.tif": b"two" * 170 + b"ab",  # 512 bytes: no padding in a TAR
    "day 1/deep/er/c.tif": b"three",
    "day 10/c.tif": b"three",
    "größe/naïve Ω/日本.tif": b"four",
    "long/" + "l" * 200 + "/" + "n" * 250: b"five",
    "odd/ space ": b"six",
    "odd/back\\slash": b"seven",
    "odd/-rf *": b"eight",
    **{f"many/{number:03}.dat": b"%d" % number * number for number in range(120)},
}
FOLDERS = ["nothing/in here"]


@pytest.fixture
def project(store: StoreLayout, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Some tree in several pieces, so that every way of cutting is gone."""
    monkeypatch.setattr(pieces, "ROWS_PER_PIECE", 25)
    project = a_project(name="Beamline 7")
    publish_files(project, TREE, folders=FOLDERS, store=store)
    return project


@pytest.fixture
def member(client: Client, project: Project) -> Client:
    client.force_login(project.created_by)
    return client


def get(client: Client, project: Project, *, page: str = "archive", **query: Any) -> Any:
    headers = query.pop("headers", {})
    return client.get(f"/projects/{project.pk}/files/{page}", query, headers=headers)


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else bytes(response.content)


def whole(client: Client, project: Project, **query: Any) -> bytes:
    response = get(client, project, **query)
    assert response.status_code == 200, response.content
    sent = body(response)
    assert response.headers["Content-Length"] == str(len(sent))
    return sent


def read_tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", **environment},
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout.decode()


def test_unzip_finds_everything_as_it_is(member: Client, project: Project, tmp_path: Path) -> None:
    (tmp_path / "it.zip").write_bytes(whole(member, project))

    said = run("unzip", "-t", "it.zip", cwd=tmp_path)
    assert "No errors detected" in said
    assert "warning" not in said
    folders = {str(above) for path in [*TREE, *FOLDERS] for above in Path(path).parents} | {*FOLDERS}
    entries = len(TREE) + len(folders - {"."})
    assert f"number of entries: {entries}\n" in run("zipinfo", "-h", "it.zip", cwd=tmp_path)
    run("unzip", "-q", "it.zip", "-d", "out", cwd=tmp_path)
    assert read_tree(tmp_path / "out") == TREE
    assert (tmp_path / "out/nothing/in here").is_dir()
    assert (tmp_path / "out/notes.txt").stat().st_mtime == NOON.timestamp()


def test_python_finds_no_fault_in_a_zip(member: Client, project: Project) -> None:
    with zipfile.ZipFile(BytesIO(whole(member, project))) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()} == TREE
        assert "nothing/in here/" in archive.namelist()


def test_tar_finds_everything_as_it_is(member: Client, project: Project, tmp_path: Path) -> None:
    (tmp_path / "it.tar").write_bytes(whole(member, project, format="tar"))
    (tmp_path / "out").mkdir()

    assert "2026-03-14 12:00 notes.txt" in run("tar", "-tvf", "it.tar", cwd=tmp_path)
    run("tar", "-xf", "it.tar", "-C", "out", cwd=tmp_path)
    assert read_tree(tmp_path / "out") == TREE
    assert (tmp_path / "out/nothing/in here").is_dir()


def test_sha256sum_finds_every_file_of_an_archive(member: Client, project: Project, tmp_path: Path) -> None:
    (tmp_path / "it.tar").write_bytes(whole(member, project, format="tar"))
    run("tar", "-xf", "it.tar", cwd=tmp_path)
    (tmp_path / "list").write_bytes(body(get(member, project, page="list")))

    said = run("sha256sum", "--strict", "-c", "list", cwd=tmp_path)
    assert said.count(": OK\n") == len(TREE)


def test_facts_tell_of_every_file(member: Client, project: Project) -> None:
    lines = body(get(member, project, page="list", format="jsonl", path="day 1")).decode().splitlines()

    assert len(lines) == 3
    assert f'"digest":"{sha256(b"three").hexdigest()}","modified_at":"2026-03-14T12:00:00Z"' in lines[-1]


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_any_part_is_what_the_whole_has_there(member: Client, project: Project, form: str) -> None:
    everything = whole(member, project, format=form)
    chance = random.Random(7)  # noqa: S311 - repeatable on purpose
    spans = [(0, 0), (0, 29), (len(everything) - 22, len(everything) - 1)]
    spans += [sorted(chance.choices(range(len(everything)), k=2)) for _ in range(20)]  # type: ignore[misc]
    spans += [(start, start + chance.randrange(600)) for start in chance.choices(range(len(everything) - 600), k=30)]

    for start, last in spans:
        response = get(member, project, format=form, headers={"Range": f"bytes={start}-{last}"})
        assert response.status_code == 206
        assert body(response) == everything[start : last + 1], (start, last)
        assert response.headers["Content-Range"] == f"bytes {start}-{last}/{len(everything)}"


def test_a_part_needs_nothing_that_was_kept(member: Client, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = whole(member, project)
    monkeypatch.setattr(LAYOUTS, "of", Layouts().of)

    assert body(get(member, project, headers={"Range": "bytes=5000-"})) == everything[5000:]


def test_a_download_goes_on_only_with_the_same_archive(member: Client, project: Project, store: StoreLayout) -> None:
    first = get(member, project, revision=1)
    tag = first.headers["ETag"]
    body(first)
    publish_files(project, {"later.txt": b"later"}, store=store)

    resume = {"Range": "bytes=10-19", "If-Range": tag}
    assert get(member, project, revision=1, headers=resume).status_code == 206
    assert get(member, project, revision=2, headers=resume).status_code == 200
    assert get(member, project, revision=1, format="tar", headers=resume).status_code == 200
    assert get(member, project, revision=1, path="day 1", headers=resume).status_code == 200
    assert get(member, project, revision=1, headers={"If-None-Match": tag}).status_code == 304


def test_a_head_request_tells_the_length(member: Client, project: Project) -> None:
    length = len(whole(member, project))

    assert member.head(f"/projects/{project.pk}/files/archive").headers["Content-Length"] == str(length)


def test_a_selection_holds_what_was_chosen_and_nothing_twice(member: Client, project: Project) -> None:
    sent = whole(member, project, path=["day 1/deep", "day 1", "notes.txt", "notes.txt", "day 10/c.tif"])

    with zipfile.ZipFile(BytesIO(sent)) as archive:
        assert sorted(archive.namelist()) == [
            "day 1/",
            "day 1/a.tif",
            "day 1/b.tif",
            "day 1/deep/",
            "day 1/deep/er/",
            "day 1/deep/er/c.tif",
            "day 10/c.tif",
            "notes.txt",
        ]


def test_an_older_revision_is_as_it_was(member: Client, project: Project, store: StoreLayout) -> None:
    before = whole(member, project)
    publish_files(project, {"notes.txt": b"new notes"}, removed=["day 10/c.tif"], store=store)

    assert whole(member, project, revision=1) == before
    with zipfile.ZipFile(BytesIO(whole(member, project))) as archive:
        assert archive.read("notes.txt") == b"new notes"
        assert "day 10/c.tif" not in archive.namelist()


def test_the_name_tells_what_it_is_and_of_when(member: Client, project: Project) -> None:
    assert 'filename="Beamline 7-r1.zip"' in get(member, project).headers["Content-Disposition"]
    assert 'filename="day 1-r1.tar"' in get(member, project, path="day 1", format="tar").headers["Content-Disposition"]


def test_an_empty_project_is_an_empty_archive(client: Client) -> None:
    project = a_project()
    client.force_login(project.created_by)

    with zipfile.ZipFile(BytesIO(whole(client, project))) as archive:
        assert archive.namelist() == []


def test_what_is_not_there_is_not_found(member: Client, project: Project) -> None:
    assert get(member, project, path="nowhere").status_code == 404
    assert get(member, project, revision=9).status_code == 404
    assert get(member, project, format="rar").status_code == 422
    assert get(member, project, path=[f"p{number}" for number in range(501)]).status_code == 422


def test_only_members_get_an_archive_and_readers_are_enough(client: Client, project: Project) -> None:
    reader, stranger = a_member(), a_member()
    a_membership(project, reader, Role.VIEWER)

    client.force_login(stranger)
    assert get(client, project).status_code == 404
    assert get(client, project, page="list").status_code == 404
    client.force_login(reader)
    assert get(client, project).status_code == 200


def the_object(store: StoreLayout, content: bytes) -> Path:
    digest = sha256(content).hexdigest()
    return store.objects / digest[:2] / digest


def test_a_lost_object_stops_an_archive_before_its_first_byte(
    member: Client, project: Project, store: StoreLayout
) -> None:
    the_object(store, b"seven").unlink()

    assert get(member, project).status_code == 500
    assert get(member, project, path="day 1").status_code == 200


def test_known_damage_anywhere_stops_an_archive_before_its_first_byte(member: Client, project: Project) -> None:
    damaged = StoredObject.objects.filter(digest=sha256(b"seven").hexdigest())
    damaged.update(state=ObjectState.DAMAGED)

    response = get(member, project, headers={"Range": "bytes=0-9"})
    assert response.status_code == 500
    assert "back\\slash" in response.content.decode()


def test_an_object_that_is_touched_meanwhile_breaks_the_archive_off(
    member: Client, project: Project, store: StoreLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moorage.files.archives.body.CHECKED_FIRST", 1)
    length = len(whole(member, project))
    response = get(member, project)
    the_object(store, b"seven").unlink()
    the_object(store, b"seven").write_bytes(b"eleven!")

    sent = 0
    with pytest.raises(ObjectTouchedError):  # noqa: PT012 - what was sent before counts
        for block in response.streaming_content:
            sent += len(block)
    assert sent < length


def test_what_is_ticked_leads_to_an_address_of_the_shown_revision(
    member: Client, project: Project, store: StoreLayout
) -> None:
    publish_files(project, {"later.txt": b"later"}, store=store)
    page = f"/projects/{project.pk}/files/archive"

    answer = member.post(page, {"chosen": ["day%201", "notes.txt"], "revision": "1", "format": "zip"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{page}?path=day+1&path=notes.txt&revision=1&format=zip"
    assert member.get(answer.headers["Location"]).status_code == 200
    assert member.post(page, {"format": "zip"}).status_code == 422


def test_a_selection_too_long_for_an_address_is_sent_at_once(member: Client, project: Project) -> None:
    chosen = [path for path in TREE if path.startswith(("many", "long"))]

    answer = member.post(f"/projects/{project.pk}/files/archive", {"chosen": chosen * 2, "format": "zip"})
    assert answer.status_code == 200
    with zipfile.ZipFile(BytesIO(body(answer))) as archive:
        assert sorted(archive.namelist()) == sorted(chosen)


def test_the_files_page_offers_the_folder_at_the_shown_revision_to_readers(client: Client, project: Project) -> None:
    reader = a_member()
    a_membership(project, reader, Role.VIEWER)
    client.force_login(reader)

    page = client.get(f"/projects/{project.pk}/files/", {"path": "day 1"}).content.decode()
    assert re.search(r'href="[^"]*/files/archive\?path=day\+1&amp;revision=1&amp;format=zip"', page)
    assert 'name="chosen"' in page
    assert "files/remove" not in page


def test_a_piece_of_a_deep_folder_takes_no_more_queries_than_one_at_the_top(
    project: Project, store: StoreLayout
) -> None:
    deepest = "a/" * 60 + "leaf"
    publish_files(project, {"a/leaf": b"one", deepest: b"two"}, store=store)
    layout = measure(select(project, ["a"]), ZipForm())

    queries: list[int] = []
    names: list[str] = []
    for piece in layout.pieces:
        with CaptureQueriesContext(connection) as asked:
            read = [member.entry for member in layout.plan.read(piece)]
        with CaptureQueriesContext(connection) as asked_for_entries:
            assert list(layout.plan.read_entries(piece)) == read
        queries += [len(asked), len(asked_for_entries)]

        names += [entry.path.decode() for entry in read]

    assert names == ["a/", "a/leaf", *("a/" * depth for depth in range(2, 61)), deepest]
    assert max(queries) <= 2


def test_kept_layouts_are_bounded(project: Project) -> None:
    some = [select(project, [path]) for path in ("day 1", "day 10", "many")]
    kept = Layouts(kept_bytes=1)

    first = kept.of(some[0], ZipForm())
    assert kept.of(some[0], ZipForm()) is first
    for selection in some:
        assert kept.of(selection, ZipForm()).size_bytes == measure(selection, ZipForm()).size_bytes
    assert kept.of(some[0], ZipForm()) is not first
