"""The unmodified `globus` command signs in, tells who it is, and signs out again."""

from __future__ import annotations

import json

import pytest
import requests
from globus_sdk.scopes import GCSCollectionScopes, TransferScopes

from globus_cli import GlobusCommand
from local_globus import ADA, BOB, LAB, PASSWORD, ROBOT, SECRET, LocalGlobusProcess

pytestmark = pytest.mark.journey


def as_robot(service: LocalGlobusProcess) -> dict[str, str]:
    credentials = {"GLOBUS_CLI_CLIENT_ID": ROBOT, "GLOBUS_CLI_CLIENT_SECRET": SECRET}
    return service.environment() | credentials


def log_in(globus: GlobusCommand, service: LocalGlobusProcess, username: str, *arguments: str) -> str:
    return globus.log_in(*arguments, environment=service.environment(), username=username, password=PASSWORD)


def test_a_client_identity_asks_who_it_is(globus: GlobusCommand, local_globus: LocalGlobusProcess) -> None:
    environment = as_robot(local_globus)

    assert ROBOT in globus("whoami", environment=environment).stdout
    linked = globus("whoami", "--linked-identities", environment=environment).stdout
    assert {"ada@example.org", "ada@home.example"} <= set(linked.split())
    assert globus("logout", "--yes", environment=environment).returncode == 0


def test_identities_are_looked_up_by_command(globus: GlobusCommand, local_globus: LocalGlobusProcess) -> None:
    environment = as_robot(local_globus)

    found = globus(
        "get-identities", "ada@example.org", BOB, "nobody@example.org", "-F", "json", environment=environment
    )

    assert {one["id"] for one in json.loads(found.stdout)["identities"]} == {ADA, BOB}


def test_a_person_logs_in_looks_around_and_logs_out(globus: GlobusCommand, local_globus: LocalGlobusProcess) -> None:
    environment = local_globus.environment()

    assert "successfully logged in" in log_in(globus, local_globus, "ada@home.example")

    assert globus("whoami", environment=environment).stdout.strip() == "ada@example.org"
    shown = globus("session", "show", environment=environment).stdout
    assert "ada@home.example" in shown
    assert "already logged in" in globus("login", environment=environment).stdout
    globus("logout", "--yes", "--delete-client", environment=environment)
    assert globus("whoami", environment=environment, check=False).returncode == 4


def test_a_session_is_updated_to_another_linked_identity(
    globus: GlobusCommand, local_globus: LocalGlobusProcess
) -> None:
    log_in(globus, local_globus, "ada@example.org")

    log_in(globus, local_globus, "ada@home.example", "session", "update", "ada@home.example")

    shown = globus("session", "show", environment=local_globus.environment()).stdout
    assert "ada@home.example" in shown


def test_a_further_consent_is_given_by_command(globus: GlobusCommand, local_globus: LocalGlobusProcess) -> None:
    log_in(globus, local_globus, "ada@example.org")
    data_access = str(GCSCollectionScopes(LAB).data_access)

    log_in(globus, local_globus, "ada@example.org", "session", "consent", f"{TransferScopes.all}[*{data_access}]")

    told = requests.get(
        f"{local_globus.url}/v2/api/identities/{ADA}/consents?all=true",
        headers={"Authorization": f"Bearer {local_globus.token(ROBOT, 'openid')}"},
        timeout=30,
    ).json()["consents"]
    (given,) = [consent for consent in told if consent["scope_name"] == data_access]
    assert given["atomically_revocable"]
    assert len(given["dependency_path"]) == 2
