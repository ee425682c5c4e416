"""Which unfinished transfers read from the collection, as the fake and the real SDK tell it."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import globus_sdk
import pytest
import responses
from globus_sdk.testing import RegisteredResponse, get_response_set

from globus_worlds import MemoryWorld, World, eventually
from moorage.globus.client import GlobusTransferService
from moorage.globus.service import (
    CollectionId,
    CollectionPath,
    GlobusUnavailableError,
    IdentityId,
    Permissions,
    ReadingTask,
    TaskId,
    TaskNotFoundError,
    TaskStatus,
)

OURS = CollectionId("5b9d1d4e-2f8b-4a57-9c6c-7d6c1a2f0d11")
AN_HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


def a_folder(world: World, *, permissions: Permissions = Permissions.READ) -> CollectionPath:
    """A path on the collection that Ada has a rule for."""
    path = CollectionPath(f"/tree-{uuid.uuid4()}/")
    world.service.grant_access(path, identity=world.ada, permissions=permissions, expires_at=now() + AN_HOUR)
    return path


def readers(world: World, identity: IdentityId) -> dict[TaskId, ReadingTask]:
    return {task.id: task for task in world.service.reading_tasks_of(identity)}


def writers(world: World) -> set[TaskId]:
    return {task.id for task in world.service.tasks_of(world.ada, since=now() - AN_HOUR)}


def test_a_running_transfer_from_the_collection_reads_and_does_not_write(world: World) -> None:
    task = world.transfer_from(a_folder(world), label="to my lab")

    reading = readers(world, world.ada)[task]
    assert (reading.label, reading.status) == ("to my lab", TaskStatus.ACTIVE)
    assert abs(reading.requested_at - now()) < timedelta(minutes=1)
    assert task not in writers(world)
    with pytest.raises(TaskNotFoundError):
        world.service.task(task)


def test_a_reader_is_found_by_any_identity_linked_with_its_owner(world: World) -> None:
    task = world.transfer_from(a_folder(world))

    assert task in readers(world, world.ada)
    assert task in readers(world, world.ada_at_home)


def test_someone_who_has_never_used_globus_reads_nothing(world: World) -> None:
    assert readers(world, world.bob) == {}


def test_a_transfer_within_the_collection_reads_and_writes(world: World) -> None:
    source, destination = a_folder(world), a_folder(world, permissions=Permissions.READ_WRITE)

    task = world.transfer_from(source, to=destination)

    assert task in readers(world, world.ada)
    assert task in writers(world)


def test_a_transfer_to_the_collection_does_not_read_from_it(world: World) -> None:
    path = a_folder(world, permissions=Permissions.READ_WRITE)

    task = world.transfer_to(path, names=("arriving.bin",), slow=True)

    assert task in writers(world)
    assert task not in readers(world, world.ada)


def test_a_delete_on_the_collection_does_not_read_from_it(world: World) -> None:
    task = world.delete(a_folder(world))

    assert task in writers(world)
    assert task not in readers(world, world.ada)
    world.service.cancel_task(task, message="it would not end by itself")


def test_a_transfer_reads_until_it_has_ended_whatever_becomes_of_its_rule(world: World) -> None:
    path = a_folder(world)
    task = world.transfer_from(path)

    for rule in world.service.list_access():
        if rule.path == path:
            world.service.revoke_access(rule.id)

    assert task in readers(world, world.ada)
    world.service.cancel_task(task, message="the download was withdrawn")
    assert eventually(lambda: task not in readers(world, world.ada))


def test_the_path_that_is_read_is_hidden_as_globus_often_does(world: World) -> None:
    task = world.transfer_from(a_folder(world))

    assert readers(world, world.ada)[task].source_path is None


def test_the_path_that_is_read_is_told_where_globus_shows_it(open_world: World) -> None:
    path = a_folder(open_world)

    task = open_world.transfer_from(path)

    assert readers(open_world, open_world.ada)[task].source_path == path


def test_the_fake_counts_an_inactive_transfer() -> None:
    world = MemoryWorld()
    task = world.fake.add_reading_task(world.ada, CollectionPath("/tree/"), status=TaskStatus.INACTIVE)

    assert readers(world, world.ada)[task].status is TaskStatus.INACTIVE


def test_the_cloud_is_asked_for_inactive_transfers_too_and_each_page_is_read(cloud: GlobusTransferService) -> None:
    first = {"has_next_page": True, "last_key": "2", "DATA": [a_document(task_id="one", status="INACTIVE")]}
    second = {"has_next_page": False, "last_key": None, "DATA": [a_document(task_id="two", status="ACTIVE")]}
    answer(first)
    answer(second, last_key="2")

    found = list(cloud.reading_tasks_of(IdentityId("ada")))

    assert [(task.id, task.status.value) for task in found] == [("one", "INACTIVE"), ("two", "ACTIVE")]


def test_a_task_without_a_time_is_no_document_of_globus(cloud: GlobusTransferService) -> None:
    answer({"has_next_page": False, "DATA": [a_document(status="ACTIVE", request_time=None)]})

    with pytest.raises(GlobusUnavailableError, match="is not Globus"):
        list(cloud.reading_tasks_of(IdentityId("ada")))


@pytest.fixture
def cloud() -> Iterator[GlobusTransferService]:
    """Our client on a Globus that gives the answers that a test lays down, and no others."""
    auth = globus_sdk.AuthClient(authorizer=globus_sdk.NullAuthorizer())
    transfer = globus_sdk.TransferClient(authorizer=globus_sdk.NullAuthorizer())
    with responses.mock:
        yield GlobusTransferService(auth, transfer, OURS)


def answer(document: dict[str, Any], **further: str) -> None:
    """Answer the question for readers of OURS, and no other question, by this document."""
    asked = {
        "filter_endpoint": OURS,
        "filter_endpoint_use": "source",
        "filter_owner_id": "ada",
        "filter_status": "ACTIVE,INACTIVE",
    }
    RegisteredResponse(
        service="transfer",
        path="/v0.10/endpoint_manager/task_list",
        json=document,
        match=[responses.matchers.query_param_matcher(asked | further)],
    ).add()


def a_document(**changes: Any) -> dict[str, Any]:
    """A task as the real service once told it to a manager, reading from OURS."""
    recorded = get_response_set("transfer.endpoint_manager_task_list").lookup("default")
    assert isinstance(recorded, RegisteredResponse)
    assert isinstance(recorded.json, dict)
    task: dict[str, Any] = recorded.json["DATA"][0]
    return task | {"source_endpoint_id": OURS, "completion_time": None} | changes
