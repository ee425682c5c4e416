"""What every response tells the browser."""

from __future__ import annotations

from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from moorage.web.headers import HeadersMiddleware, content_security_policy
from moorage.web.limits import BodyLimitMiddleware

rf = RequestFactory()


def test_nothing_inline_and_nothing_foreign_is_allowed(settings: Settings) -> None:
    settings.GLOBUS_AUTH_URL = "https://auth.globus.org/"

    policy = content_security_policy()

    assert "unsafe" not in policy
    assert policy.startswith("default-src 'self';")
    assert "form-action 'self' https://auth.globus.org" in policy


def test_a_view_may_be_stricter() -> None:
    strict = HeadersMiddleware(lambda _: HttpResponse(headers={"Content-Security-Policy": "sandbox"}))

    assert strict(rf.get("/")).headers["Content-Security-Policy"] == "sandbox"


def test_a_members_page_is_kept_by_no_cache_between() -> None:
    answer = HeadersMiddleware(lambda _: HttpResponse())(rf.get("/account/"))

    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "camera=()" in answer.headers["Permissions-Policy"]


def test_a_body_longer_than_any_form_is_refused_unread(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1024
    guarded = BodyLimitMiddleware(lambda _: HttpResponse("taken"))

    long = guarded(rf.post("/account/", data="x" * 1025, content_type="text/plain"))
    short = guarded(rf.post("/account/", data="x" * 1024, content_type="text/plain"))

    assert (long.status_code, short.status_code) == (413, 200)
