"""Browser sessions: who is signed in to the pages. The cookie holds a random key, the row holds the rest.

A sign-in always makes a new row and a new key: one that was planted before it is worth nothing after it.
"""

from __future__ import annotations

import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask.sessions import SessionMixin

from globus_local.auth.clients import hash_secret
from globus_local.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
  digest TEXT UNIQUE,                -- of the key in the cookie; null once signed out
  id TEXT PRIMARY KEY,               -- as told in introspection's session_info
  identity_id TEXT NOT NULL,         -- the primary identity of the set that signed in
  authentications TEXT NOT NULL,     -- JSON: identity id -> seconds since the epoch
  expires_at INTEGER NOT NULL
);
"""

SESSION_SECONDS = 14 * 86_400
KEY = "signed_in"


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A live session. `authentications`: when each identity gave its password, in epoch seconds."""

    id: str
    identity_id: str
    authentications: Mapping[str, int]

    @property
    def auth_time(self) -> int:
        return max(self.authentications.values())


class Sessions:
    """The browser sessions of one local Globus."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, cookie: Mapping[str, Any]) -> SignedIn | None:
        """Who is signed in with this cookie's content, or None."""
        return self._find("digest", hash_secret(str(cookie.get(KEY, ""))))

    def by_id(self, session_id: str) -> SignedIn | None:
        return self._find("id", session_id)

    def sign_in(self, cookie: SessionMixin, *, primary_id: str, authenticated_id: str) -> SignedIn:
        """Begin a session. Authentications of the session before it are kept if it was of the same set."""
        before = self.find(cookie)
        kept = before.authentications if before and before.identity_id == primary_id else {}
        authentications = {**kept, authenticated_id: int(time.time())}
        self.sign_out(cookie)
        key, session_id = secrets.token_urlsafe(32), str(uuid.uuid4())
        now = int(time.time())
        with self._database.transaction() as c:
            c.execute("DELETE FROM sessions WHERE expires_at < ?", (now,))
            c.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)",
                (
                    hash_secret(key),
                    session_id,
                    primary_id,
                    json.dumps(authentications),
                    now + SESSION_SECONDS,
                ),
            )
        cookie[KEY] = key
        return SignedIn(id=session_id, identity_id=primary_id, authentications=authentications)

    def sign_out(self, cookie: SessionMixin) -> None:
        """End the session, here and in the cookie. What tokens tell of it stays."""
        with self._database.transaction() as c:
            digest = hash_secret(str(cookie.get(KEY, "")))
            c.execute("UPDATE sessions SET digest = NULL WHERE digest = ?", (digest,))
        cookie.clear()

    def move(self, *, from_primary: str, to_primary: str) -> None:
        """After linking: sessions of the set that was united with another are of that other's primary."""
        with self._database.transaction() as c:
            c.execute("UPDATE sessions SET identity_id = ? WHERE identity_id = ?", (to_primary, from_primary))

    def _find(self, column: str, value: str) -> SignedIn | None:
        with self._database.read() as c:
            row = c.execute(
                f"SELECT * FROM sessions WHERE {column} = ? AND expires_at > ?",  # noqa: S608 (column is ours)
                (value, int(time.time())),
            ).fetchone()
        if row is None:
            return None
        return SignedIn(
            id=row["id"],
            identity_id=row["identity_id"],
            authentications=json.loads(row["authentications"]),
        )
