"""Consents: which client may act for whom, and what with. One row for each scope and each of its dependencies."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from globus_local.auth.scopes import Scope, scope_id
from globus_local.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS consents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  identity_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  path TEXT NOT NULL,                -- JSON list of scope names, from the top to this one
  optional INTEGER NOT NULL,         -- may be revoked by itself ("atomically revocable")
  allows_refresh INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (identity_id, client_id, path)
);
"""


class Consents:
    """The consents of one local Globus."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def covers(self, *, identity_id: str, client_id: str, scopes: Iterable[Scope]) -> bool:
        """Whether everything asked for, dependencies included, was consented to before."""
        wanted = {path for scope in scopes for path in scope.paths()}
        return wanted <= {tuple(json.loads(row["path"])) for row in self._rows(identity_id, client_id)}

    def grant(self, *, identity_id: str, client_id: str, scopes: Iterable[Scope], allows_refresh: bool) -> None:
        """Record a consent, again or anew."""
        now = datetime.now(UTC).isoformat()
        with self._database.transaction() as c:
            for scope in scopes:
                for path, optional in _paths(scope):
                    c.execute(
                        "INSERT INTO consents (identity_id, client_id, path, optional, allows_refresh,"
                        " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
                        " ON CONFLICT DO UPDATE SET updated_at = excluded.updated_at,"
                        " allows_refresh = max(allows_refresh, excluded.allows_refresh)",
                        (identity_id, client_id, json.dumps(path), optional, allows_refresh, now, now),
                    )

    def revoke(self, *, identity_id: str, client_id: str) -> None:
        """Take back everything that a client was allowed."""
        with self._database.transaction() as c:
            c.execute("DELETE FROM consents WHERE identity_id = ? AND client_id = ?", (identity_id, client_id))

    def clients_of(self, identity_id: str) -> dict[str, list[str]]:
        """Client ids with the top-level scopes that each was allowed."""
        found: dict[str, list[str]] = {}
        for row in self._rows(identity_id):
            path = json.loads(row["path"])
            if len(path) == 1:
                found.setdefault(row["client_id"], []).append(path[0])
        return found

    def documents(self, identity_id: str) -> list[dict[str, Any]]:
        """Consent documents with the keys that the SDK's ConsentForest insists on (globus-wire.md §2.3)."""
        rows = self._rows(identity_id)
        ids = {(row["client_id"], row["path"]): row["id"] for row in rows}
        return [_document(row, ids) for row in rows]

    def _rows(self, identity_id: str, client_id: str | None = None) -> list[sqlite3.Row]:
        with self._database.read() as c:
            return c.execute(
                "SELECT * FROM consents WHERE identity_id = ? AND (? IS NULL OR client_id = ?) ORDER BY id",
                (identity_id, client_id, client_id),
            ).fetchall()


def _paths(scope: Scope, above: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], bool]]:
    here = (*above, scope.name)
    yield here, scope.optional
    for dependency in scope.dependencies:
        yield from _paths(dependency, here)


def _document(row: sqlite3.Row, ids: dict[tuple[str, str], int]) -> dict[str, Any]:
    path = json.loads(row["path"])
    ancestors = [ids.get((row["client_id"], json.dumps(path[: depth + 1]))) for depth in range(len(path))]
    return {
        "id": row["id"],
        "client": row["client_id"],
        "scope": scope_id(path[-1]),
        "scope_name": path[-1],
        "dependency_path": [ancestor for ancestor in ancestors if ancestor is not None],
        "effective_identity": row["identity_id"],
        "status": "approved",
        "created": row["created_at"],
        "updated": row["updated_at"],
        "last_used": row["updated_at"],
        "allows_refresh": bool(row["allows_refresh"]),
        "auto_approved": False,
        "atomically_revocable": bool(row["optional"]),
    }
