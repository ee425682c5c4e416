"""Notices and mails: what a member was told, and the mails as they were sent."""

from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from moorage.backends import backends
from moorage.notices.models import Mail, Notice
from moorage.notices.reading import mark_read
from moorage.web.requests import MemberRequest

PER_PAGE = 30


@login_required
@require_safe
def notices(request: MemberRequest) -> HttpResponse:
    page = Paginator(Notice.objects.filter(member=request.user), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "notices/list.html", {"section": "notices", "page": page})


@login_required
@require_safe
def notice(request: MemberRequest, notice_id: UUID) -> HttpResponse:
    """Note that it was read, and lead to the page that it is about."""
    told = get_object_or_404(Notice, member=request.user, pk=notice_id)
    mark_read(member=request.user, notice=told, at=backends().clock())
    return redirect(told.path or "notices")


@login_required
@require_POST
def read_all(request: MemberRequest) -> HttpResponse:
    mark_read(member=request.user, at=backends().clock())
    return redirect("notices")


@login_required
@require_safe
def mails(request: MemberRequest) -> HttpResponse:
    page = Paginator(Mail.objects.filter(member=request.user), PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "notices/mails.html",
        {"section": "notices", "page": page, "mails_are_files": not settings.OPTIONS.smtp_url},
    )


@login_required
@require_safe
def mail(request: MemberRequest, mail_id: UUID) -> HttpResponse:
    sent = get_object_or_404(Mail, member=request.user, pk=mail_id)
    return render(request, "notices/mail.html", {"section": "notices", "mail": sent})


urlpatterns = [
    path("notices/", notices, name="notices"),
    path("notices/read/", read_all, name="notices-read"),
    path("notices/<uuid:notice_id>/", notice, name="notice"),
    path("mail/", mails, name="mails"),
    path("mail/<uuid:mail_id>/", mail, name="mail"),
]
