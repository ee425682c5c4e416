"""Telling and the outbox: mails leave once, fail softly, and are tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMessage
from django.db import transaction
from pytest_django.fixtures import Settings

from builders import NOON, a_member
from local_globus import free_port
from moorage.accounts.models import Member
from moorage.notices.mailing import TRIES, _claim, send_due
from moorage.notices.models import Mail, Notice
from moorage.notices.outbox import OutboxBackend
from moorage.notices.reading import mark_read
from moorage.notices.telling import tell

pytestmark = pytest.mark.django_db

LOCMEM = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture(autouse=True)
def _working_mail(settings: Settings) -> None:
    settings.MAIL_BACKEND = LOCMEM


def mail_server_is_down(settings: Settings) -> None:
    settings.MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()


def told(member: Member, **changes: str) -> Notice:
    words = {"kind": "upload.imported", "subject": "Scan 42 is imported", "text": "312 files.", "path": "/projects/"}
    return tell(member, **{**words, **changes}, at=NOON)


def test_what_is_told_stands_on_a_page_and_leaves_by_mail(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://moorage.example"
    ada = a_member("Ada, of the lab")
    notice = told(ada)

    assert send_due(NOON) == 1

    [message] = django_mail.outbox
    assert message.subject == "Scan 42 is imported"
    assert message.to == [f'"Ada, of the lab" <{ada.email}>']
    assert message.body == "312 files.\n\nhttps://moorage.example/projects/\n"
    assert notice.mail is not None
    assert message.message()["Message-ID"] == f"<{notice.mail.pk}@moorage.example>"


def test_a_mail_leaves_once() -> None:
    told(a_member())

    send_due(NOON)

    assert send_due(NOON + timedelta(days=1)) == 0
    assert len(django_mail.outbox) == 1


def test_what_is_told_in_an_act_that_fails_is_not_told() -> None:
    ada = a_member()

    def act() -> None:
        with transaction.atomic():
            told(ada)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()

    assert not Notice.objects.exists()
    assert not Mail.objects.exists()


def test_someone_whose_account_has_ended_gets_no_mail() -> None:
    ended = a_member()
    ended.is_active = False

    assert told(ended).mail is None


def test_a_mail_server_that_is_down_is_tried_again_later(settings: Settings) -> None:
    told(a_member())
    mail_server_is_down(settings)

    assert send_due(NOON) == 0
    mail = Mail.objects.get()
    assert "ConnectionRefused" in mail.trouble
    assert send_due(NOON) == 0

    settings.MAIL_BACKEND = LOCMEM
    assert mail.next_at is not None
    assert send_due(mail.next_at) == 1
    assert Mail.objects.get().trouble == ""


def test_after_many_tries_it_is_given_up_and_says_why(settings: Settings) -> None:
    told(a_member())
    mail_server_is_down(settings)
    at = NOON

    for _ in range(TRIES):
        send_due(at)
        at += timedelta(hours=7)

    mail = Mail.objects.get()
    assert (mail.tries, mail.next_at, mail.sent_at) == (TRIES, None, None)
    assert "ConnectionRefused" in mail.trouble


def test_another_worker_that_was_quicker_has_the_mail() -> None:
    told(a_member())
    seen_before = Mail.objects.get()
    send_due(NOON)

    assert not _claim(seen_before, NOON)


def test_a_link_that_lets_somebody_in_is_not_kept_once_it_is_sent() -> None:
    message = EmailMessage("Reset your password", "https://moorage.example/secret", to=["ada@uni.example"])

    OutboxBackend().send_messages([message])
    send_due(NOON.replace(year=9999))

    [sent] = django_mail.outbox
    assert "secret" in sent.body
    assert Mail.objects.get().text == ""


def test_reading_one_notice_leaves_the_others_and_those_of_others() -> None:
    ada, bo = a_member(), a_member()
    first, _, others = told(ada), told(ada), told(bo)

    assert mark_read(member=ada, notice=others, at=NOON) == 0
    assert mark_read(member=ada, notice=first, at=NOON) == 1
    assert mark_read(member=ada, at=NOON) == 1
    assert Notice.objects.get(pk=others.pk).read_at is None
