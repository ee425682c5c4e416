"""Signing up with Globus: what the policies allow when Globus has said who somebody is.

The whole way, through Globus Auth's own pages, is walked in journeys.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from allauth.core.context import request_context
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.models import SocialLogin
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from builders import NOON, a_member
from moorage.accounts.adapters import INVITATION_KEY
from moorage.accounts.invitations import invite
from moorage.accounts.models import GlobusIdentity, Member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("globus", "fresh_cache")]


def a_visit(member: Member | None = None) -> HttpRequest:
    request = RequestFactory().get("/accounts/oidc/globus/login/callback/")
    request.session = SessionStore()
    request.user = member or AnonymousUser()
    request._messages = FallbackStorage(request)  # type: ignore[attr-defined]
    return request


def globus_says(request: HttpRequest, *, process: str = "login", **profile: Any) -> HttpResponse:
    """Complete a sign-in of which Globus has told this profile."""
    told = {"userinfo": {"sub": str(uuid4()), "preferred_username": "ada@uni.example", **profile}}
    with request_context(request):
        provider = get_adapter().get_provider(request, "globus")
        login: SocialLogin = provider.sociallogin_from_response(request, told)
        login.state = {"process": process}
        response: HttpResponse = complete_social_login(request, login)
    return response


def test_signing_in_with_globus_makes_the_account(settings: Settings) -> None:
    settings.SIGN_UP = "open"

    globus_says(a_visit(), name="Ada Quist", email="ada@uni.example", organization="University of Example")

    ada = Member.objects.get()
    assert (ada.name, ada.email, ada.affiliation) == ("Ada Quist", "ada@uni.example", "University of Example")
    assert not ada.has_usable_password()
    assert ada.globus_identities.get().verified_at == NOON


def test_the_second_time_it_is_the_same_member() -> None:
    sub = str(uuid4())
    globus_says(a_visit(), sub=sub, email="ada@uni.example")

    globus_says(a_visit(), sub=sub, email="ada@elsewhere.example")

    assert Member.objects.count() == 1


def test_an_address_that_another_account_has_links_nothing() -> None:
    ada = a_member()

    response = globus_says(a_visit(), email=ada.email)

    assert response.headers["Location"] == "/accounts/3rdparty/signup/"
    assert Member.objects.count() == 1
    assert not GlobusIdentity.objects.exists()


def test_someone_of_whom_globus_tells_no_address_is_asked_for_one() -> None:
    response = globus_says(a_visit(), name="Ada")

    assert response.headers["Location"] == "/accounts/3rdparty/signup/"


def test_domains_are_those_of_the_globus_username_not_of_an_unconfirmed_address(settings: Settings) -> None:
    settings.SIGN_UP, settings.SIGN_UP_DOMAINS = "domains", ["uni.example"]

    refused = globus_says(a_visit(), preferred_username="eve@elsewhere.example", email="eve@uni.example")
    globus_says(a_visit(), preferred_username="ada@uni.example", email="ada@private.example")

    assert "certain domains" in refused.text
    assert [member.email for member in Member.objects.all()] == ["ada@private.example"]


def test_by_invitation_only_who_followed_its_link_gets_an_account(settings: Settings) -> None:
    settings.SIGN_UP = "invitation"
    owner = a_member()
    invitation, token = invite(email="ada@uni.example", by=owner, at=NOON)

    refused = globus_says(a_visit(), email="ada@uni.example")
    invited = a_visit()
    invited.session[INVITATION_KEY] = token
    globus_says(invited, email="ada@uni.example")

    assert "by invitation" in refused.text
    invitation.refresh_from_db()
    assert invitation.accepted_by == Member.objects.exclude(pk=owner.pk).get()


def test_connecting_links_the_identity_to_who_is_signed_in() -> None:
    ada = a_member(password="a long enough one")

    response = globus_says(a_visit(ada), process="connect", email="whatever@uni.example")

    assert response.headers["Location"] == "/account/"
    assert ada.globus_identities.get().verified_at == NOON
    assert Member.objects.count() == 1


def test_what_another_member_signs_in_with_is_not_connected() -> None:
    sub = str(uuid4())
    globus_says(a_visit(), sub=sub, email="ada@uni.example")
    eve = a_member()
    visit = a_visit(eve)

    globus_says(visit, process="connect", sub=sub, email="ada@uni.example")

    assert not eve.globus_identities.exists()
    assert "Another member has signed in" in " ".join(str(m) for m in visit._messages)  # type: ignore[attr-defined]
