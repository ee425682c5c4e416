"""Our Auth documents have every key of those that globus-sdk has recorded from the real service."""

from __future__ import annotations

from typing import Any

import globus_sdk
import pytest
import requests
from globus_sdk.scopes import AuthScopes, TransferScopes
from globus_sdk.testing import RegisteredResponse, get_response_set

from local_globus import ADA, PASSWORD, PORTAL, PORTAL_REDIRECT, SECRET, LocalGlobusProcess
from shapes import lacking
from visitor import Visitor

CLI_TEMPLATE = "95fdeba8-fac2-42bd-a357-e068d82ff78e"


def recorded(name: str, case: str = "default") -> Any:
    response = get_response_set(f"auth.{name}").lookup(case)
    assert isinstance(response, RegisteredResponse)
    return response.json


@pytest.fixture(scope="module")
def portal(local_globus: LocalGlobusProcess) -> globus_sdk.ConfidentialAppAuthClient:
    return globus_sdk.ConfidentialAppAuthClient(PORTAL, SECRET, base_url=local_globus.url + "/")


@pytest.fixture(scope="module")
def tokens(
    local_globus: LocalGlobusProcess, portal: globus_sdk.ConfidentialAppAuthClient
) -> globus_sdk.OAuthTokenResponse:
    """What a portal has after Ada signed in."""
    scopes = [AuthScopes.openid, AuthScopes.profile, AuthScopes.email, TransferScopes.all]
    portal.oauth2_start_flow(PORTAL_REDIRECT, scopes, refresh_tokens=True)
    visitor = Visitor(local_globus.url)
    code = visitor.code_for(portal.oauth2_get_authorize_url(), "ada@example.org", PASSWORD)
    return portal.oauth2_exchange_code_for_tokens(code)


@pytest.fixture
def auth(local_globus: LocalGlobusProcess, tokens: globus_sdk.OAuthTokenResponse) -> globus_sdk.AuthClient:
    authorizer = globus_sdk.AccessTokenAuthorizer(tokens["access_token"])
    return globus_sdk.AuthClient(authorizer=authorizer, base_url=local_globus.url + "/")


def test_token_documents(portal: globus_sdk.ConfidentialAppAuthClient, tokens: globus_sdk.OAuthTokenResponse) -> None:
    assert lacking(recorded("oauth2_exchange_code_for_tokens"), tokens.data) == []
    own = portal.oauth2_client_credentials_tokens([TransferScopes.all])
    assert lacking(recorded("oauth2_client_credentials_tokens"), own.data) == []


def test_introspection_and_revocation(
    portal: globus_sdk.ConfidentialAppAuthClient, tokens: globus_sdk.OAuthTokenResponse
) -> None:
    told = portal.oauth2_token_introspect(tokens["access_token"])
    assert lacking(recorded("oauth2_token_introspect"), told.data) == []
    assert lacking(recorded("oauth2_revoke_token"), portal.oauth2_revoke_token("unknown").data) == []


@pytest.mark.parametrize("case", ["default", "globusid"])
def test_identities(case: str, auth: globus_sdk.AuthClient) -> None:
    assert lacking(recorded("get_identities", case), auth.get_identities(ids=ADA).data) == []


def test_consents(auth: globus_sdk.AuthClient) -> None:
    assert lacking(recorded("get_consents"), auth.get_consents(ADA).data) == []


def test_the_error_of_a_call_without_a_token(local_globus: LocalGlobusProcess) -> None:
    answer = requests.get(f"{local_globus.url}/v2/oauth2/userinfo", timeout=30)

    assert answer.status_code == 401
    assert lacking(recorded("userinfo", "unauthorized"), answer.json()) == []
    assert answer.json()["errors"][0]["code"] == recorded("userinfo", "unauthorized")["errors"][0]["code"]


def test_the_clients_that_the_command_makes_itself(local_globus: LocalGlobusProcess) -> None:
    body = {"client": {"template_id": CLI_TEMPLATE, "name": "Globus CLI"}}
    answer = requests.post(f"{local_globus.url}/v2/api/clients", json=body, timeout=30).json()

    # The SDK's recording wraps the document once more; the command reads it as it is here.
    assert lacking(recorded("create_native_app_instance")["client"], answer) == []
