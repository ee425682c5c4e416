"""Where a client may send people back to."""

import pytest

from globus_local.auth.clients import Client, hash_secret


def a_client(*redirect_uris: str, prefix: str | None = None) -> Client:
    return Client(id="c", name="A client", secret_hash=None, redirect_uris=redirect_uris, redirect_prefix=prefix)


@pytest.mark.parametrize(
    "wanted",
    [
        "https://portal.example/callback",
        "http://localhost:51234/",
        "http://localhost:51234",
        "http://127.0.0.1:9/x?y=1",
    ],
)
def test_registered_addresses_are_accepted_and_loopback_ones_at_any_port(wanted: str) -> None:
    client = a_client("https://portal.example/callback", "http://localhost/", "http://127.0.0.1/x?y=1")

    assert client.check_redirect_uri(wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        "https://portal.example/callback/",
        "https://portal.example/callback?x=1",
        "https://portal.example:8443/callback",
        "http://portal.example/callback",
        "https://portal.example@evil.example/callback",
        "http://localhost.evil.example/",
        "http://user@localhost/",
        "http://localhost:1/elsewhere",
        "https://localhost/",
        "http://localhost/#fragment",
        "http://[::1",
        "javascript:alert(1)",
        "",
    ],
)
def test_anything_else_is_refused(wanted: str) -> None:
    assert not a_client("https://portal.example/callback", "http://localhost/").check_redirect_uri(wanted)


def test_a_collection_leads_back_to_its_own_files_only() -> None:
    collection = a_client(prefix="http://127.0.0.1:1/collections-data/c/")

    assert collection.check_redirect_uri("http://127.0.0.1:1/collections-data/c/a/b.txt")
    assert not collection.check_redirect_uri("http://127.0.0.1:1/collections-data/other/b.txt")
    assert not collection.check_redirect_uri("http://127.0.0.1:1/collections-data/c/../other/b.txt")
    assert not collection.check_redirect_uri("http://127.0.0.1:1/collections-data/c/%2E%2e/other/b.txt")


def test_only_the_right_secret_is_right_and_a_public_client_has_none() -> None:
    confidential = Client(id="c", name="", secret_hash=hash_secret("right"), redirect_uris=())

    assert confidential.check_client_secret("right")
    assert not confidential.check_client_secret("wrong")
    assert not a_client().check_client_secret("")
