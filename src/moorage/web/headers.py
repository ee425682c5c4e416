"""What every response tells the browser: what it may load, and what it may not do."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

PERMISSIONS_POLICY = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"


def content_security_policy() -> str:
    """Only our own files; nothing inline. A form may lead to Globus Auth: browsers judge its redirect by this rule."""
    globus = urlsplit(settings.GLOBUS_AUTH_URL)
    rules = {
        "default-src": "'self'",
        # Bootstrap's stylesheet draws the arrows of its controls by data: URLs.
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "object-src": "'none'",
        "frame-ancestors": "'none'",
        "form-action": f"'self' {globus.scheme}://{globus.netloc}",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


class HeadersMiddleware:
    """Adds the headers where a view has not set its own (file content has a stricter policy)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.policy = content_security_policy()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        # A member's pages are hers: no cache between her and us keeps them.
        if not request.path.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response
