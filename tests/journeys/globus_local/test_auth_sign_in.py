"""A person in a real browser signs in to a portal with the local Globus; the browser enforces our policies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import globus_sdk
import pytest
from globus_sdk.scopes import AuthScopes, TransferScopes
from playwright.sync_api import Page, expect

from browser import check_accessibility
from local_globus import PASSWORD, PORTAL, SECRET, LocalGlobusProcess
from visitor import query_of

pytestmark = pytest.mark.journey


@dataclass
class Portal:
    """A portal of one page: it greets whoever comes back with a code."""

    address: str
    auth: globus_sdk.ConfidentialAppAuthClient
    arrivals: list[dict[str, str]] = field(default_factory=list)

    def sign_in_link(self, **query: str) -> str:
        scopes = [AuthScopes.openid, AuthScopes.profile, TransferScopes.all]
        self.auth.oauth2_start_flow(self.address, scopes)
        return self.auth.oauth2_get_authorize_url(query_params=query)

    def greet(self, path: str) -> str:
        arrival = query_of(path)
        self.arrivals.append(arrival)
        if "code" not in arrival:
            return f"Nobody: {arrival['error']}"
        claims = self.auth.oauth2_exchange_code_for_tokens(arrival["code"]).decode_id_token()
        return f"Welcome {claims['preferred_username']}"


@pytest.fixture
def portal(local_globus: LocalGlobusProcess) -> Iterator[Portal]:
    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith("/portal/callback"):
                self.send_error(404)
                return
            body = f"<!doctype html><title>Portal</title><h1>{here.greet(self.path)}</h1>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Tests print what they need."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    auth = globus_sdk.ConfidentialAppAuthClient(PORTAL, SECRET, base_url=local_globus.url + "/")
    here = Portal(f"http://127.0.0.1:{server.server_port}/portal/callback", auth)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield here
    server.shutdown()
    server.server_close()


def test_someone_without_an_account_makes_one_and_arrives_at_the_portal(page: Page, portal: Portal) -> None:
    page.goto(portal.sign_in_link(prompt="login", state="kept"))
    expect(page.get_by_text("to continue to A portal")).to_be_visible()
    check_accessibility(page)

    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("E-mail").fill("grace@people.example")
    page.get_by_label("Name").fill("Grace Hopper")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill("something else")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("The two passwords differ.")).to_be_visible()
    check_accessibility(page)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()

    expect(page.get_by_role("heading", name="Allow A portal?")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("button", name="Allow").click()

    expect(page.get_by_role("heading", name="Welcome grace@people.example")).to_be_visible()
    assert portal.arrivals[-1]["state"] == "kept"


def test_someone_who_came_before_only_gives_her_password(page: Page, portal: Portal) -> None:
    page.goto(portal.sign_in_link())
    page.get_by_label("Username").fill("bob@example.org")
    page.get_by_label("Password").fill("not his")
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Check both and try again")
    check_accessibility(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("heading", name="Welcome bob@example.org")).to_be_visible()

    page.goto(portal.sign_in_link(prompt="login"))
    page.get_by_label("Username").fill("bob@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    # From the sign-in form straight to another origin: the policy of that page must allow it.
    expect(page.get_by_role("heading", name="Welcome bob@example.org")).to_be_visible()


def test_someone_changes_her_mind_and_takes_a_consent_back(
    page: Page, portal: Portal, local_globus: LocalGlobusProcess
) -> None:
    page.goto(portal.sign_in_link(prompt="consent"))
    page.get_by_label("Username").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("heading", name="Nobody: access_denied")).to_be_visible()

    page.goto(portal.sign_in_link())
    page.get_by_role("button", name="Allow").click()
    page.goto(local_globus.url + "/account")
    check_accessibility(page)
    page.get_by_role("button", name="Revoke A portal").click()

    expect(page.get_by_text("The program may not act for you any more.")).to_be_visible()
    page.goto(portal.sign_in_link())
    expect(page.get_by_role("heading", name="Allow A portal?")).to_be_visible()
