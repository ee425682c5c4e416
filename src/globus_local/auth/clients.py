"""OAuth clients: programs that may ask people for access. What Authlib asks of a client is answered here."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from authlib.oauth2.rfc6749 import ClientMixin

from globus_local.config import ClientConfig, Config
from globus_local.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS clients (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  secret_hash TEXT,                  -- null: a public client
  redirect_uris TEXT NOT NULL,       -- JSON list
  template_id TEXT,                  -- made by `globus login` from this template
  consent INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL
);
"""

# `globus login` makes itself a client from this template (globus-wire.md §1.5).
CLI_TEMPLATE_ID = "95fdeba8-fac2-42bd-a357-e068d82ff78e"
CODE_PAGE = "/v2/web/auth-code"
CLI_REDIRECT_URIS = (
    "http://localhost/",
    "http://127.0.0.1/",
    f"http://localhost{CODE_PAGE}",
    f"http://127.0.0.1{CODE_PAGE}",
)
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


@dataclass(frozen=True, kw_only=True)
class Client(ClientMixin):  # type: ignore[misc]
    """One client. Its methods are the questions that Authlib asks of it."""

    id: str
    name: str
    secret_hash: str | None
    redirect_uris: tuple[str, ...]
    template_id: str | None = None
    consent: bool = True
    redirect_prefix: str | None = None  # a collection: back to any of its own files

    @property
    def is_public(self) -> bool:
        return self.secret_hash is None

    def get_client_id(self) -> str:
        return self.id

    def get_default_redirect_uri(self) -> str | None:
        return None  # every request names its own; nothing is guessed

    def get_allowed_scope(self, scope: str) -> str:
        return scope or ""  # `scopes.parse_scope` has judged it already

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Exactly a registered one; a loopback one may differ in its port (RFC 8252 §7.3)."""
        if self.redirect_prefix is not None:
            steps = {unquote(step) for step in urlsplit(redirect_uri).path.split("/")}
            return redirect_uri.startswith(self.redirect_prefix) and not steps & {".", ".."}
        if redirect_uri in self.redirect_uris:
            return True
        portless = _loopback_without_port(redirect_uri)
        return portless is not None and portless in {
            _loopback_without_port(registered) for registered in self.redirect_uris
        }

    def check_client_secret(self, client_secret: str) -> bool:
        if self.secret_hash is None:
            return False
        return hmac.compare_digest(self.secret_hash, hash_secret(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 (Authlib's)
        if self.is_public:
            return method == "none"
        return method in {"client_secret_basic", "client_secret_post"}

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return not self.is_public or grant_type in {"authorization_code", "refresh_token"}


class Clients:
    """The clients of one local Globus: configured ones, those the CLI makes, and each collection."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database = database
        self._config = config

    def find(self, client_id: str) -> Client | None:
        with self._database.read() as c:
            row = c.execute("SELECT * FROM clients WHERE id = ?", (client_id.lower(),)).fetchone()
        if row is None:
            return self._collection_client(client_id)
        client = _client(row)
        if not client.is_public and client.template_id is None:
            return client
        # Programs without a browser of their own let the person copy the code from our page. Not stored, for
        # our address may change.
        code_page = f"{self._config.issuer}{CODE_PAGE}"
        return replace(client, redirect_uris=(*client.redirect_uris, code_page))

    def create_from_template(self, *, template_id: str, name: str) -> tuple[Client, str]:
        """The CLI's own confidential client, and its secret, which is told only now."""
        secret = secrets.token_urlsafe(32)
        client = Client(
            id=str(uuid.uuid4()), name=name, secret_hash=hash_secret(secret), redirect_uris=CLI_REDIRECT_URIS,
            template_id=template_id,
        )  # fmt: skip
        self._save(client)
        return client, secret

    def delete(self, client_id: str) -> None:
        """Remove a client and all its tokens and codes."""
        with self._database.transaction() as c:
            c.execute("DELETE FROM tokens WHERE client_id = ?", (client_id,))
            c.execute("DELETE FROM codes WHERE client_id = ?", (client_id,))
            c.execute("DELETE FROM clients WHERE id = ?", (client_id,))

    def apply(self, wanted: ClientConfig) -> None:
        """Make or update a client as the configuration says."""
        self._save(
            Client(
                id=wanted.id.lower(),
                name=wanted.name or wanted.id,
                secret_hash=hash_secret(wanted.secret) if wanted.secret else None,
                redirect_uris=wanted.redirect_uris,
                consent=wanted.consent,
            )
        )

    def _save(self, client: Client) -> None:
        with self._database.transaction() as c:
            c.execute(
                "INSERT INTO clients VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                " name = excluded.name, secret_hash = excluded.secret_hash,"
                " redirect_uris = excluded.redirect_uris, consent = excluded.consent",
                (client.id, client.name, client.secret_hash, json.dumps(client.redirect_uris),
                 client.template_id, client.consent, datetime.now(UTC).isoformat()),
            )  # fmt: skip

    def _collection_client(self, client_id: str) -> Client | None:
        for collection in self._config.collections:
            if collection.id == client_id:
                return Client(
                    id=collection.id,
                    name=collection.display_name,
                    secret_hash=None,
                    redirect_uris=(),
                    consent=False,
                    redirect_prefix=f"{self._config.issuer}/collections-data/{collection.id}/",
                )
        return None


def hash_secret(secret: str) -> str:
    """What is stored instead of a client secret or a token: long and random, so SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _loopback_without_port(uri: str) -> str | None:
    try:
        parts = urlsplit(uri)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme != "http" or host not in LOOPBACK_HOSTS or parts.username or parts.fragment:
        return None
    return f"{host}{parts.path or '/'}?{parts.query}"


def _client(row: sqlite3.Row) -> Client:
    return Client(
        id=row["id"],
        name=row["name"],
        secret_hash=row["secret_hash"],
        redirect_uris=tuple(json.loads(row["redirect_uris"])),
        template_id=row["template_id"],
        consent=bool(row["consent"]),
    )
