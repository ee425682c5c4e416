"""A list that a member sends counts whole or not at all, whoever is killed, and whoever writes at the same time."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection, connections
from django.db.models import QuerySet
from django.test import Client
from pytest_django.asserts import assertContains

from builders import NOON
from importing import Crash, World, fill, reasons
from moorage.accounts.tokens import create_token
from moorage.backends import backends, using
from moorage.importer.asked import sent_lists
from moorage.importer.asked.sent_lists import drop_sent_list, keep_sent_list
from moorage.importer.lists import kept_rows, writing
from moorage.importer.lists.found import read_found_lists
from moorage.importer.lists.kept import BATCH_ROWS, SENT, ListReplacedError, give_up, whole_lists
from moorage.importer.lists.listed import DigestListError
from moorage.importer.models import ExpectedFile, ExpectedList, ListState
from moorage.jobs.imports import claim_next, job_of
from moorage.leases import LeaseWatch
from moorage.transfers.checking import NothingToCheckError, check_still_takes_a_list
from moorage.transfers.models import Upload

pytestmark = pytest.mark.django_db(transaction=True)

MANY = [f"x{number}" for number in range(2 * BATCH_ROWS)]


def sums(names: Sequence[str], content: bytes) -> bytes:
    return "".join(f"{sha256(content).hexdigest()}  {name}\n" for name in names).encode()


def send(upload: Upload, content: bytes, *, name: str = "sums") -> ExpectedList:
    return keep_sent_list(
        upload_id=upload.pk,
        project_id=upload.project_id,
        stream=io.BytesIO(content),
        name=name,
        by=upload.owner,
        at=backends().clock(),
    )


def dies_after(parts: int, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """The process dies when it has written so many parts of a list."""
    written: list[int] = []
    insert = kept_rows.insert

    def dies(rows: int, values: Sequence[Any]) -> int:
        if len(written) == parts:
            raise Crash
        written.append(rows)
        return insert(rows, values)

    with monkeypatch.context() as patched:
        patched.setattr(kept_rows, "insert", dies)
        with pytest.raises(Crash):
            act()


@pytest.mark.parametrize("parts", [0, 1, 2])
@pytest.mark.parametrize("has_former", [True, False])
def test_a_list_of_which_only_a_part_was_kept_hides_none_that_is_whole(
    world: World, monkeypatch: pytest.MonkeyPatch, parts: int, *, has_former: bool
) -> None:
    upload, area = world.an_area()
    fill(area, {"a": b"a", "b": b"b", "SHA256SUMS": sums(["a"], b"a") + sums(["b"], b"else" if has_former else b"b")})
    if has_former:
        send(upload, sums(["b"], b"b"), name="the former")
    dies_after(parts, monkeypatch, lambda: send(upload, sums(["a", "b", *MANY], b"bad"), name="the dead"))
    assert [one.name for one in whole_lists(upload.pk)] == ["the former"][:has_former]
    world.seal(upload)

    world.work(upload)

    assert reasons(upload) == {}
    assert upload.missing == 0
    assert [one.name for one in whole_lists(upload.pk)] == [*["the former"][:has_former], "SHA256SUMS"]


def test_what_a_dead_process_left_goes_with_the_next_list(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    upload, _ = world.an_area()
    dies_after(1, monkeypatch, lambda: send(upload, sums(MANY, b"")))
    assert ExpectedFile.objects.count() == BATCH_ROWS

    kept = send(upload, sums(["a"], b"a"))

    assert ([one.pk for one in ExpectedList.objects.all()], ExpectedFile.objects.count()) == ([kept.pk], 1)


@pytest.mark.parametrize("line", [b"no digest\n", sums(MANY[:1], b"else")])
def test_a_list_with_a_fault_after_many_rows_changes_nothing(world: World, line: bytes) -> None:
    upload, _ = world.an_area()
    former = send(upload, sums(["a"], b"a"))

    with pytest.raises(DigestListError) as told:
        send(upload, sums(MANY, b"") + line)

    assert told.value.line == len(MANY) + 1
    assert (whole_lists(upload.pk), ExpectedFile.objects.count()) == ([former], 1)


def test_a_list_that_was_on_its_way_when_the_import_was_asked_for_changes_nothing(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"a": b"a"})
    former = send(upload, sums(["a"], b"a"))

    class SealsMeanwhile(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 0:
                world.seal(upload)
            return super().read(size)

    late = partial(check_still_takes_a_list, upload)
    of: dict[str, Any] = {
        "upload_id": upload.pk,
        "project_id": upload.project_id,
        "by": upload.owner,
        "at": backends().clock(),
    }
    with pytest.raises(NothingToCheckError):
        keep_sent_list(**of, stream=SealsMeanwhile(sums(["a"], b"else")), name="late", check_wanted=late)
    with pytest.raises(NothingToCheckError):
        drop_sent_list(**of, check_wanted=late)

    assert (whole_lists(upload.pk), ExpectedList.objects.count()) == ([former], 1)


def test_what_was_found_counts_again_when_the_list_that_was_sent_is_taken_back(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"a": b"a", "SHA256SUMS": sums(["a"], b"else")})
    send(upload, sums(["a"], b"a"))
    drop_sent_list(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=backends().clock())
    world.seal(upload)

    world.work(upload)

    assert reasons(upload) == {b"a": "entry.differs"}


def test_of_two_lists_that_did_not_see_each_other_only_one_can_be_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, _ = world.an_area()
    other = ExpectedList(upload=upload, name="the other", state=ListState.WHOLE)

    def before_the_other(lists: QuerySet[ExpectedList]) -> None:
        give_up(lists)
        if ExpectedList.objects.exists() and other.pk is None:
            other.save()

    monkeypatch.setattr(writing, "give_up", before_the_other)

    with pytest.raises(ListReplacedError):
        send(upload, sums(["a"], b"a"))

    assert ExpectedFile.objects.count() == 0


def in_thread(act: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    """Act with a connection of its own; what it raises."""
    outside, raised = backends(), list[BaseException]()

    def run() -> None:
        try:
            with using(outside):
                act()
        except BaseException as error:
            raised.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
def test_a_member_sends_a_list_while_those_of_the_upload_are_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"f{number}" for number in range(BATCH_ROWS + BATCH_ROWS // 2)]
    upload = world.a_sealed_upload({"SHA256SUMS": sums(names, b"")})
    lease = claim_next(LeaseWatch())
    assert lease is not None
    row = Upload.objects.select_related("project", "owner", "done_by").get(pk=lease.pk)
    job = job_of(row, lease, should_stop=lambda: False, executor=world.executor)
    backwards = sums([*names[BATCH_ROWS - 1 :: -1], *names[BATCH_ROWS:]], b"")
    values_of, barrier = kept_rows.values_of, threading.Barrier(2)

    def together(kept: ExpectedList, rows: kept_rows.Rows) -> Iterator[Any]:
        values = list(values_of(kept, rows))
        with suppress(threading.BrokenBarrierError):
            barrier.wait(3)
        return iter(values)

    monkeypatch.setattr(kept_rows, "values_of", together)
    for _ in range(6):
        barrier.reset()
        ExpectedFile.objects.all().delete()
        ExpectedList.objects.all().delete()
        thread, raised = in_thread(lambda: send(upload, backwards))
        assert read_found_lists(job) == []
        thread.join()
        assert raised == []
        assert {one.source: one.files for one in whole_lists(upload.pk)} == {SENT: 1500, "SHA256SUMS": 1500}
    lease.release()


def deadlock(*_: object, **__: object) -> None:
    raise OperationalError("deadlock detected")


def test_a_database_that_gives_up_is_told_as_something_that_passes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, _ = world.an_area()
    former = send(upload, sums(["a"], b"a"))
    page, (_, token) = Client(), create_token(upload.owner, "test", at=NOON)
    page.force_login(upload.owner)
    script = Client(headers={"Authorization": f"Bearer {token}"})
    route = f"/api/v1/uploads/{upload.pk}/checksums"
    monkeypatch.setattr(kept_rows, "insert", deadlock)

    answers = [script.put(route, sums(["b"], b""), content_type="text/plain")]
    form = {"list": SimpleUploadedFile("sums", sums(["b"], b""))}
    told = page.post(f"/uploads/{upload.pk}/checksums/", form)
    monkeypatch.setattr(sent_lists, "forget_list", deadlock)
    answers.append(script.delete(route))

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(503, "checksums.not_kept")] * 2
    assert "Retry-After" in answers[0]
    assertContains(told, "See which list counts, and try again in a minute.", status_code=503)
    assert whole_lists(upload.pk) == [former]
