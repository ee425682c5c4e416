"""Over HTTPS, too, damage does not leave the house: what is doubtful is read before its first byte is sent."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client

from builders import NOON, a_project, publish_files
from moorage.accounts.tokens import create_token
from moorage.backends import backends, using
from moorage.files import proving
from moorage.files.archives import body as archives
from moorage.files.browsing import find_file
from moorage.files.content import ObjectTouchedError
from moorage.files.models import ObjectState, StoredObject
from moorage.files.proving import READINGS, BeingReadError, Readings, open_proved
from moorage.projects.models import Project
from moorage.storage.layout import StoreLayout
from moorage.storage.trash import Trash
from storekeeping import file_of, flip_a_byte

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("globus")]

GOOD, OTHER, THIRD = b"good bytes", b"other bytes", b"third"
LONG_AGO = NOON - timedelta(days=91)


@pytest.fixture
def project(store: StoreLayout) -> Project:
    """Three files that were read lately."""
    project = a_project()
    publish_files(project, {"a/good": GOOD, "b/other": OTHER, "c/third": THIRD}, store=store)
    StoredObject.objects.update(verified_at=NOON)
    return project


@pytest.fixture
def member(client: Client, project: Project) -> Client:
    client.force_login(project.created_by)
    return client


def ask(client: Client, project: Project, *, path: str = "a/good", page: str = "content", **headers: str) -> Any:
    return client.get(f"/projects/{project.pk}/files/{page}", {"path": path} if path else {}, headers=headers)


def sent(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else bytes(response.content)


def row_of(project: Project, path: str = "a/good") -> StoredObject:
    return find_file(project, path).stored_object


def is_overdue(store: StoreLayout) -> None:
    StoredObject.objects.filter(size_bytes=len(GOOD)).update(verified_at=LONG_AGO)


def was_never_read(store: StoreLayout) -> None:
    StoredObject.objects.filter(size_bytes=len(GOOD)).update(verified_at=None)


def has_another_time(store: StoreLayout) -> None:
    os.utime(file_of(store, GOOD), ns=(1, 1))


DOUBTS = pytest.mark.parametrize("doubt", [is_overdue, was_never_read, has_another_time])


@DOUBTS
def test_doubtful_bytes_that_are_whole_are_sent_after_they_were_read(
    member: Client, project: Project, store: StoreLayout, doubt: Callable[[StoreLayout], None]
) -> None:
    doubt(store)

    response = ask(member, project)

    assert (response.status_code, sent(response)) == (200, GOOD)
    row, status = row_of(project), file_of(store, GOOD).stat()
    assert (row.state, row.verified_at, row.modified_ns) == (ObjectState.LIVE, NOON, status.st_mtime_ns)


@DOUBTS
@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-3"}])
def test_doubtful_bytes_that_have_changed_are_not_sent_and_their_row_tells(
    member: Client,
    project: Project,
    store: StoreLayout,
    doubt: Callable[[StoreLayout], None],
    headers: dict[str, str],
) -> None:
    flip_a_byte(file_of(store, GOOD))
    doubt(store)

    response = ask(member, project, **headers)

    assert (response.status_code, response.streaming) == (500, False)
    assert "not as they were recorded" in response.content.decode()
    assert row_of(project).state == ObjectState.DAMAGED


def test_bytes_that_were_read_lately_are_sent_unread(member: Client, project: Project, store: StoreLayout) -> None:
    flip_a_byte(file_of(store, GOOD))

    assert sent(ask(member, project)) != GOOD


def test_nothing_is_overdue_where_the_operator_has_nothing_read_again(
    member: Client, project: Project, store: StoreLayout
) -> None:
    is_overdue(store)
    outside = backends()
    with using(replace(outside, policies=replace(outside.policies, fixity_within=timedelta(0)))):
        assert ask(member, project).status_code == 200

    assert row_of(project).verified_at == LONG_AGO


def test_another_size_and_a_missing_file_are_damage_at_once(
    member: Client, project: Project, store: StoreLayout
) -> None:
    file_of(store, GOOD).chmod(0o644)
    os.truncate(file_of(store, GOOD), 3)
    file_of(store, OTHER).unlink()

    assert ask(member, project).status_code == 500
    assert ask(member, project, path="b/other").status_code == 500

    states = StoredObject.objects.exclude(state=ObjectState.LIVE).values_list("state", flat=True)
    assert list(states) == [ObjectState.DAMAGED, ObjectState.DAMAGED]


def test_a_file_that_lies_in_the_trash_comes_back_and_is_sent(
    member: Client, project: Project, store: StoreLayout
) -> None:
    Trash(store.trash).take_object(file_of(store, GOOD), row_id=1, until=NOON)

    assert sent(ask(member, project)) == GOOD


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"If-None-Match": "*"}, 304), ({"If-Match": '"x"'}, 412), ({"Range": "bytes=99-"}, 416)],
)
def test_an_answer_without_bytes_waits_for_no_reading(
    member: Client, project: Project, store: StoreLayout, headers: dict[str, str], status: int
) -> None:
    was_never_read(store)
    has_another_time(store)

    assert ask(member, project, **headers).status_code == status
    assert member.head(f"/projects/{project.pk}/files/content?path=a/good").status_code == 200

    assert row_of(project).verified_at is None


def test_while_others_are_read_there_is_an_answer_that_says_so(
    member: Client, project: Project, store: StoreLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "PATIENCE_SECONDS", 0.0)
    was_never_read(store)
    _, secret = create_token(project.created_by, "test", at=NOON)
    address = f"/api/v1/projects/{project.pk}/files/content?path=a/good"
    token = {"Authorization": f"Bearer {secret}"}

    others = [find_file(project, path) for path in ("b/other", "c/third")]
    with READINGS.of(others[0], patience_seconds=0), READINGS.of(others[1], patience_seconds=0):
        refused = Client().get(address, headers=token)
        page = ask(member, project)
        archive = ask(member, project, path="", page="archive")
        sound = ask(member, project, path="b/other")

    assert (refused.status_code, refused.json()["code"]) == (503, "object.being_read")
    assert int(refused.headers["Retry-After"]) > 0
    assert (page.status_code, archive.status_code) == (503, 503)
    assert "Try again in a moment" in page.content.decode()
    assert (sound.status_code, sent(sound)) == (200, OTHER)
    assert sent(ask(member, project)) == GOOD


def test_no_object_is_read_twice_at_a_time(project: Project) -> None:
    readings, version = Readings(2), find_file(project, "a/good")

    with readings.of(version, patience_seconds=0):
        with pytest.raises(BeingReadError), readings.of(version, patience_seconds=0):
            pass
        with readings.of(find_file(project, "b/other"), patience_seconds=0):
            pass
    with readings.of(version, patience_seconds=0):
        pass


def test_what_somebody_else_has_read_meanwhile_is_not_read_again(project: Project, store: StoreLayout) -> None:
    was_never_read(store)
    version = find_file(project, "a/good")
    StoredObject.objects.update(verified_at=NOON)
    flip_a_byte(file_of(store, GOOD))

    with open_proved(version, store=store) as content:
        assert content.size_bytes == len(GOOD)


def test_what_somebody_else_has_found_damaged_meanwhile_is_refused(project: Project, store: StoreLayout) -> None:
    was_never_read(store)
    version = find_file(project, "a/good")
    StoredObject.objects.update(state=ObjectState.DAMAGED)

    with pytest.raises(ObjectTouchedError):
        open_proved(version, store=store)


def test_what_is_at_somebody_elses_hands_can_be_asked_for_again(project: Project, store: StoreLayout) -> None:
    was_never_read(store)
    StoredObject.objects.update(state=ObjectState.LEAVING)

    with pytest.raises(BeingReadError):
        open_proved(find_file(project, "a/good"), store=store)


@pytest.mark.parametrize("reads_first", [20.0, 0.0], ids=["before the first byte", "when its turn comes"])
@DOUBTS
def test_doubtful_members_of_an_archive_are_read_and_sent(
    *,
    member: Client,
    project: Project,
    store: StoreLayout,
    monkeypatch: pytest.MonkeyPatch,
    doubt: Callable[[StoreLayout], None],
    reads_first: float,
) -> None:
    monkeypatch.setattr(archives, "READ_FIRST_SECONDS", reads_first)
    doubt(store)

    response = ask(member, project, path="", page="archive")
    was_read_first = row_of(project).modified_ns == file_of(store, GOOD).stat().st_mtime_ns
    was_read_first &= row_of(project).verified_at == NOON

    with zipfile.ZipFile(BytesIO(sent(response))) as archive:
        assert archive.read("a/good") == GOOD
    assert was_read_first is bool(reads_first)
    assert row_of(project).verified_at == NOON


@DOUBTS
def test_a_doubtful_member_that_has_changed_stops_an_archive_before_its_first_byte(
    member: Client, project: Project, store: StoreLayout, doubt: Callable[[StoreLayout], None]
) -> None:
    flip_a_byte(file_of(store, GOOD))
    doubt(store)

    assert ask(member, project, path="", page="archive").status_code == 500
    assert row_of(project).state == ObjectState.DAMAGED


@DOUBTS
def test_a_doubtful_member_far_behind_breaks_the_archive_off(
    member: Client,
    project: Project,
    store: StoreLayout,
    monkeypatch: pytest.MonkeyPatch,
    doubt: Callable[[StoreLayout], None],
) -> None:
    monkeypatch.setattr(archives, "READ_FIRST_SECONDS", 0.0)
    flip_a_byte(file_of(store, GOOD))
    doubt(store)

    response = ask(member, project, path="", page="archive")

    with pytest.raises(ObjectTouchedError):
        sent(response)
    assert row_of(project).state == ObjectState.DAMAGED
