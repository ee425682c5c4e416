"""Signing up and in by form, under each policy."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user
from django.core import mail as django_mail
from django.test import Client
from pytest_django.fixtures import Settings

from builders import NOON, a_member, a_project
from moorage.accounts.ending import end_account
from moorage.accounts.invitations import invite
from moorage.accounts.models import Member
from moorage.audit.models import AuditRecord
from moorage.projects.membership import invite_member
from moorage.projects.models import Membership, Role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("globus", "fresh_cache")]

PASSWORD = "berth-and-mooring-7"
FORM = {"email": "ada@uni.example", "name": "Ada Quist", "password1": PASSWORD}


def test_anybody_signs_up_where_sign_up_is_open(client: Client, settings: Settings) -> None:
    settings.SIGN_UP = "open"

    response = client.post("/accounts/signup/", FORM)

    assert response.headers["Location"] == "/"
    ada = Member.objects.get()
    assert (ada.email, ada.name) == ("ada@uni.example", "Ada Quist")
    assert get_user(client) == ada


def test_an_address_is_taken_whatever_its_case(client: Client) -> None:
    Member.objects.create_user("Ada@Uni.example")

    response = client.post("/accounts/signup/", FORM)

    assert response.status_code == 200
    assert Member.objects.count() == 1


def test_only_allowed_domains_sign_up_and_must_confirm_their_address(client: Client, settings: Settings) -> None:
    settings.SIGN_UP, settings.SIGN_UP_DOMAINS = "domains", ["uni.example"]
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"

    refused = client.post("/accounts/signup/", {**FORM, "email": "eve@elsewhere.example"})
    taken = client.post("/accounts/signup/", FORM)

    assert "certain domains (uni.example)" in refused.text
    assert taken.headers["Location"] == "/accounts/confirm-email/"
    assert [member.email for member in Member.objects.all()] == ["ada@uni.example"]
    assert not get_user(client).is_authenticated


def test_without_an_invitation_the_form_is_closed_and_says_so(client: Client, settings: Settings) -> None:
    settings.SIGN_UP = "invitation"

    shown = client.get("/accounts/signup/")
    client.post("/accounts/signup/", FORM)

    assert "by invitation" in shown.text
    assert not Member.objects.exists()


def test_an_invitations_link_opens_the_form_for_its_address(client: Client, settings: Settings) -> None:
    settings.SIGN_UP = "invitation"
    owner = a_member()
    _, token = invite(email="ada@uni.example", by=owner, at=NOON)

    client.get(f"/invitation/{token}/")
    other = client.post("/accounts/signup/", {**FORM, "email": "eve@uni.example"})
    client.post("/accounts/signup/", FORM)

    assert "Your invitation is for ada@uni.example" in other.text
    assert Member.objects.exclude(pk=owner.pk).get().email == "ada@uni.example"


def test_knowing_an_invited_address_is_not_enough(client: Client, settings: Settings) -> None:
    settings.SIGN_UP = "open"
    project = a_project()
    invite_member(project=project, actor=project.created_by, email="ada@uni.example", role=Role.EDITOR, at=NOON)

    client.post("/accounts/signup/", FORM)

    assert not Membership.objects.filter(member__email="ada@uni.example").exists()


def test_signing_up_by_invitation_gives_the_role_that_waited(client: Client, settings: Settings) -> None:
    settings.SIGN_UP = "invitation"
    project = a_project()
    tokens: list[str] = []
    from moorage.projects.membership import invited_to_project

    def hear(token: str, **_: object) -> None:
        tokens.append(token)

    invited_to_project.connect(hear)
    invite_member(project=project, actor=project.created_by, email="ada@uni.example", role=Role.EDITOR, at=NOON)

    client.get(f"/invitation/{tokens[0]}/")
    client.post("/accounts/signup/", FORM)
    again = Client().get(f"/invitation/{tokens[0]}/")

    assert Membership.objects.get(project=project, member__email="ada@uni.example").role == Role.EDITOR
    assert again.status_code == 404


def test_guessing_passwords_is_slowed_down(client: Client) -> None:
    Member.objects.create_user("ada@uni.example", PASSWORD)

    for _ in range(6):
        client.post("/accounts/login/", {"login": "ada@uni.example", "password": "a guess"})
    response = client.post("/accounts/login/", {"login": "ada@uni.example", "password": PASSWORD})

    assert "Too many failed" in response.text
    assert not get_user(client).is_authenticated


def test_signing_in_changes_the_sessions_key(client: Client) -> None:
    Member.objects.create_user("ada@uni.example", PASSWORD)
    session = client.session
    session["kept"] = "before"
    session.save()
    before = session.session_key
    client.cookies["moorage_session"] = str(before)

    client.post("/accounts/login/", {"login": "ada@uni.example", "password": PASSWORD})

    assert client.session.session_key != before


def test_an_ended_account_is_signed_out_everywhere_and_signs_in_no_more(client: Client) -> None:
    ada = Member.objects.create_user("ada@uni.example", PASSWORD)
    client.force_login(ada)

    end_account(member=ada, by=None, at=NOON)

    assert client.get("/account/").status_code == 302
    response = client.post("/accounts/login/", {"login": "ada@uni.example", "password": PASSWORD}, follow=True)
    assert "This account has ended" in response.text


def test_changing_the_password_ends_other_sessions_and_leaves_a_record(client: Client) -> None:
    ada = Member.objects.create_user("ada@uni.example", PASSWORD)
    elsewhere = Client()
    for one in (client, elsewhere):
        one.force_login(ada)

    new = {"oldpassword": PASSWORD, "password1": "another-berth-8", "password2": "another-berth-8"}
    response = client.post("/accounts/password/change/", new)

    assert response.headers["Location"] == "/account/"
    assert client.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302
    assert AuditRecord.objects.get(act="member.password_changed").actor == ada


def test_a_forgotten_password_is_set_anew_by_the_mails_link(client: Client) -> None:
    ada = Member.objects.create_user("ada@uni.example", PASSWORD)

    client.post("/accounts/password/reset/", {"email": ada.email})
    [mail] = django_mail.outbox
    link = re.search(r"http://testserver(/\S+)", str(mail.body))
    assert link
    form = client.get(link[1], follow=True)
    client.post(form.redirect_chain[-1][0], {"password1": "another-berth-8", "password2": "another-berth-8"})

    ada.refresh_from_db()
    assert ada.check_password("another-berth-8")
    assert "Moorage" in mail.body


def test_the_next_page_is_never_a_foreign_one(client: Client) -> None:
    Member.objects.create_user("ada@uni.example", PASSWORD)

    form = {"login": "ada@uni.example", "password": PASSWORD, "next": "https://evil.example/"}
    response = client.post("/accounts/login/", form)

    assert response.headers["Location"] == "/"
