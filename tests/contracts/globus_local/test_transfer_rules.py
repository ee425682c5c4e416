"""Access rules over the real SDK: who may manage them, what they are refused for, when they end."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import globus_sdk
import pytest

from local_globus import ADA, ADA_AT_HOME, BOB, COMMONS, PORTAL, ROBOT, STRANGER, LocalGlobusProcess
from transfer_tasks import error_of, open_area


def a_rule(path: str, /, **changes: Any) -> dict[str, Any]:
    return {
        "DATA_TYPE": "access",
        "principal_type": "identity",
        "principal": ADA,
        "path": path,
        "permissions": "rw",
    } | changes


@pytest.fixture
def portal(local_globus: LocalGlobusProcess) -> globus_sdk.TransferClient:
    return local_globus.transfer(PORTAL)


def test_a_rule_is_made_shown_listed_changed_and_deleted(portal: globus_sdk.TransferClient) -> None:
    created = portal.add_endpoint_acl_rule(COMMONS, a_rule("/whole-life/"))
    rule_id = created["access_id"]

    assert (created.http_status, created["code"]) == (201, "Created")
    shown = portal.get_endpoint_acl_rule(COMMONS, rule_id)
    assert (shown["path"], shown["principal"], shown["permissions"]) == ("/whole-life/", ADA, "rw")
    portal.update_endpoint_acl_rule(COMMONS, rule_id, {"DATA_TYPE": "access", "permissions": "r"})
    assert portal.get_endpoint_acl_rule(COMMONS, rule_id)["permissions"] == "r"
    assert rule_id in [rule["id"] for rule in portal.endpoint_acl_list(COMMONS)]
    assert portal.delete_endpoint_acl_rule(COMMONS, rule_id)["code"] == "Deleted"
    assert error_of(lambda: portal.delete_endpoint_acl_rule(COMMONS, rule_id))[0] == 404
    assert rule_id not in [rule["id"] for rule in portal.endpoint_acl_list(COMMONS)]


def test_a_second_rule_for_the_same_principal_and_path_exists_already(
    portal: globus_sdk.TransferClient,
) -> None:
    portal.add_endpoint_acl_rule(COMMONS, a_rule("/twice/"))

    again = error_of(lambda: portal.add_endpoint_acl_rule(COMMONS, a_rule("/twice/", permissions="r")))

    assert again == (409, "Exists")
    portal.add_endpoint_acl_rule(COMMONS, a_rule("/twice/", principal=BOB))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"path": "/no-slash-at-the-end"}, "InvalidPath"),
        ({"path": "no-slash-at-the-start/"}, "InvalidPath"),
        ({"path": "/../"}, "InvalidPath"),
        ({"path": "/line\nbreak/"}, "InvalidPath"),
        ({"permissions": "x"}, "ClientError.BadRequest"),
        ({"principal": "ada@example.org"}, "ClientError.BadRequest"),
        ({"principal_type": "group"}, "ClientError.BadRequest"),
        ({"principal_type": "anonymous", "principal": ""}, "ClientError.BadRequest"),
        ({"expiration_date": "2001-01-01T00:00:00+00:00"}, "ClientError.BadRequest"),
        ({"expiration_date": "soon"}, "ClientError.BadRequest"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(
    portal: globus_sdk.TransferClient, changes: dict[str, Any], code: str
) -> None:
    assert error_of(lambda: portal.add_endpoint_acl_rule(COMMONS, a_rule("/refused/", **changes))) == (400, code)


def test_an_administrators_implicit_rule_has_no_id(portal: globus_sdk.TransferClient) -> None:
    implicit = [rule for rule in portal.endpoint_acl_list(COMMONS) if rule["id"] is None]

    (role,) = portal.endpoint_role_list(COMMONS)
    assert [(rule["principal"], rule["path"], rule["permissions"]) for rule in implicit] == [(PORTAL, "/", "rw")]
    assert (implicit[0]["role_id"], implicit[0]["role_type"]) == (role["id"], "administrator")
    assert portal.get_endpoint_role(COMMONS, role["id"])["principal"] == PORTAL


def test_only_managers_see_and_change_rules(local_globus: LocalGlobusProcess) -> None:
    rule_id = open_area(local_globus, "of-a-member")
    robot = local_globus.transfer(ROBOT)

    for call in (
        lambda: robot.endpoint_acl_list(COMMONS),
        lambda: robot.get_endpoint_acl_rule(COMMONS, rule_id),
        lambda: robot.add_endpoint_acl_rule(COMMONS, a_rule("/")),
        lambda: robot.delete_endpoint_acl_rule(COMMONS, rule_id),
        lambda: robot.endpoint_role_list(COMMONS),
    ):
        assert error_of(call) == (403, "PermissionDenied")


def test_a_rule_serves_all_linked_identities(local_globus: LocalGlobusProcess) -> None:
    open_area(local_globus, "at-home", principal=ADA_AT_HOME)

    assert local_globus.transfer(ROBOT).operation_ls(COMMONS, path="/at-home/")["total"] == 0


def test_everyone_who_signed_in_may_use_a_rule_for_everyone(
    local_globus: LocalGlobusProcess, portal: globus_sdk.TransferClient
) -> None:
    (local_globus.commons / "for-all").mkdir()
    stranger = local_globus.transfer(STRANGER)
    assert error_of(lambda: stranger.operation_ls(COMMONS, path="/for-all/"))[0] == 403

    portal.add_endpoint_acl_rule(
        COMMONS, a_rule("/for-all/", principal_type="all_authenticated_users", principal="", permissions="r")
    )

    assert stranger.operation_ls(COMMONS, path="/for-all/")["total"] == 0
    assert error_of(lambda: stranger.operation_mkdir(COMMONS, "/for-all/x"))[0] == 403


def test_a_rule_ends_on_its_day_and_can_be_given_anew(
    local_globus: LocalGlobusProcess, portal: globus_sdk.TransferClient
) -> None:
    (local_globus.commons / "for-a-moment").mkdir()
    end = datetime.now(UTC) + timedelta(seconds=1.2)
    rule = a_rule("/for-a-moment/", expiration_date=end.isoformat())
    robot = local_globus.transfer(ROBOT)

    rule_id = portal.add_endpoint_acl_rule(COMMONS, rule)["access_id"]
    robot.operation_ls(COMMONS, path="/for-a-moment/")
    time.sleep(1.3)

    assert error_of(lambda: robot.operation_ls(COMMONS, path="/for-a-moment/"))[0] == 403
    assert rule_id not in [each["id"] for each in portal.endpoint_acl_list(COMMONS)]
    portal.add_endpoint_acl_rule(COMMONS, a_rule("/for-a-moment/"))
    robot.operation_ls(COMMONS, path="/for-a-moment/")


def test_a_collection_has_only_so_many_rules(start_local_globus: Any) -> None:
    service = start_local_globus(rules_limit=2)
    portal = service.transfer(PORTAL)
    for name in ("one", "two"):
        portal.add_endpoint_acl_rule(COMMONS, a_rule(f"/{name}/"))

    assert error_of(lambda: portal.add_endpoint_acl_rule(COMMONS, a_rule("/three/"))) == (409, "LimitExceeded")
