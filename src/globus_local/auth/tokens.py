"""Access and refresh tokens: given out once, stored as digests, found again by what a caller presents."""

from __future__ import annotations

import secrets
import sqlite3
import time
from dataclasses import dataclass, replace

from globus_local.auth.clients import hash_secret
from globus_local.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS tokens (
  digest TEXT PRIMARY KEY,
  kind TEXT NOT NULL,                -- access | refresh
  client_id TEXT NOT NULL,
  identity_id TEXT NOT NULL,
  resource_server TEXT NOT NULL,
  scopes TEXT NOT NULL,              -- space separated
  issued_at INTEGER NOT NULL,        -- seconds since the epoch
  expires_at INTEGER NOT NULL,
  session_id TEXT,                   -- of the sign-in that it comes from
  refresh_digest TEXT                -- of an access token: the refresh token it belongs to
);
CREATE INDEX IF NOT EXISTS tokens_by_refresh ON tokens (refresh_digest);
CREATE INDEX IF NOT EXISTS tokens_by_expiry ON tokens (expires_at);
"""

ACCESS_SECONDS = 172_800  # 48 hours, as Globus documents
REFRESH_SECONDS = 180 * 86_400  # about six months after last use


@dataclass(frozen=True, kw_only=True)
class Token:
    """What stands behind a token string. Times in seconds since the epoch."""

    kind: str
    client_id: str
    identity_id: str
    resource_server: str
    scopes: frozenset[str]
    issued_at: int
    expires_at: int
    session_id: str | None


class Tokens:
    """The tokens of one local Globus."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_access(self, secret: str) -> Token | None:
        """The access token that this string is, unless it is expired, revoked or never was one."""
        return self._find(secret, "access")

    def find_refresh(self, secret: str) -> Token | None:
        """The refresh token that this string is, unless it is expired, revoked or never was one."""
        return self._find(secret, "refresh")

    def find(self, secret: str) -> Token | None:
        """Either kind."""
        return self.find_access(secret) or self.find_refresh(secret)

    def issue(
        self, *, client_id: str, identity_id: str, resource_server: str, scopes: frozenset[str],
        session_id: str | None, refreshable: bool,
    ) -> tuple[str, str | None]:  # fmt: skip
        """A new access token and, if wanted, a refresh token for the same things."""
        refresh = secrets.token_urlsafe(48) if refreshable else None
        template = Token(
            kind="refresh", client_id=client_id, identity_id=identity_id, resource_server=resource_server,
            scopes=scopes, issued_at=int(time.time()), expires_at=int(time.time()) + REFRESH_SECONDS,
            session_id=session_id,
        )  # fmt: skip
        with self._database.transaction() as c:
            c.execute("DELETE FROM tokens WHERE expires_at < ?", (int(time.time()),))
            if refresh is not None:
                _insert(c, refresh, template, refresh_digest=None)
            access = _insert_access(c, template, hash_secret(refresh) if refresh else None)
        return access, refresh

    def refresh(self, secret: str, scopes: frozenset[str]) -> str | None:
        """A new access token for some scopes of a refresh token, whose life begins anew. None if it ended."""
        digest = hash_secret(secret)
        with self._database.transaction() as c:
            row = c.execute(
                "UPDATE tokens SET expires_at = ? WHERE digest = ? AND kind = 'refresh' RETURNING *",
                (int(time.time()) + REFRESH_SECONDS, digest),
            ).fetchone()
            if row is None:
                return None
            return _insert_access(c, replace(_token(row), scopes=scopes), digest)

    def revoke(self, secret: str) -> None:
        """End a token, and with a refresh token the access tokens it gave. Unknown ones are no error."""
        digest = hash_secret(secret)
        with self._database.transaction() as c:
            c.execute("DELETE FROM tokens WHERE digest = ? OR refresh_digest = ?", (digest, digest))

    def revoke_client(self, *, client_id: str, identity_id: str) -> None:
        """End all tokens that a client has from one identity."""
        with self._database.transaction() as c:
            c.execute("DELETE FROM tokens WHERE client_id = ? AND identity_id = ?", (client_id, identity_id))

    def _find(self, secret: str, kind: str) -> Token | None:
        with self._database.read() as c:
            row = c.execute(
                "SELECT * FROM tokens WHERE digest = ? AND kind = ? AND expires_at > ?",
                (hash_secret(secret), kind, int(time.time())),
            ).fetchone()
        return _token(row) if row is not None else None


def _insert_access(connection: sqlite3.Connection, like: Token, refresh_digest: str | None) -> str:
    secret = secrets.token_urlsafe(48)
    now = int(time.time())
    access = Token(
        kind="access", client_id=like.client_id, identity_id=like.identity_id, scopes=like.scopes,
        resource_server=like.resource_server, issued_at=now, expires_at=now + ACCESS_SECONDS,
        session_id=like.session_id,
    )  # fmt: skip
    _insert(connection, secret, access, refresh_digest=refresh_digest)
    return secret


def _insert(connection: sqlite3.Connection, secret: str, token: Token, *, refresh_digest: str | None) -> None:
    connection.execute(
        "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (hash_secret(secret), token.kind, token.client_id, token.identity_id, token.resource_server,
         " ".join(sorted(token.scopes)), token.issued_at, token.expires_at, token.session_id, refresh_digest),
    )  # fmt: skip


def _token(row: sqlite3.Row) -> Token:
    return Token(
        kind=row["kind"],
        client_id=row["client_id"],
        identity_id=row["identity_id"],
        resource_server=row["resource_server"],
        scopes=frozenset(row["scopes"].split()),
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
        session_id=row["session_id"],
    )
