"""Signing in with Globus while Globus Auth does not answer."""

from __future__ import annotations

from copy import deepcopy

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from local_globus import free_port

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("globus", "fresh_cache")]


def test_the_page_says_that_globus_does_not_answer_and_when_to_try_again(client: Client, settings: Settings) -> None:
    providers = deepcopy(settings.SOCIALACCOUNT_PROVIDERS)
    providers["openid_connect"]["APPS"][0]["settings"]["server_url"] = f"http://127.0.0.1:{free_port()}"
    settings.SOCIALACCOUNT_PROVIDERS = providers

    response = client.post("/accounts/oidc/globus/login/?process=login", raise_request_exception=False)

    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert "Globus does not answer" in response.text
