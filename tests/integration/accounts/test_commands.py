"""What an operator does with accounts from the command line."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner
from django.conf import settings
from django.test import Client
from pytest_django.fixtures import Settings

from builders import a_member
from fakes.globus import InMemoryTransferService
from moorage.accounts.models import Invitation, Member
from moorage.audit.models import AuditRecord
from moorage.config.command import main

pytestmark = pytest.mark.django_db


def invite(email: str) -> str:
    """The path of the link that `moorage-server invite` prints."""
    said = CliRunner().invoke(main, ["invite", email])
    assert said.exit_code == 0, said.output
    link = re.search(r"http\S+", said.output)
    assert link is not None
    return link.group().removeprefix(settings.OPTIONS.public_url)


def test_an_invited_person_signs_up_by_the_printed_link(
    settings: Settings, client: Client, globus: InMemoryTransferService
) -> None:
    settings.SIGN_UP = "invitation"
    invite("first@example.org")
    path = invite("second@example.org")

    page = client.get(path, follow=True)
    password = "harbour-tide-quartz-11"
    client.post(page.redirect_chain[-1][0], {"email": "second@example.org", "name": "Second", "password1": password})

    assert Member.objects.filter(email="second@example.org").exists()
    assert AuditRecord.objects.filter(act="member.invited", actor=None).count() == 2


def test_an_address_whose_invitation_was_used_can_be_invited_again(
    settings: Settings, client: Client, globus: InMemoryTransferService
) -> None:
    settings.SIGN_UP = "invitation"
    invite("again@example.org")
    Invitation.objects.update(accepted_by=a_member())

    answer = client.get(invite("again@example.org"))

    assert answer.status_code == 302


def test_an_account_is_ended(globus: InMemoryTransferService) -> None:
    member = a_member()

    said = CliRunner().invoke(main, ["end-account", member.email.upper()])

    member.refresh_from_db()
    assert said.exit_code == 0
    assert not member.is_active


def test_an_unknown_address_is_told(globus: InMemoryTransferService) -> None:
    said = CliRunner().invoke(main, ["end-account", "nobody@example.org"])

    assert said.exit_code == 1
    assert "Nobody has an account" in said.output
