"""Scope strings as clients send them."""

from pathlib import Path

import pytest

from globus_local.auth.scopes import Scope, ScopeError, by_server, known_scopes, parse_scopes, server_of
from globus_local.config import CollectionConfig, Config

COLLECTION = "dddddddd-0000-4000-8000-000000000001"
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"
DATA_ACCESS = f"https://auth.globus.org/scopes/{COLLECTION}/data_access"
TIMER = "https://auth.globus.org/scopes/524230d7-ea86-4a52-8312-86065a9e0417/timer"
CONFIG = Config(
    data_folder=Path("unused"),
    collections=(CollectionConfig(id=COLLECTION, display_name="Data", path=Path("unused")),),
)


def test_scopes_are_separated_by_any_white_space_and_repeated_ones_are_one() -> None:
    assert [scope.name for scope in parse_scopes(" openid  email\nopenid ")] == ["openid", "email"]


def test_dependencies_stand_in_brackets_and_may_be_nested() -> None:
    assert parse_scopes("a[b c[d]] e") == (
        Scope("a", dependencies=(Scope("b"), Scope("c", dependencies=(Scope("d"),)))),
        Scope("e"),
    )


def test_a_star_makes_a_dependency_optional() -> None:
    (scope,) = parse_scopes(f"{TRANSFER}[*{DATA_ACCESS}]")

    assert scope.dependencies == (Scope(DATA_ACCESS, optional=True),)


def test_the_dependencies_of_a_repeated_scope_are_united() -> None:
    assert parse_scopes("a[b] a[c] a") == (Scope("a", dependencies=(Scope("b"), Scope("c"))),)


@pytest.mark.parametrize("text", ["a[b", "a]b", "[a]", "a[]", "a[b]]", "*", "a**b"])
def test_a_scope_string_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ScopeError):
        parse_scopes(text)


def test_the_six_services_that_globus_login_asks_for_are_known() -> None:
    wanted = (
        f"openid profile email {TRANSFER} urn:globus:auth:scope:groups.api.globus.org:all"
        f" urn:globus:auth:scope:search.api.globus.org:all {TIMER}[{TRANSFER}]"
        " https://auth.globus.org/scopes/eec9b274-0c81-4334-bdc2-54e90e689b9a/all"
    )

    assert list(by_server(known_scopes(wanted, CONFIG), CONFIG)) == [
        "auth.globus.org",
        "transfer.api.globus.org",
        "groups.api.globus.org",
        "search.api.globus.org",
        "524230d7-ea86-4a52-8312-86065a9e0417",
        "flows.globus.org",
    ]


def test_auth_comes_first_when_openid_is_asked_for_wherever_it_stands() -> None:
    assert next(iter(by_server(parse_scopes(f"{TRANSFER} openid"), CONFIG))) == "auth.globus.org"


def test_the_scopes_of_a_collection_belong_to_it() -> None:
    assert server_of(f"https://auth.globus.org/scopes/{COLLECTION}/https", CONFIG) == COLLECTION
    assert server_of(f"https://auth.globus.org/scopes/{COLLECTION}/nonsense", CONFIG) is None


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        f"{TRANSFER}[nonsense]",
        "https://auth.globus.org/scopes/eeeeeeee-0000-4000-8000-000000000001/https",
        "urn:globus:auth:scope:example.org:all",
    ],
)
def test_an_unknown_scope_is_named_in_the_refusal(text: str) -> None:
    with pytest.raises(ScopeError, match=r"Unknown scope: (nonsense|https|urn)"):
        known_scopes(text, CONFIG)
