"""Asking Globus Auth during a sign-in: with patience, and in our own words when it does not answer."""

from typing import Any

import requests
from django.conf import settings

from moorage.globus.service import GlobusUnavailableError

TOO_MANY_REQUESTS = 429


class AuthSession(requests.Session):
    """allauth's way to Globus Auth. What it refuses stays a response; what it cannot answer is an error."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request.

        Raises:
            GlobusUnavailableError: no answer in time, or one that says to come back later.
        """
        kwargs.setdefault("timeout", settings.SOCIALACCOUNT_REQUESTS_TIMEOUT)
        try:
            response = super().request(*args, **kwargs)
        except requests.RequestException as failure:
            raise _no_answer() from failure
        if response.status_code == TOO_MANY_REQUESTS or response.status_code >= 500:
            raise _no_answer()
        return response


def _no_answer() -> GlobusUnavailableError:
    return GlobusUnavailableError(
        "Globus does not answer just now, so it cannot say who you are. Try again in a minute, "
        "or sign in with your e-mail and password."
    )
