"""Identities: who exists here, who is linked with whom, and whether a password is right.

Sessions and throttling are in `sessions.py` and `attempts.py`. An OAuth client's own identity is a row too.
"""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from werkzeug.security import check_password_hash, generate_password_hash

from globus_local.config import IdentityConfig
from globus_local.database import Database
from globus_local.errors import GlobusLocalError

SCHEMA = """
CREATE TABLE IF NOT EXISTS identities (
  id TEXT PRIMARY KEY,
  username TEXT NOT NULL UNIQUE COLLATE NOCASE,
  name TEXT NOT NULL DEFAULT '',
  email TEXT NOT NULL DEFAULT '',
  organization TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL,              -- used | unused (looked up with provision=true, never signed in)
  password_hash TEXT,                -- null: nobody can sign in as this identity
  set_id TEXT NOT NULL,              -- the primary identity of the identity set
  created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS identities_by_set ON identities (set_id);
"""

MIN_PASSWORD_LENGTH = 8

CLIENT_DOMAIN = "clients.auth.globus.org"  # usernames of clients' own identities end so
_USERNAME = re.compile(r"[^@\s\x00-\x1f\x7f]{1,120}@[A-Za-z0-9]([A-Za-z0-9.-]{0,120}[A-Za-z0-9])?")

# Checked when the username is unknown, so that the answer takes as long as for a known one.
_NOBODY = generate_password_hash("nobody has this password")


def is_username(text: str) -> bool:
    """Whether a person may have this username: it looks like an e-mail address, and not like a client's."""
    return _USERNAME.fullmatch(text) is not None and not text.lower().endswith(f"@{CLIENT_DOMAIN}")


class UnknownIdentityError(GlobusLocalError):
    """There is no identity with this id or username."""

    code = "identity.unknown"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no identity {key!r} here.")
        self.key = key


class UsernameTakenError(GlobusLocalError):
    """Another identity has this username."""

    code = "identity.username_taken"

    def __init__(self, username: str) -> None:
        super().__init__(f"There is an account {username} already. Sign in with it instead.")
        self.username = username


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One identity. `set_id` is the id of the primary identity of its set."""

    id: str
    username: str
    name: str
    email: str
    organization: str
    status: str
    set_id: str

    @property
    def is_client(self) -> bool:
        return self.username.endswith(f"@{CLIENT_DOMAIN}")


class Identities:
    """The identities of one local Globus."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, identity_id: str) -> Identity:
        """One identity by id.

        Raises:
            UnknownIdentityError: there is none.
        """
        found = self.by_ids([identity_id])
        if not found:
            raise UnknownIdentityError(identity_id)
        return found[0]

    def by_ids(self, ids: Iterable[str]) -> list[Identity]:
        """Those of the wanted identities that exist, in the order asked for."""
        with self._database.read() as c:
            rows = [_by(c, "id", wanted.strip().lower()) for wanted in ids]
        return [_identity(row) for row in rows if row is not None]

    def by_usernames(self, usernames: Iterable[str]) -> list[Identity]:
        """Those of the wanted identities that exist, in the order asked for; upper and lower case are one."""
        with self._database.read() as c:
            rows = [_by(c, "username", wanted.strip()) for wanted in usernames]
        return [_identity(row) for row in rows if row is not None]

    def all(self) -> list[Identity]:
        with self._database.read() as c:
            return [_identity(row) for row in c.execute("SELECT * FROM identities ORDER BY username")]

    def set_of(self, identity_id: str) -> frozenset[str]:
        """The ids of all identities linked to this one, itself included."""
        return frozenset(member.id for member in self.members_of(identity_id)) | {identity_id}

    def members_of(self, identity_id: str) -> list[Identity]:
        """All identities of the set that this one belongs to, the primary first."""
        with self._database.read() as c:
            rows = c.execute(
                "SELECT * FROM identities WHERE set_id = (SELECT set_id FROM identities WHERE id = ?)"
                " ORDER BY id <> set_id, username",
                (identity_id,),
            ).fetchall()
        return [_identity(row) for row in rows]

    def primary_of(self, identity_id: str) -> Identity:
        """The identity that stands for the whole set: `sub` of whoever signs in with any member of it."""
        return self.get(self.get(identity_id).set_id)

    def provision(self, username: str) -> Identity:
        """The identity of this username; made with status `unused` when there is none."""
        found = self.by_usernames([username])
        return found[0] if found else self._insert(username=username.strip(), status="unused")

    def create(self, *, username: str, name: str, email: str, organization: str, password: str | None) -> Identity:
        """Make an identity that can sign in. One that was only provisioned so far is taken over.

        Raises:
            UsernameTakenError: the username belongs to someone already.
        """
        password_hash = generate_password_hash(password) if password else None
        try:
            return self._insert(
                username=username.strip(), name=name, email=email, organization=organization,
                status="used", password_hash=password_hash,
            )  # fmt: skip
        except sqlite3.IntegrityError:
            with self._database.transaction() as c:
                taken = c.execute(
                    "UPDATE identities SET name = ?, email = ?, organization = ?, password_hash = ?,"
                    " status = 'used' WHERE username = ? AND status = 'unused'",
                    (name, email, organization, password_hash, username.strip()),
                )
            if taken.rowcount == 0:
                raise UsernameTakenError(username) from None
        return self.by_usernames([username])[0]

    def authenticate(self, username: str, password: str) -> Identity | None:
        """The identity, if the password is hers. Takes the same time when there is no such username."""
        with self._database.read() as c:
            row = _by(c, "username", username.strip())
        stored = row["password_hash"] if row is not None else None
        matches = check_password_hash(stored or _NOBODY, password)
        return _identity(row) if row is not None and stored and matches else None

    def link(self, identity_id: str, *, to: str) -> None:
        """Unite two identity sets; the primary identity of `to` is the primary of both."""
        with self._database.transaction() as c:
            c.execute(
                "UPDATE identities SET set_id = (SELECT set_id FROM identities WHERE id = ?)"
                " WHERE set_id = (SELECT set_id FROM identities WHERE id = ?)",
                (to, identity_id),
            )

    def ensure_client_identity(self, client_id: str, name: str) -> Identity:
        """A client is an identity too, with the client's own id: `<id>@clients.auth.globus.org`."""
        found = self.by_ids([client_id])
        if found:
            return found[0]
        return self._insert(username=f"{client_id}@{CLIENT_DOMAIN}", name=name, status="used", identity_id=client_id)

    def apply(self, wanted: IdentityConfig) -> None:
        """Make or update an identity as the configuration says; links are made by `link`."""
        with self._database.read() as c:
            row = _by(c, "id", wanted.id.lower())
        stored = row["password_hash"] if row is not None else None
        password_hash = wanted.password_hash
        if wanted.password is not None:
            keep = stored is not None and check_password_hash(stored, wanted.password)
            password_hash = stored if keep else generate_password_hash(wanted.password)
        with self._database.transaction() as c:
            c.execute(
                "INSERT INTO identities (id, username, name, email, organization, status, password_hash,"
                " set_id, created_at) VALUES (?, ?, ?, ?, ?, 'used', ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET username = excluded.username, name = excluded.name,"
                " email = excluded.email, organization = excluded.organization,"
                " password_hash = excluded.password_hash, status = 'used'",
                (wanted.id.lower(), wanted.username, wanted.name, wanted.email or wanted.username,
                 wanted.organization, password_hash, wanted.id.lower(), _now()),
            )  # fmt: skip

    def _insert(
        self, *, username: str, status: str, name: str = "", email: str = "", organization: str = "",
        password_hash: str | None = None, identity_id: str | None = None,
    ) -> Identity:  # fmt: skip
        identity_id = identity_id or str(uuid.uuid4())
        with self._database.transaction() as c:
            c.execute(
                "INSERT INTO identities VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    identity_id,
                    username,
                    name,
                    email,
                    organization,
                    status,
                    password_hash,
                    identity_id,
                    _now(),
                ),
            )
        return self.get(identity_id)


def _by(connection: sqlite3.Connection, column: str, value: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        f"SELECT * FROM identities WHERE {column} = ?",  # noqa: S608 (column is ours)
        (value,),
    ).fetchone()
    return row


def _identity(row: sqlite3.Row) -> Identity:
    names = ("id", "username", "name", "email", "organization", "status", "set_id")
    return Identity(**{name: row[name] for name in names})


def _now() -> str:
    return datetime.now(UTC).isoformat()
