"""Authorization codes: what was agreed to at the authorize page, until the client fetches its tokens. Used once."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, fields

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin

from globus_local.auth.clients import hash_secret
from globus_local.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS codes (
  digest TEXT PRIMARY KEY,
  client_id TEXT NOT NULL,
  identity_id TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  scope TEXT NOT NULL,
  offline INTEGER NOT NULL,
  nonce TEXT,
  state TEXT,
  code_challenge TEXT,
  code_challenge_method TEXT,
  session_id TEXT NOT NULL,
  auth_time INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
"""

CODE_SECONDS = 600  # RFC 6749 §4.1.2 recommends at most ten minutes


@dataclass(frozen=True, kw_only=True)
class Code(AuthorizationCodeMixin):  # type: ignore[misc]
    """One code. Its methods are the questions that Authlib asks of it."""

    client_id: str
    identity_id: str
    redirect_uri: str
    scope: str
    offline: bool
    nonce: str | None
    state: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    session_id: str
    auth_time: int
    expires_at: int

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


class Codes:
    """The codes of one local Globus that were not used yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, secret: str, code: Code) -> None:
        values = asdict(code)
        with self._database.transaction() as c:
            c.execute("DELETE FROM codes WHERE expires_at < ?", (int(time.time()),))
            c.execute(
                f"INSERT INTO codes (digest, {', '.join(values)})"  # noqa: S608 (names of our own fields)
                f" VALUES (?{', ?' * len(values)})",
                (hash_secret(secret), *values.values()),
            )

    def take(self, secret: str, client_id: str) -> Code | None:
        """The code, if it is this client's. Afterwards it is gone, whatever becomes of the request."""
        with self._database.transaction() as c:
            row = c.execute(
                "DELETE FROM codes WHERE digest = ? AND client_id = ? AND expires_at > ? RETURNING *",
                (hash_secret(secret), client_id, int(time.time())),
            ).fetchone()
        if row is None:
            return None
        return Code(**{field.name: row[field.name] for field in fields(Code)})
