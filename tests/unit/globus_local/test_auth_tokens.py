"""Tokens, codes, sessions and failed attempts on a database of their own."""

from pathlib import Path

import pytest
from flask.sessions import SecureCookieSession

from globus_local.auth import attempts, codes, sessions, tokens
from globus_local.auth.attempts import FREE_FAILURES, FREE_FAILURES_OF_ADDRESS, Attempts
from globus_local.auth.codes import Code, Codes
from globus_local.auth.sessions import Sessions
from globus_local.auth.tokens import ACCESS_SECONDS, REFRESH_SECONDS, Tokens
from globus_local.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    schemas = [tokens.SCHEMA, codes.SCHEMA, sessions.SCHEMA, attempts.SCHEMA]
    return Database(tmp_path / "test.sqlite3", schemas=schemas)


class Clock:
    """What `time.time` says; set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    return clock


def issue(store: Tokens, *, refreshable: bool = True) -> tuple[str, str]:
    access, refresh = store.issue(
        client_id="c", identity_id="i", resource_server="transfer.api.globus.org", scopes=frozenset({"x", "y"}),
        session_id=None, refreshable=refreshable,
    )  # fmt: skip
    return access, refresh or ""


def test_a_token_is_found_by_its_text_and_only_as_what_it_is(database: Database) -> None:
    store = Tokens(database)
    access, refresh = issue(store)

    found = store.find_access(access)
    assert found is not None
    assert (found.client_id, found.identity_id, found.scopes) == ("c", "i", frozenset({"x", "y"}))
    assert store.find_access(refresh) is None
    assert store.find_refresh(access) is None


def test_the_database_does_not_hold_the_tokens_themselves(database: Database) -> None:
    access, refresh = issue(Tokens(database))

    with database.read() as c:
        stored = str([tuple(row) for row in c.execute("SELECT * FROM tokens")])

    assert access not in stored
    assert refresh not in stored


def test_an_access_token_ends_after_two_days_and_its_refresh_token_gives_another(
    database: Database, clock: Clock
) -> None:
    store = Tokens(database)
    access, refresh = issue(store)

    clock.now += ACCESS_SECONDS
    assert store.find_access(access) is None
    renewed = store.refresh(refresh, frozenset({"x"}))

    assert renewed is not None
    found = store.find_access(renewed)
    assert found is not None
    assert found.scopes == {"x"}


def test_a_refresh_token_lives_as_long_as_it_is_used(database: Database, clock: Clock) -> None:
    store = Tokens(database)
    _, used = issue(store)
    _, unused = issue(store)

    for _ in range(3):
        clock.now += REFRESH_SECONDS - 1
        assert store.refresh(used, frozenset({"x"})) is not None

    assert store.find_refresh(used) is not None
    assert store.find_refresh(unused) is None


def test_revoking_a_refresh_token_ends_its_access_tokens_too(database: Database) -> None:
    store = Tokens(database)
    access, refresh = issue(store)
    other_access, _ = issue(store)

    store.revoke(refresh)

    assert store.find_access(access) is None
    assert store.refresh(refresh, frozenset({"x"})) is None
    assert store.find_access(other_access) is not None


def test_a_code_is_good_once_and_for_its_client_only(database: Database, clock: Clock) -> None:
    store = Codes(database)
    code = Code(
        client_id="c", identity_id="i", redirect_uri="r", scope="s", offline=True, nonce=None, state=None,
        code_challenge=None, code_challenge_method=None, session_id="x", auth_time=1, expires_at=int(clock.now) + 10,
    )  # fmt: skip
    store.save("secret", code)
    store.save("late", code)

    assert store.take("secret", "another client") is None
    assert store.take("secret", "c") == code
    assert store.take("secret", "c") is None
    clock.now += 10
    assert store.take("late", "c") is None


def test_a_sign_in_changes_the_key_and_signing_out_ends_it(database: Database) -> None:
    store = Sessions(database)
    planted = SecureCookieSession({sessions.KEY: "known to an attacker"})

    store.sign_in(planted, primary_id="ada", authenticated_id="ada")

    assert planted[sessions.KEY] != "known to an attacker"
    copy = dict(planted)
    store.sign_out(planted)
    assert store.find(copy) is None
    assert store.find({}) is None


def test_a_second_identity_of_the_set_joins_the_session_and_a_stranger_replaces_it(database: Database) -> None:
    store = Sessions(database)
    cookie = SecureCookieSession()

    store.sign_in(cookie, primary_id="ada", authenticated_id="ada")
    both = store.sign_in(cookie, primary_id="ada", authenticated_id="ada-at-home")
    bob = store.sign_in(cookie, primary_id="bob", authenticated_id="bob")

    assert set(both.authentications) == {"ada", "ada-at-home"}
    assert set(bob.authentications) == {"bob"}


def test_guessing_has_to_wait_longer_each_time_until_the_right_password(database: Database, clock: Clock) -> None:
    store = Attempts(database)
    assert [store.begin("ada", "::1") for _ in range(FREE_FAILURES)] == [0] * FREE_FAILURES

    waits = []
    for _ in range(3):
        waits.append(store.begin("ADA ", "::1"))
        clock.now += waits[-1]
        assert store.begin("ada", "::1") == 0

    assert waits == [1, 2, 4]
    assert store.begin("bob", "::1") == 0
    store.succeeded("ada", "::1")
    assert [store.begin("ada", "::1") for _ in range(FREE_FAILURES)] == [0] * FREE_FAILURES


def test_an_address_that_tries_many_usernames_has_to_wait_too(database: Database, clock: Clock) -> None:
    store = Attempts(database)
    for number in range(FREE_FAILURES_OF_ADDRESS):
        assert store.begin(f"user-{number}", "::1") == 0

    assert store.begin("ada", "::1") == 1
    assert store.begin("ada", "::2") == 0
