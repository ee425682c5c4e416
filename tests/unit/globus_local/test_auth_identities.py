"""Identities and identity sets on a database of their own."""

from pathlib import Path

import pytest

from globus_local.auth import identities
from globus_local.auth.identities import Identities, UsernameTakenError, is_username
from globus_local.config import IdentityConfig
from globus_local.database import Database

PASSWORD = "correct horse"


@pytest.fixture
def people(tmp_path: Path) -> Identities:
    return Identities(Database(tmp_path / "test.sqlite3", schemas=[identities.SCHEMA]))


def join(people: Identities, username: str) -> identities.Identity:
    return people.create(username=username, name="", email=username, organization="", password=PASSWORD)


def test_a_person_signs_in_with_her_password_only(people: Identities) -> None:
    ada = join(people, "ada@example.org")

    assert people.authenticate("ADA@example.org ", PASSWORD) == ada
    assert people.authenticate("ada@example.org", "wrong") is None
    assert people.authenticate("nobody@example.org", PASSWORD) is None


def test_a_username_belongs_to_one_identity_whatever_its_case(people: Identities) -> None:
    join(people, "ada@example.org")

    with pytest.raises(UsernameTakenError):
        join(people, "Ada@Example.org")


def test_a_provisioned_identity_is_taken_over_by_whoever_creates_the_account(people: Identities) -> None:
    provisioned = people.provision("ada@example.org")
    assert provisioned.status == "unused"

    ada = join(people, "ada@example.org")

    assert (ada.id, ada.status) == (provisioned.id, "used")
    assert people.provision("ada@example.org") == ada


def test_nobody_signs_in_as_an_identity_without_a_password(people: Identities) -> None:
    people.provision("ada@example.org")

    assert people.authenticate("ada@example.org", "") is None
    assert people.authenticate("ada@example.org", "nobody has this password") is None


def test_linking_unites_whole_sets_under_one_primary(people: Identities) -> None:
    ada, home, lab, bob = (join(people, f"{name}@example.org") for name in ("ada", "home", "lab", "bob"))
    people.link(lab.id, to=home.id)

    people.link(home.id, to=ada.id)

    assert people.set_of(lab.id) == people.set_of(ada.id) == {ada.id, home.id, lab.id}
    assert people.primary_of(lab.id).id == ada.id
    assert people.set_of(bob.id) == {bob.id}


def test_the_configuration_can_be_applied_again_without_undoing_links(people: Identities) -> None:
    wanted = IdentityConfig(id="a-1", username="ada@example.org", password=PASSWORD, name="Ada")
    people.apply(wanted)
    bob = join(people, "bob@example.org")
    people.link(bob.id, to="a-1")

    people.apply(wanted)

    assert people.set_of(bob.id) == {"a-1", bob.id}
    assert people.authenticate("ada@example.org", PASSWORD) is not None


@pytest.mark.parametrize("text", ["ada@example.org", "ada.l+x@a-b.example", "o'neil@localhost"])
def test_a_username_looks_like_an_address(text: str) -> None:
    assert is_username(text)


@pytest.mark.parametrize("text", ["", "ada", "a b@c.example", "@c.example", "a@", "x@Clients.auth.globus.org", "a@b@c"])
def test_other_words_and_clients_names_are_no_usernames(text: str) -> None:
    assert not is_username(text)
