"""Access rules: who may read or write below which folder of a collection, and until when.

A caller's permissions are the union of the rules of all her linked identities. A rule that has expired is
gone: it grants nothing, is listed no more, and does not stand in the way of a new one.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from globus_local.config import CollectionConfig, Config
from globus_local.database import Database
from globus_local.errors import TransferError
from globus_local.transfer.paths import CollectionPath, from_raw, parse_path

if TYPE_CHECKING:
    from globus_local.auth.callers import Caller
    from globus_local.transfer.endpoints import Collection

PERMISSIONS: Final = ("r", "rw")
FOR_EVERYONE: Final = ("all_authenticated_users", "anonymous")


class RuleNotFoundError(TransferError):
    def __init__(self, rule_id: str) -> None:
        super().__init__("AccessRuleNotFound", f"There is no access rule {rule_id!r} on this collection.", 404)


class RuleExistsError(TransferError):
    def __init__(self, rule_id: str) -> None:
        super().__init__(
            "Exists",
            f"This principal has a rule on this path already: {rule_id}. Update that one, or delete it first.",
            409,
        )


class RuleLimitError(TransferError):
    def __init__(self, limit: int) -> None:
        super().__init__(
            "LimitExceeded", f"A collection can have {limit} access rules. Delete one that is not needed.", 409
        )


@dataclass(frozen=True)
class Rule:
    """One access rule. `expires_at` is None for one that lasts."""

    id: str
    collection_id: str
    principal_type: str
    principal: str
    path: CollectionPath
    permissions: str
    created_at: float
    expires_at: float | None


class Rules:
    """The access rules of all collections, and what they allow."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database = database
        self._limit = config.rules_limit
        self._lock = threading.Lock()
        for collection in config.collections:
            self._apply(collection)

    @contextmanager
    def steady(self) -> Iterator[None]:
        """While this is held no rule is taken away.

        Whoever looks at the rules and then changes a folder does both in here. So once a rule's deletion
        has been answered, nothing that the rule allowed still happens (a task's copying excepted: that
        task is ACTIVE until then).
        """
        with self._lock:
            yield

    def allows(
        self, identity_set: frozenset[str] | None, collection: Collection, folder: CollectionPath, wanted: str
    ) -> bool:
        """Whether these identities (None: not signed in) may read ("r") or change ("rw") what is in `folder`."""
        raw = folder.raw_folder
        return any(
            raw.startswith(path) and wanted in (permissions, "r")
            for path, permissions in self._effective(identity_set, collection)
        )

    def has_any(self, identity_set: frozenset[str] | None, collection: Collection) -> bool:
        """Whether these identities may do anything at all in this collection."""
        return bool(self._effective(identity_set, collection))

    def check(self, caller: Caller | None, collection: Collection, folder: CollectionPath, wanted: str) -> None:
        """Raises TransferError PermissionDenied (403) unless `allows`."""
        if not self.allows(caller.identity_set if caller else None, collection, folder, wanted):
            act = "change" if wanted == "rw" else "read"
            who = f"{caller.username} ({caller.identity_id})" if caller else "Someone who is not signed in"
            raise TransferError(
                "PermissionDenied",
                f"{who} may not {act} {folder} on {collection.display_name}. "
                "Ask whoever manages the collection for access, or sign in with another identity.",
                403,
            )

    def create(
        self,
        collection: Collection,
        *,
        principal_type: str,
        principal: str,
        path: CollectionPath,
        permissions: str,
        expires_at: float | None,
    ) -> Rule:
        """Grant access.

        Raises:
            RuleExistsError: the principal has a rule on this path.
            RuleLimitError: the collection has as many rules as it can.
        """
        rule_id, now = str(uuid.uuid4()), time.time()
        key = (collection.id, principal_type, principal, path.raw_folder)
        with self._database.transaction() as c:
            c.execute("DELETE FROM access_rules WHERE collection_id = ? AND expires_at <= ?", (collection.id, now))
            found = c.execute(
                "SELECT id FROM access_rules WHERE collection_id = ? AND principal_type = ? AND principal = ?"
                " AND path = ?",
                key,
            ).fetchone()
            if found:
                raise RuleExistsError(found["id"])
            counted = c.execute(
                "SELECT count(*) FROM access_rules WHERE collection_id = ?", (collection.id,)
            ).fetchone()
            if counted[0] >= self._limit:
                raise RuleLimitError(self._limit)
            c.execute(
                "INSERT INTO access_rules (id, collection_id, principal_type, principal, path, permissions,"
                " created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (rule_id, *key, permissions, now, expires_at),
            )
        return self.get(collection, rule_id)

    def all_of(self, collection: Collection) -> list[Rule]:
        """All rules that grant something now, oldest first (administrators' implicit ones are not rules)."""
        with self._database.read() as c:
            rows = c.execute(
                "SELECT * FROM access_rules WHERE collection_id = ? AND (expires_at IS NULL OR expires_at > ?)"
                " ORDER BY created_at, rowid",
                (collection.id, time.time()),
            ).fetchall()
        return [_rule(row) for row in rows]

    def get(self, collection: Collection, rule_id: str) -> Rule:
        """Raises RuleNotFoundError."""
        with self._database.read() as c:
            row = c.execute(
                "SELECT * FROM access_rules WHERE collection_id = ? AND id = ?"
                " AND (expires_at IS NULL OR expires_at > ?)",
                (collection.id, rule_id, time.time()),
            ).fetchone()
        if row is None:
            raise RuleNotFoundError(rule_id)
        return _rule(row)

    def update(self, collection: Collection, rule_id: str, *, permissions: str, expires_at: float | None) -> None:
        """Change what a rule grants and until when. Raises RuleNotFoundError."""
        with self._lock, self._database.transaction() as c:
            changed = c.execute(
                "UPDATE access_rules SET permissions = ?, expires_at = ? WHERE collection_id = ? AND id = ?",
                (permissions, expires_at, collection.id, rule_id),
            )
            if not changed.rowcount:
                raise RuleNotFoundError(rule_id)

    def delete(self, collection: Collection, rule_id: str) -> None:
        """Take access away; afterwards no operation that it allowed still happens. Raises RuleNotFoundError."""
        with self._lock, self._database.transaction() as c:
            gone = c.execute("DELETE FROM access_rules WHERE collection_id = ? AND id = ?", (collection.id, rule_id))
            if not gone.rowcount:
                raise RuleNotFoundError(rule_id)

    def _effective(self, identity_set: frozenset[str] | None, collection: Collection) -> list[tuple[bytes, str]]:
        if identity_set and collection.is_administered_by(identity_set):
            return [(b"/", "rw")]
        principals = sorted(identity_set or ())
        everyone = FOR_EVERYONE if identity_set else FOR_EVERYONE[1:]
        with self._database.read() as c:
            rows = c.execute(
                "SELECT path, permissions FROM access_rules WHERE collection_id = ?"  # noqa: S608 (only marks)
                " AND (expires_at IS NULL OR expires_at > ?)"
                f" AND (principal_type IN ({_marks(everyone)})"
                f" OR (principal_type = 'identity' AND principal IN ({_marks(principals)})))",
                (collection.id, time.time(), *everyone, *principals),
            ).fetchall()
        return [(row["path"], row["permissions"]) for row in rows]

    def _apply(self, collection: CollectionConfig) -> None:
        now = time.time()
        with self._database.transaction() as c:
            for rule in collection.rules:
                raw = parse_path(rule.path).raw_folder
                key = (collection.id, rule.principal_type, rule.principal, raw)
                c.execute(
                    "INSERT INTO access_rules (id, collection_id, principal_type, principal, path, permissions,"
                    " created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, NULL)"
                    " ON CONFLICT (collection_id, principal_type, principal, path)"
                    " DO UPDATE SET permissions = excluded.permissions, expires_at = NULL",
                    (str(uuid.uuid4()), *key, rule.permissions, now),
                )


def _marks(values: tuple[str, ...] | list[str]) -> str:
    return ", ".join("?" * len(values))


def _rule(row: sqlite3.Row) -> Rule:
    return Rule(
        id=row["id"],
        collection_id=row["collection_id"],
        principal_type=row["principal_type"],
        principal=row["principal"],
        path=from_raw(row["path"]),
        permissions=row["permissions"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
