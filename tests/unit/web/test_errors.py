"""Failures as pages and fragments: every family has its status, and a bug is told without its innards."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse
from django.test import RequestFactory

from moorage import errors as families
from moorage.errors import MoorageError
from moorage.web.errors import STATUS, TITLES, ErrorsMiddleware, answer, answer_bug, csrf_failure, status_of

rf = RequestFactory()


def all_subclasses(cls: type[MoorageError]) -> Iterator[type[MoorageError]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from all_subclasses(sub)


def middleware() -> ErrorsMiddleware:
    return ErrorsMiddleware(lambda _: HttpResponse("fine"))


def test_the_table_is_the_designs() -> None:
    assert {family.__name__: status.value for family, status in STATUS.items()} == {
        "NotPermittedError": 403,
        "NotFoundError": 404,
        "ConflictError": 409,
        "InvalidInputError": 422,
        "QuotaExceededError": 413,
        "UnavailableError": 503,
        "CorruptContentError": 500,
    }


def test_every_family_has_a_status_and_every_status_a_title() -> None:
    assert set(STATUS) == {cls for cls in MoorageError.__subclasses__() if cls.__module__ == families.__name__}
    assert set(STATUS.values()) <= set(TITLES)


def test_every_error_of_the_server_belongs_to_one_family() -> None:
    for cls in all_subclasses(MoorageError):
        assert len([family for family in STATUS if issubclass(cls, family)]) == 1, cls


def test_a_subclass_has_its_familys_status() -> None:
    class FullError(families.QuotaExceededError):
        code = "test.full"

    assert status_of(FullError("Full. Delete something.")) == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_a_page_says_the_sentence_escaped() -> None:
    response = answer(rf.get("/"), families.ConflictError("<b>Scan</b> is sealed. Look at Upload Status."))

    assert response.status_code == 409
    assert "&lt;b&gt;Scan&lt;/b&gt; is sealed. Look at Upload Status." in response.text
    assert response.text.count("<h1") == 1


def test_a_fragment_is_an_alert_in_the_pages_own_place_for_it() -> None:
    response = answer(rf.get("/", headers={"HX-Request": "true"}), families.ConflictError("Sealed. Wait."))

    assert response.status_code == 409
    assert response["HX-Retarget"] == "#flash"
    assert 'role="alert"' in response.text
    assert "<html" not in response.text


def test_what_is_down_says_when_to_ask_again() -> None:
    assert answer(rf.get("/"), families.UnavailableError("Globus does not answer."))["Retry-After"] == "30"


def test_the_way_back_leads_to_our_own_pages_only() -> None:
    error = families.ConflictError("Sealed.")

    ours = answer(rf.post("/x", headers={"Referer": "http://testserver/uploads/?page=2", "Host": "testserver"}), error)
    foreign = answer(rf.post("/x", headers={"Referer": "http://evil.example/steal", "Host": "testserver"}), error)

    assert 'href="/uploads/?page=2"' in ours.text
    assert "steal" not in foreign.text


def test_a_bug_shows_a_reference_that_the_log_has_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[HttpRequest] = []
    got_request_exception.connect(lambda request, **_: heard.append(request), weak=False, dispatch_uid="test")
    request = rf.get("/files/")

    with caplog.at_level(logging.ERROR, logger="moorage.web.errors"):
        response = middleware().process_exception(request, ZeroDivisionError("secret 42"))
    got_request_exception.disconnect(dispatch_uid="test")

    assert response is not None
    assert response.status_code == 500
    assert "secret" not in response.text
    [entry] = caplog.records
    reference = str(entry.args[0]) if isinstance(entry.args, tuple) else ""
    assert reference
    assert reference in response.text
    assert entry.exc_info
    assert heard == [request]


def test_djangos_own_refusals_are_left_to_its_handlers() -> None:
    assert middleware().process_exception(rf.get("/"), Http404("no")) is None


def test_a_fragment_asked_for_by_someone_signed_out_loads_the_whole_page_anew() -> None:
    to_sign_in = ErrorsMiddleware(lambda _: HttpResponse(status=302, headers={"Location": "/accounts/login/?next=/"}))

    fragment = to_sign_in(rf.get("/", headers={"HX-Request": "true"}))
    page = to_sign_in(rf.get("/"))

    assert (fragment.status_code, fragment.headers.get("HX-Refresh")) == (204, "true")
    assert page.status_code == 302


def test_other_failures_have_words_too() -> None:
    assert answer_bug(rf.get("/"), None).status_code == 500
    assert "Load the page again" in csrf_failure(rf.post("/")).text
