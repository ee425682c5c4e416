"""The pages people sign in on, walked through over HTTP."""

from __future__ import annotations

from urllib.parse import urlencode

import globus_sdk
import pytest
import requests
from globus_sdk.scopes import AuthScopes, TransferScopes

from local_globus import (
    ADA,
    ADA_AT_HOME,
    LAB,
    PASSWORD,
    PORTAL,
    PORTAL_REDIRECT,
    SECRET,
    LocalGlobusProcess,
    StartLocalGlobus,
)
from visitor import Visitor, query_of


def authorize(**changed: str) -> str:
    query = {
        "client_id": PORTAL,
        "redirect_uri": PORTAL_REDIRECT,
        "scope": "openid email",
        "state": "st/ate",
        "response_type": "code",
    }
    return "/v2/oauth2/authorize?" + urlencode(query | changed)


@pytest.fixture
def visitor(local_globus: LocalGlobusProcess) -> Visitor:
    return Visitor(local_globus.url)


def new_name(local_globus: LocalGlobusProcess, visitor: Visitor, name: str) -> str:
    """Make an account and be signed in with it."""
    username = f"{name}@people.example"
    visitor.open("/v2/web/create-account?next=/account")
    visitor.submit("/v2/web/create-account", email=username, name=name, password=PASSWORD, password_again=PASSWORD)
    assert visitor.page.url == local_globus.url + "/account"
    return username


def test_consent_is_asked_once(visitor: Visitor, local_globus: LocalGlobusProcess) -> None:
    new_name(local_globus, visitor, "once")
    visitor.open(authorize())
    assert "See your e-mail address" in visitor.page.text
    visitor.allow()
    assert query_of(visitor.left_for or "")["state"] == "st/ate"

    visitor.open(authorize())

    assert "code" in query_of(visitor.left_for or "")


def test_a_person_who_denies_is_sent_back_with_that(visitor: Visitor) -> None:
    visitor.open(authorize(prompt="consent"))
    visitor.sign_in("ada@example.org", PASSWORD)

    visitor.submit("/v2/oauth2/authorize", decision="deny")

    told = query_of(visitor.left_for or "")
    assert (told["error"], told["state"]) == ("access_denied", "st/ate")


def test_prompt_login_asks_again_though_signed_in_and_then_goes_on(visitor: Visitor) -> None:
    visitor.open("/account")
    visitor.sign_in("ada@example.org", PASSWORD)
    for _ in range(2):
        visitor.open(authorize(prompt="login"))
        assert "Sign in" in visitor.page.text
        visitor.sign_in("ada@example.org", PASSWORD)
        if visitor.left_for is None:
            visitor.allow()
        assert "code" in query_of(visitor.left_for or "")


def test_prompt_none_never_shows_a_page(visitor: Visitor) -> None:
    visitor.open(authorize(prompt="none"))

    assert query_of(visitor.left_for or "")["error"] == "login_required"


def test_a_required_identity_has_to_sign_in_itself(visitor: Visitor) -> None:
    visitor.open("/account")
    visitor.sign_in("ada@example.org", PASSWORD)

    visitor.open(authorize(session_required_identities=ADA_AT_HOME, session_message="At home, please"))

    assert "At home, please" in visitor.page.text
    assert visitor.form("/v2/web/login").fields["username"] == "ada@home.example"
    visitor.sign_in("ada@home.example", PASSWORD)
    if visitor.left_for is None:
        visitor.allow()
    assert "code" in query_of(visitor.left_for or "")


def test_after_creating_an_account_the_authorize_request_goes_on(
    visitor: Visitor, local_globus: LocalGlobusProcess
) -> None:
    portal = globus_sdk.ConfidentialAppAuthClient(PORTAL, SECRET, base_url=local_globus.url + "/")
    portal.oauth2_start_flow(PORTAL_REDIRECT, [AuthScopes.openid, AuthScopes.profile, TransferScopes.all])
    visitor.open(portal.oauth2_get_authorize_url(query_params={"prompt": "login"}))
    link = visitor.page.text.split('href="/v2/web/create-account?')[1].split('"')[0]
    visitor.open("/v2/web/create-account?" + link.replace("&amp;", "&"))

    visitor.submit(
        "/v2/web/create-account", email="Grace@People.example", name="Grace Hopper", organization="Navy",
        password=PASSWORD, password_again=PASSWORD,
    )  # fmt: skip
    visitor.allow()

    claims = portal.oauth2_exchange_code_for_tokens(query_of(visitor.left_for or "")["code"]).decode_id_token()
    assert (claims["preferred_username"], claims["name"]) == ("grace@people.example", "Grace Hopper")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"email": "grace"}, "Give an e-mail address"),
        ({"email": "x@clients.auth.globus.org"}, "Give an e-mail address"),
        ({"password": "short", "password_again": "short"}, "at least 8 characters"),
        ({"password_again": "something else"}, "The two passwords differ"),
        ({"email": "ada@example.org"}, "already"),
    ],
)
def test_a_form_that_cannot_become_an_account_says_why_and_keeps_what_was_typed(
    changed: dict[str, str], told: str, visitor: Visitor
) -> None:
    visitor.open("/v2/web/create-account")
    values = {"email": "x@people.example", "name": "<Linus>", "password": PASSWORD, "password_again": PASSWORD}

    visitor.submit("/v2/web/create-account", **(values | changed))

    assert visitor.page.status_code in {409, 422}
    assert told in visitor.page.text
    assert visitor.form("/v2/web/create-account").fields["name"] == "<Linus>"
    assert "<Linus>" not in visitor.page.text


def test_creating_accounts_can_be_turned_off(start_local_globus: StartLocalGlobus) -> None:
    service = start_local_globus(create_account=False)
    visitor = Visitor(service.url)

    assert "Create an account" not in visitor.open("/v2/web/login").text
    assert visitor.open("/v2/web/create-account").status_code == 404
    visitor.open("/v2/web/login")
    word = visitor.form("/v2/web/login").fields["csrf_token"]
    posted = visitor.http.post(
        service.url + "/v2/web/create-account", timeout=30,
        data={"csrf_token": word, "email": "x@y.example", "password": PASSWORD, "password_again": PASSWORD},
    )  # fmt: skip
    assert posted.status_code == 404


def test_guessing_a_password_is_slowed_down(start_local_globus: StartLocalGlobus) -> None:
    visitor = Visitor(start_local_globus().url)
    visitor.open("/v2/web/login")

    statuses = [visitor.sign_in("ada@example.org", "a guess").status_code for _ in range(7)]

    assert statuses[:5] == [403] * 5
    assert 429 in statuses[5:]
    assert visitor.sign_in("bob@example.org", PASSWORD).status_code != 429


@pytest.mark.parametrize(
    "redirect_uri", ["https://evil.example/", PORTAL_REDIRECT + "/x", "javascript:alert(1)", "", 'http://"\\ü/']
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(redirect_uri: str, visitor: Visitor) -> None:
    page = visitor.open(authorize(redirect_uri=redirect_uri))

    assert visitor.left_for is None
    assert page.status_code == 400
    assert "made a mistake" in page.text


def test_signing_in_never_leads_away(visitor: Visitor, local_globus: LocalGlobusProcess) -> None:
    for elsewhere in ("https://evil.example/", "//evil.example/", "/\\evil.example"):
        visitor.open("/v2/web/login?" + urlencode({"next": elsewhere}))
        assert visitor.form("/v2/web/login").fields["next"] == "/"
    word = visitor.form("/v2/web/login").fields["csrf_token"]

    answer = visitor.http.post(
        local_globus.url + "/v2/web/login", allow_redirects=False, timeout=30,
        data={"csrf_token": word, "username": "ada@example.org", "password": PASSWORD, "next": "//evil.example/"},
    )  # fmt: skip

    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    "path", ["/v2/web/login", "/v2/web/create-account", "/v2/web/sign-out", "/account/link", "/v2/oauth2/authorize"]
)
def test_a_form_without_its_word_is_refused(path: str, visitor: Visitor, local_globus: LocalGlobusProcess) -> None:
    visitor.open("/account")
    visitor.sign_in("ada@example.org", PASSWORD)

    attempts: list[dict[str, str]] = [{}, {"csrf_token": "guessed"}]
    for data in attempts:
        answer = visitor.http.post(local_globus.url + path, data=data, timeout=30)
        assert answer.status_code == 400


def test_pages_are_protected_and_the_cookie_too(visitor: Visitor) -> None:
    page = visitor.open("/v2/web/login")

    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "same-origin"
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("globus_local_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "<script>" not in page.text


def test_signing_in_changes_the_session_key_and_signing_out_ends_it(
    visitor: Visitor, local_globus: LocalGlobusProcess
) -> None:
    visitor.open("/v2/web/login?next=/account")
    before = visitor.http.cookies["globus_local_session"]
    visitor.sign_in("ada@example.org", PASSWORD)
    stolen = visitor.http.cookies["globus_local_session"] or ""
    assert stolen != before

    visitor.submit("/v2/web/sign-out")

    answer = requests.get(
        local_globus.url + "/account", cookies={"globus_local_session": stolen}, allow_redirects=False, timeout=30
    )
    assert answer.headers["Location"].startswith("/v2/web/login")


def test_logging_out_offers_a_way_back_to_the_client_only(visitor: Visitor) -> None:
    query = {"client_id": PORTAL, "redirect_name": "The portal"}

    own = visitor.open("/v2/web/logout?" + urlencode({**query, "redirect_uri": "http://127.0.0.1:9/bye"}))
    assert 'href="http://127.0.0.1:9/bye"' in own.text
    foreign = visitor.open("/v2/web/logout?" + urlencode({**query, "redirect_uri": "https://evil.example/"}))
    assert "evil.example" not in foreign.text
    broken = visitor.open("/v2/web/logout?" + urlencode({**query, "redirect_uri": "http://["}))
    assert broken.status_code == 200


def test_another_identity_is_linked_by_signing_in_to_it(local_globus: LocalGlobusProcess) -> None:
    first, second = Visitor(local_globus.url), Visitor(local_globus.url)
    main = new_name(local_globus, first, "main")
    other = new_name(local_globus, second, "other")
    assert main not in second.page.text

    first.submit("/account/link", username=other, password="wrong password")
    assert first.page.status_code == 403
    assert main not in second.open("/account").text
    first.submit("/account/link", username=other, password=PASSWORD)

    assert f"{other} is linked." in first.page.text
    assert main in second.open("/account").text


def test_a_program_loses_its_tokens_when_it_is_revoked(local_globus: LocalGlobusProcess, visitor: Visitor) -> None:
    username = new_name(local_globus, visitor, "revoker")
    portal = globus_sdk.ConfidentialAppAuthClient(PORTAL, SECRET, base_url=local_globus.url + "/")
    portal.oauth2_start_flow(PORTAL_REDIRECT, [TransferScopes.all], refresh_tokens=True)
    code = Visitor(local_globus.url).code_for(portal.oauth2_get_authorize_url(), username, PASSWORD)
    tokens = portal.oauth2_exchange_code_for_tokens(code)
    visitor.open("/account")
    assert "Transfer and manage files on your behalf" in visitor.page.text

    visitor.submit(f"/account/programs/{PORTAL}/revoke")

    assert portal.oauth2_token_introspect(tokens["access_token"]).data == {"active": False}
    assert "None yet" in visitor.page.text


def test_a_browser_that_wanted_a_protected_file_comes_back_to_it(
    local_globus: LocalGlobusProcess, visitor: Visitor
) -> None:
    file = f"{local_globus.url}/collections-data/{LAB}/no/such%20file"
    query = urlencode({"client_id": LAB, "redirect_uri": file})

    visitor.open(f"/v2/oauth2/authorize?{query}")
    assert "Ada&#39;s lab" in visitor.page.text
    visitor.sign_in("ada@example.org", PASSWORD)

    assert visitor.page.url == file
    elsewhere = urlencode({"client_id": LAB, "redirect_uri": f"{local_globus.url}/account"})
    assert visitor.open(f"/v2/oauth2/authorize?{elsewhere}").status_code == 400


def test_the_account_page_tells_who_one_is(visitor: Visitor) -> None:
    visitor.open("/account")
    visitor.sign_in("ada@home.example", PASSWORD)

    assert ADA in visitor.page.text
    assert "Ada Lovelace" in visitor.page.text
