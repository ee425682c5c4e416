"""Globus identities of members, as design §6 wants them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from builders import NOON, a_linked_identity, a_member
from fakes.globus import InMemoryTransferService
from moorage.accounts.identities import (
    IdentityTakenError,
    IdentityUnknownError,
    LastSignInError,
    confirm_identity,
    name_identity,
    unlink_identity,
    verify_identity,
)
from moorage.accounts.models import GlobusIdentity, Member
from moorage.audit.models import AuditRecord
from moorage.errors import InvalidInputError
from moorage.globus.service import GlobusUnavailableError, Identity

pytestmark = pytest.mark.django_db


def a_named_identity(member: Member, identity: Identity) -> GlobusIdentity:
    return confirm_identity(member=member, username=identity.username, identity_id=UUID(identity.id), at=NOON)


def test_naming_finds_an_identity_and_links_nothing_yet(globus: InMemoryTransferService) -> None:
    ada = a_member()
    identity = globus.add_identity("ada@uni.example", name="Ada Quist", organization="University of Example")

    named = name_identity(member=ada, username=" Ada@uni.example ", at=NOON)

    [found] = named.found
    assert found.identity == identity
    assert (found.is_probably_wrong, found.is_taken, found.is_linked) == (False, False, False)
    assert not ada.globus_identities.exists()


def test_a_name_that_globus_does_not_know_finds_none(globus: InMemoryTransferService) -> None:
    assert name_identity(member=a_member(), username="nobody@uni.example", at=NOON).found == ()


def test_a_google_account_is_found_under_its_own_kind_of_name(globus: InMemoryTransferService) -> None:
    unused = globus.add_identity("ada@gmail.example", status="unused")
    google = globus.add_identity("ada@gmail.example@accounts.google.com")

    named = name_identity(member=a_member(), username="ada@gmail.example", at=NOON)

    assert {one.identity.id: one.is_probably_wrong for one in named.found} == {unused.id: True, google.id: False}


def test_an_identity_that_is_closed_is_as_good_as_none(globus: InMemoryTransferService) -> None:
    identity = globus.add_identity("ada@uni.example", status="closed")
    ada = a_member()

    assert name_identity(member=ada, username="ada@uni.example", at=NOON).found == ()
    with pytest.raises(IdentityUnknownError):
        a_named_identity(ada, identity)


def test_no_name_is_an_error_of_the_field(globus: InMemoryTransferService) -> None:
    with pytest.raises(InvalidInputError) as refused:
        name_identity(member=a_member(), username="  ", at=NOON)

    assert refused.value.field == "globus_username"


def test_a_confirmed_identity_is_unverified_and_on_record(globus: InMemoryTransferService) -> None:
    ada = a_member()

    row = a_named_identity(ada, globus.add_identity("ada@uni.example"))

    assert row.verified_at is None
    assert AuditRecord.objects.filter(act="identity.named", actor=ada, object_id=str(row.pk)).count() == 1


def test_confirming_twice_is_harmless(globus: InMemoryTransferService) -> None:
    ada = a_member()
    identity = globus.add_identity("ada@uni.example")

    assert a_named_identity(ada, identity) == a_named_identity(ada, identity)


def test_confirming_asks_globus_and_does_not_trust_the_form(globus: InMemoryTransferService) -> None:
    other = globus.add_identity("bo@uni.example")

    for identity_id in (uuid4(), UUID(other.id)):
        with pytest.raises(IdentityUnknownError):
            confirm_identity(member=a_member(), username="ada@uni.example", identity_id=identity_id, at=NOON)
    assert not GlobusIdentity.objects.exists()


def test_two_members_may_name_the_same_identity(globus: InMemoryTransferService) -> None:
    identity = globus.add_identity("lab@uni.example")

    a_named_identity(a_member(), identity)
    a_named_identity(a_member(), identity)

    assert GlobusIdentity.objects.filter(identity_id=identity.id).count() == 2


def test_what_another_member_has_verified_is_refused_when_named_and_when_confirmed(
    globus: InMemoryTransferService,
) -> None:
    identity = globus.add_identity("ada@uni.example")
    a_linked_identity(a_member(), identity)
    eve = a_member()

    with pytest.raises(IdentityTakenError):
        name_identity(member=eve, username="ada@uni.example", at=NOON)
    with pytest.raises(IdentityTakenError):
        a_named_identity(eve, identity)
    assert not eve.globus_identities.exists()


def test_of_several_those_of_others_are_shown_as_taken(globus: InMemoryTransferService) -> None:
    plain = globus.add_identity("ada@gmail.example")
    google = globus.add_identity("ada@gmail.example@accounts.google.com")
    a_linked_identity(a_member(), plain)

    named = name_identity(member=a_member(), username="ada@gmail.example", at=NOON)

    assert {one.identity.id: one.is_taken for one in named.found} == {plain.id: True, google.id: False}


def test_globus_being_down_reaches_the_page_as_such(globus: InMemoryTransferService) -> None:
    globus.fail_next("find_identities")

    with pytest.raises(GlobusUnavailableError):
        name_identity(member=a_member(), username="ada@uni.example", at=NOON)


def test_verifying_ends_what_others_had_only_named(globus: InMemoryTransferService) -> None:
    identity = globus.add_identity("ada@uni.example")
    eve, ada = a_member(), a_member()
    a_named_identity(eve, identity)

    verify_identity(member=ada, identity=identity, at=NOON)

    assert not eve.globus_identities.exists()
    assert ada.globus_identities.get().verified_at == NOON
    assert AuditRecord.objects.get(act="identity.ended").data["member"] == str(eve.pk)


def test_verifying_makes_a_named_identity_of_hers_verified(globus: InMemoryTransferService) -> None:
    ada = a_member()
    identity = globus.add_identity("ada@uni.example")
    row = a_named_identity(ada, identity)

    verified = verify_identity(member=ada, identity=identity, at=NOON)

    assert verified.pk == row.pk
    assert verified.verified_at == NOON


def test_the_other_identities_of_her_globus_account_are_hers_too(globus: InMemoryTransferService) -> None:
    ada, eve = a_member(), a_member()
    primary, linked = globus.add_identity("ada@uni.example"), globus.add_identity("ada@orcid.example")
    hers = a_named_identity(ada, linked)
    a_named_identity(eve, linked)

    verify_identity(member=ada, identity=primary, linked=[primary.id, linked.id], at=NOON)

    hers.refresh_from_db()
    assert hers.verified_at == NOON
    assert not eve.globus_identities.exists()


def test_no_identity_of_an_account_that_a_member_has_signed_in_with_can_be_named_by_another(
    globus: InMemoryTransferService,
) -> None:
    ada, eve = a_member(), a_member()
    primary, linked = globus.add_identity("ada@uni.example"), globus.add_identity("ada@orcid.example")
    verify_identity(member=ada, identity=primary, linked=[primary.id, linked.id], at=NOON)

    with pytest.raises(IdentityTakenError):
        name_identity(member=eve, username="ada@orcid.example", at=NOON)
    with pytest.raises(IdentityTakenError):
        a_named_identity(eve, linked)
    assert a_named_identity(ada, linked).member == ada
    assert not eve.globus_identities.exists()


def test_each_sign_in_reads_anew_which_identities_her_account_has(globus: InMemoryTransferService) -> None:
    ada, eve = a_member(), a_member()
    primary, old = globus.add_identity("ada@uni.example"), globus.add_identity("ada@old.example")
    new = globus.add_identity("ada@new.example")
    a_named_identity(eve, new)
    told: dict[str, Any] = {"sub": primary.id, "identity_set": [{"sub": primary.id}, {"sub": old.id}]}
    sign_in = SocialAccount.objects.create(user=ada, provider="globus", uid=primary.id, extra_data={"userinfo": told})

    told["identity_set"] = [{"sub": primary.id}, {"sub": new.id}]
    sign_in.save()

    assert not eve.globus_identities.exists()
    with pytest.raises(IdentityTakenError):
        a_named_identity(eve, new)
    assert a_named_identity(eve, old).member == eve, "it is of her account no more"


def test_a_sign_in_that_tells_no_identities_keeps_what_was_known(globus: InMemoryTransferService) -> None:
    ada = a_member()
    primary, linked = globus.add_identity("ada@uni.example"), globus.add_identity("ada@orcid.example")
    verify_identity(member=ada, identity=primary, linked=[primary.id, linked.id], at=NOON)

    verify_identity(member=ada, identity=primary, at=NOON)

    with pytest.raises(IdentityTakenError):
        a_named_identity(a_member(), linked)


def test_unlinking_one_identity_leaves_the_account_hers_while_another_stays(globus: InMemoryTransferService) -> None:
    ada = a_member(password="a long enough one")
    ids = [globus.add_identity(f"ada@{place}.example") for place in ("uni", "orcid", "gmail")]
    named = a_named_identity(ada, ids[1])
    signed_in = verify_identity(member=ada, identity=ids[0], linked=[one.id for one in ids], at=NOON)

    unlink_identity(member=ada, identity=signed_in, at=NOON)
    with pytest.raises(IdentityTakenError):
        a_named_identity(a_member(), ids[2])

    unlink_identity(member=ada, identity=named, at=NOON)
    assert a_named_identity(a_member(), ids[2]).verified_at is None


def test_an_identity_is_verified_for_one_member_only(globus: InMemoryTransferService) -> None:
    identity = globus.add_identity("ada@uni.example")
    verify_identity(member=a_member(), identity=identity, at=NOON)

    with pytest.raises(IdentityTakenError):
        verify_identity(member=a_member(), identity=identity, at=NOON)


def test_signing_in_with_globus_verifies_and_disconnecting_ends_it(globus: InMemoryTransferService) -> None:
    ada = a_member()
    told = {"userinfo": {"sub": str(uuid4()), "preferred_username": "ada@uni.example", "name": "Ada"}}

    sign_in = SocialAccount.objects.create(user=ada, provider="globus", uid=told["userinfo"]["sub"], extra_data=told)

    identity = ada.globus_identities.get()
    assert (identity.username, identity.verified_at) == ("ada@uni.example", NOON)
    sign_in.delete()
    assert not ada.globus_identities.exists()


def test_unlinking_ends_the_sign_in_as_well(globus: InMemoryTransferService) -> None:
    ada = a_member(password="a long enough one")
    uid = str(uuid4())
    SocialAccount.objects.create(user=ada, provider="globus", uid=uid, extra_data={"userinfo": {"sub": uid}})

    unlink_identity(member=ada, identity=ada.globus_identities.get(), at=NOON)

    assert not SocialAccount.objects.exists()
    assert not GlobusIdentity.objects.exists()


def test_no_page_disconnects_a_sign_in_without_a_record(globus: InMemoryTransferService, client: Client) -> None:
    ada = a_member(password="a long enough one")
    uid = str(uuid4())
    sign_in = SocialAccount.objects.create(user=ada, provider="globus", uid=uid, extra_data={"userinfo": {"sub": uid}})
    client.force_login(ada)

    response = client.post("/accounts/3rdparty/", {"account": sign_in.pk})

    assert response.headers["Location"] == "/account/"
    assert ada.globus_identities.exists()


def test_the_only_way_to_sign_in_is_not_unlinked(globus: InMemoryTransferService) -> None:
    ada = a_member()
    uid = str(uuid4())
    SocialAccount.objects.create(user=ada, provider="globus", uid=uid, extra_data={"userinfo": {"sub": uid}})

    with pytest.raises(LastSignInError):
        unlink_identity(member=ada, identity=ada.globus_identities.get(), at=NOON)

    assert ada.globus_identities.exists()
