"""Globus Auth over HTTP, asked by the real globus-sdk."""

from __future__ import annotations

from pathlib import Path

import globus_sdk
import pytest
import requests
from globus_sdk.login_flows import CommandLineLoginFlowManager
from globus_sdk.scopes import AuthScopes, GCSCollectionScopes, TransferScopes

from local_globus import (
    ADA,
    ADA_AT_HOME,
    BOB,
    LAB,
    NATIVE,
    PASSWORD,
    PORTAL,
    PORTAL_REDIRECT,
    ROBOT,
    SECRET,
    LocalGlobusProcess,
)
from visitor import Visitor, query_of

IDENTITY = [AuthScopes.openid, AuthScopes.profile, AuthScopes.email]


def confidential(service: LocalGlobusProcess, client_id: str) -> globus_sdk.ConfidentialAppAuthClient:
    return globus_sdk.ConfidentialAppAuthClient(client_id, SECRET, base_url=service.url + "/")


def auth_client(service: LocalGlobusProcess, token: str) -> globus_sdk.AuthClient:
    return globus_sdk.AuthClient(authorizer=globus_sdk.AccessTokenAuthorizer(token), base_url=service.url + "/")


def post_token(service: LocalGlobusProcess, **parameters: str) -> requests.Response:
    return requests.post(f"{service.url}/v2/oauth2/token", data=parameters, auth=(ROBOT, SECRET), timeout=30)


def sign_ada_in(service: LocalGlobusProcess, **query: str) -> globus_sdk.OAuthTokenResponse:
    portal = confidential(service, PORTAL)
    scopes = [*IDENTITY, AuthScopes.view_identity_set, TransferScopes.all]
    portal.oauth2_start_flow(PORTAL_REDIRECT, scopes, refresh_tokens=True)
    url = portal.oauth2_get_authorize_url(query_params=query)
    return portal.oauth2_exchange_code_for_tokens(Visitor(service.url).code_for(url, "ada@example.org", PASSWORD))


def test_a_client_gets_one_document_for_each_server_and_an_id_token_of_itself(
    local_globus: LocalGlobusProcess,
) -> None:
    robot = confidential(local_globus, ROBOT)

    answer = robot.oauth2_client_credentials_tokens([TransferScopes.all, *IDENTITY])

    assert answer["resource_server"] == "auth.globus.org"
    assert [other["resource_server"] for other in answer["other_tokens"]] == ["transfer.api.globus.org"]
    assert answer["expires_in"] == 172800
    assert "refresh_token" not in answer.data
    claims = answer.decode_id_token()
    assert (claims["sub"], claims["aud"], claims["iss"]) == (ROBOT, ROBOT, local_globus.url)


def test_the_other_tokens_are_there_even_when_there_are_none(local_globus: LocalGlobusProcess) -> None:
    assert post_token(local_globus, grant_type="client_credentials", scope="openid").json()["other_tokens"] == []


def test_token_parameters_may_stand_in_the_query(local_globus: LocalGlobusProcess) -> None:
    address = f"{local_globus.url}/v2/oauth2/token?grant_type=client_credentials&scope={TransferScopes.all}"

    answer = requests.post(address, auth=(ROBOT, SECRET), timeout=30)

    assert answer.json()["resource_server"] == "transfer.api.globus.org"


@pytest.mark.parametrize(
    ("parameters", "status", "error"),
    [
        ({"grant_type": "client_credentials", "scope": "nonsense"}, 400, "invalid_scope"),
        ({"grant_type": "client_credentials", "scope": "a[b"}, 400, "invalid_scope"),
        ({"grant_type": "client_credentials"}, 400, "invalid_scope"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": 'we"ird\\ü'}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "never given"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "never given"}, 400, "invalid_grant"),
    ],
)
def test_a_wrong_token_request_is_answered_in_oauths_words(
    parameters: dict[str, str], status: int, error: str, local_globus: LocalGlobusProcess
) -> None:
    answer = post_token(local_globus, **parameters)

    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_a_wrong_secret_is_401(local_globus: LocalGlobusProcess) -> None:
    robot = globus_sdk.ConfidentialAppAuthClient(ROBOT, "wrong", base_url=local_globus.url + "/")

    with pytest.raises(globus_sdk.AuthAPIError) as failure:
        robot.oauth2_client_credentials_tokens([TransferScopes.all])

    assert failure.value.http_status == 401


def test_a_person_signs_in_to_a_portal(local_globus: LocalGlobusProcess) -> None:
    answer = sign_ada_in(local_globus, nonce="once only")

    claims = answer.decode_id_token()
    assert claims["sub"] == ADA
    assert claims["nonce"] == "once only"
    assert claims["preferred_username"] == "ada@example.org"
    transfer = answer.by_resource_server["transfer.api.globus.org"]
    assert transfer["refresh_token"]
    assert answer["state"] == "_default"


def test_a_refresh_token_gives_new_tokens_of_its_server_and_stays(local_globus: LocalGlobusProcess) -> None:
    before = sign_ada_in(local_globus).by_resource_server["transfer.api.globus.org"]

    after = confidential(local_globus, PORTAL).oauth2_refresh_token(before["refresh_token"])

    assert after["resource_server"] == "transfer.api.globus.org"
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] == before["refresh_token"]


def test_another_client_cannot_use_a_refresh_token(local_globus: LocalGlobusProcess) -> None:
    stolen = sign_ada_in(local_globus).by_resource_server["transfer.api.globus.org"]["refresh_token"]

    with pytest.raises(globus_sdk.AuthAPIError) as failure:
        confidential(local_globus, ROBOT).oauth2_refresh_token(stolen)

    assert failure.value.http_status == 400


def test_without_offline_access_there_is_no_refresh_token(local_globus: LocalGlobusProcess) -> None:
    portal = confidential(local_globus, PORTAL)
    portal.oauth2_start_flow(PORTAL_REDIRECT, IDENTITY, refresh_tokens=False)
    code = Visitor(local_globus.url).code_for(portal.oauth2_get_authorize_url(), "ada@example.org", PASSWORD)

    assert "refresh_token" not in portal.oauth2_exchange_code_for_tokens(code).data


def test_a_native_app_proves_itself_by_pkce(local_globus: LocalGlobusProcess) -> None:
    app = globus_sdk.NativeAppAuthClient(NATIVE, base_url=local_globus.url + "/")
    app.oauth2_start_flow([TransferScopes.all], redirect_uri="http://localhost:12345/callback", refresh_tokens=True)
    code = Visitor(local_globus.url).code_for(app.oauth2_get_authorize_url(), "ada@example.org", PASSWORD)

    answer = app.oauth2_exchange_code_for_tokens(code)
    renewed = app.oauth2_refresh_token(answer["refresh_token"])

    assert answer["resource_server"] == renewed["resource_server"] == "transfer.api.globus.org"


def test_a_native_app_with_another_verifier_gets_nothing(local_globus: LocalGlobusProcess) -> None:
    app = globus_sdk.NativeAppAuthClient(NATIVE, base_url=local_globus.url + "/")
    app.oauth2_start_flow([TransferScopes.all], redirect_uri="http://localhost/callback")
    code = Visitor(local_globus.url).code_for(app.oauth2_get_authorize_url(), "ada@example.org", PASSWORD)
    app.oauth2_start_flow([TransferScopes.all], redirect_uri="http://localhost/callback", verifier="v" * 50)

    with pytest.raises(globus_sdk.AuthAPIError):
        app.oauth2_exchange_code_for_tokens(code)


@pytest.mark.parametrize("without", ["code_challenge", "code_challenge_method"])
def test_a_native_app_without_pkce_is_sent_back(without: str, local_globus: LocalGlobusProcess) -> None:
    app = globus_sdk.NativeAppAuthClient(NATIVE, base_url=local_globus.url + "/")
    app.oauth2_start_flow([TransferScopes.all], redirect_uri="http://localhost/callback")
    query = query_of(app.oauth2_get_authorize_url())
    del query[without]

    answer = requests.get(f"{local_globus.url}/v2/oauth2/authorize", params=query, allow_redirects=False, timeout=30)

    assert query_of(answer.headers["Location"])["error"] == "invalid_request"


def test_userinfo_tells_what_the_scopes_allow(local_globus: LocalGlobusProcess) -> None:
    answer = sign_ada_in(local_globus)
    token = answer["access_token"]

    told = auth_client(local_globus, token).userinfo()

    assert (told["sub"], told["name"], told["email"]) == (ADA, "Ada Lovelace", "ada@example.org")
    assert [one["sub"] for one in told["identity_set"]][:2] == [ADA, ADA_AT_HOME]
    posted = requests.post(f"{local_globus.url}/v2/oauth2/userinfo", data={"access_token": token}, timeout=30)
    assert posted.json()["sub"] == ADA


def test_userinfo_refuses_a_transfer_token_and_no_token(local_globus: LocalGlobusProcess) -> None:
    token = local_globus.token(ROBOT, str(TransferScopes.all))

    for wrong, status in ((token, 403), ("nonsense", 401)):
        with pytest.raises(globus_sdk.AuthAPIError) as failure:
            auth_client(local_globus, wrong).userinfo()
        assert failure.value.http_status == status


def test_introspection_tells_the_session_and_the_identity_set(local_globus: LocalGlobusProcess) -> None:
    answer = sign_ada_in(local_globus)

    told = confidential(local_globus, PORTAL).oauth2_token_introspect(
        answer["access_token"], include="session_info,identity_set"
    )

    assert (told["active"], told["sub"], told["iss"]) == (True, ADA, local_globus.url)
    assert told["identity_set"] == sorted([ADA, ADA_AT_HOME, ROBOT])
    assert list(told["session_info"]["authentications"]) == [ADA]


def test_a_revoked_token_is_inactive_and_revoking_forgives_everything(local_globus: LocalGlobusProcess) -> None:
    portal = confidential(local_globus, PORTAL)
    answer = sign_ada_in(local_globus)

    portal.oauth2_revoke_token(answer["refresh_token"])

    assert portal.oauth2_token_introspect(answer["access_token"]).data == {"active": False}
    validated = portal.post("/v2/oauth2/token/validate", data={"token": answer["refresh_token"]}, encoding="form")
    assert validated.data == {"active": False}
    bare = requests.post(f"{local_globus.url}/v2/oauth2/token/revoke", data={"client_id": "foreign"}, timeout=30)
    assert (bare.status_code, bare.json()) == (200, {"active": False})


def test_identities_are_found_by_id_and_username_and_unknown_ones_are_absent(
    local_globus: LocalGlobusProcess,
) -> None:
    client = auth_client(local_globus, local_globus.token(ROBOT, "openid"))

    by_id = client.get_identities(ids=[BOB, "eeeeeeee-0000-4000-8000-000000000009"])
    by_name = client.get_identities(usernames="ADA@example.org,nobody@example.org")

    assert [one["username"] for one in by_id["identities"]] == ["bob@example.org"]
    assert [one["id"] for one in by_name["identities"]] == [ADA]


def test_provisioning_makes_an_unused_identity_once_and_never_a_clients(local_globus: LocalGlobusProcess) -> None:
    client = auth_client(local_globus, local_globus.token(ROBOT, "openid"))
    usernames = ["new@example.org", "x@clients.auth.globus.org"]

    first = client.get_identities(usernames=usernames, provision=True)["identities"]
    second = client.get_identities(usernames=usernames, provision=True)["identities"]

    assert first == second
    assert [(one["username"], one["status"]) for one in first] == [("new@example.org", "unused")]


def test_consents_are_told_as_a_forest(local_globus: LocalGlobusProcess) -> None:
    data_access = GCSCollectionScopes(LAB).data_access
    scope = TransferScopes.all.with_dependency(data_access.with_optional(True))
    portal = confidential(local_globus, PORTAL)
    portal.oauth2_start_flow(PORTAL_REDIRECT, [AuthScopes.openid, AuthScopes.manage_projects, scope])
    code = Visitor(local_globus.url).code_for(portal.oauth2_get_authorize_url(), "bob@example.org", PASSWORD)
    token = portal.oauth2_exchange_code_for_tokens(code)["access_token"]

    forest = auth_client(local_globus, token).get_consents(BOB).to_forest()

    assert forest.meets_scope_requirements(scope)
    assert not forest.meets_scope_requirements(TransferScopes.all.with_dependency(GCSCollectionScopes(LAB).https))


def test_discovery_is_of_the_issuer_also_with_a_doubled_slash(local_globus: LocalGlobusProcess) -> None:
    for path in ("/.well-known/openid-configuration", "//.well-known/openid-configuration"):
        document = requests.get(local_globus.url + path, headers={"Host": "elsewhere.example"}, timeout=30).json()
        assert document["issuer"] == local_globus.url
        assert document["id_token_signing_alg_values_supported"] == ["RS512"]
    keys = requests.get(document["jwks_uri"], timeout=30).json()["keys"]
    assert (keys[0]["kty"], keys[0]["alg"], keys[0]["use"]) == ("RSA", "RS512", "sig")
    assert not set(keys[0]) & {"d", "p", "q"}


def test_unknown_routes_and_methods_answer_json(local_globus: LocalGlobusProcess) -> None:
    for method, path in (("GET", "/v2/api/projects"), ("DELETE", "/v2/oauth2/token"), ("GET", "/v0.10/nonsense")):
        answer = requests.request(method, local_globus.url + path, headers={"Accept": "text/html"}, timeout=30)
        assert answer.status_code in {404, 405}
        assert answer.headers["Content-Type"] == "application/json"


def test_scripts_of_other_origins_may_ask_for_tokens_without_cookies(local_globus: LocalGlobusProcess) -> None:
    answer = requests.options(
        f"{local_globus.url}/v2/oauth2/token", headers={"Origin": "https://app.example"}, timeout=30
    )

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_the_sdks_own_apps_work_unchanged(
    local_globus: LocalGlobusProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in (local_globus.environment() | {"HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)

    class CopiedCode(CommandLineLoginFlowManager):
        """Ada opens the link that is printed, and pastes the code."""

        def print_authorize_url(self, authorize_url: str) -> None:
            self.link = authorize_url

        def prompt_for_code(self) -> str:
            return Visitor(local_globus.url).code_for(self.link, "ada@example.org", PASSWORD)

    config = globus_sdk.GlobusAppConfig(login_flow_manager=CopiedCode, request_refresh_tokens=True)
    person = globus_sdk.UserApp("a script", client_id=NATIVE, config=config)
    robot = globus_sdk.ClientApp("a service", client_id=ROBOT, client_secret=SECRET)

    for app in (person, robot):
        with app, globus_sdk.TransferClient(app=app) as transfer:
            assert transfer.operation_ls(LAB, path="/")["DATA_TYPE"] == "file_list"
