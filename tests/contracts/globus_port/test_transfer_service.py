"""What the Globus port promises, kept by the fake and by the real SDK against a local Globus."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from globus_worlds import World, eventually
from moorage.globus.service import (
    AccessRuleConflictError,
    AccessRuleId,
    CollectionId,
    CollectionPath,
    GlobusUnavailableError,
    IdentityId,
    Permissions,
    TaskId,
    TaskNotFoundError,
    TaskStatus,
    TransferTask,
)

SOON = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


def a_path() -> CollectionPath:
    return CollectionPath(f"/area-{uuid.uuid4()}/")


def grant(world: World, path: CollectionPath, *, permissions: Permissions = Permissions.READ_WRITE) -> AccessRuleId:
    return world.service.grant_access(path, identity=world.ada, permissions=permissions, expires_at=now() + SOON)


def test_our_client_holds_the_roles_that_moorage_needs(world: World) -> None:
    info = world.service.describe_collection()

    assert info.may_manage_rules
    assert info.may_monitor
    assert info.may_cancel


def test_a_known_username_is_found_and_an_unknown_one_is_absent(world: World) -> None:
    found = world.service.find_identities(["ada@example.org", "nobody@example.org"])

    assert [identity.id for identity in found] == [world.ada]
    assert found[0].name


def test_a_granted_rule_is_in_the_rule_list(world: World) -> None:
    path = a_path()

    rule = grant(world, path)

    listed = {one.id: one for one in world.service.list_access()}[rule]
    assert (listed.identity, listed.path, listed.permissions) == (world.ada, path, Permissions.READ_WRITE)
    assert listed.expires_at is not None


def test_granting_again_after_a_lost_reply_finds_the_rule_that_stands(world: World) -> None:
    path = a_path()

    assert grant(world, path) == grant(world, path)


def test_a_rule_with_other_permissions_is_not_taken_for_ours(world: World) -> None:
    path = a_path()
    grant(world, path, permissions=Permissions.READ)

    with pytest.raises(AccessRuleConflictError):
        grant(world, path, permissions=Permissions.READ_WRITE)


def test_a_granted_rule_can_be_revoked_twice(world: World) -> None:
    rule = grant(world, a_path())

    world.service.revoke_access(rule)
    world.service.revoke_access(rule)

    assert rule not in {one.id for one in world.service.list_access()}


def test_a_rule_can_be_renewed(world: World) -> None:
    rule = grant(world, a_path())
    later = now() + 5 * SOON

    world.service.renew_access(rule, expires_at=later)

    listed = {one.id: one for one in world.service.list_access()}[rule]
    assert listed.expires_at is not None
    assert abs(listed.expires_at - later) < timedelta(seconds=2)


def test_someone_who_has_never_used_globus_has_no_tasks(world: World) -> None:
    assert list(world.service.tasks_of(world.bob, since=now() - SOON)) == []


def test_a_running_task_is_in_its_owners_list(world: World) -> None:
    path = a_path()
    grant(world, path)
    task = world.transfer_to(path, names=("slow.bin",), slow=True)

    assert task in {one.id for one in world.service.tasks_of(world.ada, since=now() - SOON)}
    assert world.service.task(task).status is TaskStatus.ACTIVE


def test_a_task_of_a_linked_identity_is_found_by_either(world: World) -> None:
    path = a_path()
    grant(world, path)
    task = world.transfer_to(path, names=("linked.txt",))

    for identity in (world.ada, world.ada_at_home):
        assert task in {one.id for one in world.service.tasks_of(identity, since=now() - SOON)}


def test_a_finished_task_says_what_it_delivered(world: World) -> None:
    path = a_path()
    grant(world, path)
    task = world.transfer_to(path, names=("one.txt", "two.txt"))

    assert world.service.task(task).status is TaskStatus.SUCCEEDED
    assert sorted(world.service.delivered_files(task)) == [path + "one.txt", path + "two.txt"]


def test_a_finished_task_is_left_out_when_it_ended_before_the_time_asked_for(world: World) -> None:
    path = a_path()
    grant(world, path)
    task = world.transfer_to(path, names=("old.txt",))

    assert task not in {one.id for one in world.service.tasks_of(world.ada, since=now() + SOON)}


def test_a_cancelled_task_ends_and_says_so(world: World) -> None:
    path = a_path()
    grant(world, path)
    task = world.transfer_to(path, names=("cancelled.bin",), slow=True)

    world.service.cancel_task(task, message="the upload was deleted")

    ended: TransferTask = eventually(lambda: (seen := world.service.task(task)).status.is_final and seen)
    assert ended.status is TaskStatus.FAILED
    assert ended.was_cancelled
    world.service.cancel_task(task, message="and again: a finished one is no error")


def test_a_task_that_nobody_knows_is_not_found(world: World) -> None:
    with pytest.raises(TaskNotFoundError):
        world.service.task(TaskId(str(uuid.uuid4())))


def test_paths_of_others_tasks_are_hidden_unless_the_service_shows_them(world: World) -> None:
    path = a_path()
    grant(world, path)
    task = world.transfer_to(path, names=("hidden.txt",))

    assert world.service.task(task).destination_path is None


def test_a_globus_that_does_not_answer_is_unavailable_and_nothing_else() -> None:
    from moorage.globus.client import connect

    nobody = connect(
        client_id=str(uuid.uuid4()),
        client_secret="x",
        collection_id=CollectionId(str(uuid.uuid4())),
        auth_url="http://127.0.0.1:9/",
        transfer_url="http://127.0.0.1:9/",
        timeout_seconds=1,
        retries=0,
    )

    with pytest.raises(GlobusUnavailableError):
        nobody.list_access()
    with pytest.raises(GlobusUnavailableError):
        nobody.find_identities(["ada@example.org"])
    with pytest.raises(GlobusUnavailableError):
        list(nobody.tasks_of(IdentityId(str(uuid.uuid4())), since=now()))
