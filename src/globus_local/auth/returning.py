"""Where a person goes on after signing in: only ever to a path of this service itself."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote, urlsplit

from flask import g, session

DEFAULT_PATH = "/"
FRESH = "signed_in_for"
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9.-]+(:[0-9]+)?")


def login_url(return_to: str) -> str:
    """The sign-in page that afterwards leads back to this path (with its query)."""
    return f"/v2/web/login?next={quote(return_to, safe='')}"


def safe_path(wanted: str | None) -> str:
    """The path if it is one of ours, else the start page: nobody can send people elsewhere from here."""
    if not wanted or not wanted.startswith("/") or wanted.startswith("//"):
        return DEFAULT_PATH
    # Browsers read a backslash as a slash, and drop control characters, before they look at the URL.
    if "\\" in wanted or any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in wanted):
        return DEFAULT_PATH
    return wanted


def mark_fresh(path: str) -> None:
    """Remember that the person has just signed in in order to go to this path (see `prompt=login`)."""
    session[FRESH] = _digest(path)


def is_fresh(path: str) -> bool:
    """Whether she has just signed in for this path."""
    return session.get(FRESH) == _digest(path)


def forget_fresh() -> None:
    session.pop(FRESH, None)


def allow_form_target(uri: str) -> None:
    """Let this page's forms end at a client's (checked) redirect URI: browsers apply the policy to redirects."""
    parts = urlsplit(uri)
    origin = f"{parts.scheme}://{parts.netloc}"
    if _ORIGIN.fullmatch(origin):
        g.form_target = origin
    elif parts.scheme.isalnum() and not parts.netloc:
        g.form_target = f"{parts.scheme}:"


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()
