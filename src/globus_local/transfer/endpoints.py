"""The collections: which folders people can reach, who administers each, and finding one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from globus_local.config import Config
from globus_local.database import Database
from globus_local.errors import TransferError

if TYPE_CHECKING:
    from globus_local.auth.callers import Caller
    from globus_local.transfer.rules import Rules

# The server installation that all collections here belong to: an id of ours, and no collection.
SERVER_ID: Final = "11111111-5a4e-4d0e-9d5e-0f8a6f3f2a11"
SCOPES: Final = (
    "all",
    "my-endpoints",
    "my-gcp-endpoints",
    "recently-used",
    "in-use",
    "shared-by-me",
    "shared-with-me",
    "administered-by-me",
)
_MINE: Final = ("my-endpoints", "shared-by-me", "administered-by-me")


class EndpointNotFoundError(TransferError):
    """No collection has this id."""

    def __init__(self, collection_id: str) -> None:
        super().__init__(
            "EndpointNotFound",
            f"No collection has the id '{collection_id}' here. Search for it by its name.",
            404,
        )


@dataclass(frozen=True)
class Collection:
    """A folder that people reach by Globus. `root` never leaves this program."""

    id: str
    display_name: str
    root: Path
    entity_type: str
    administrators: frozenset[str]
    public: bool
    description: str

    def is_administered_by(self, identity_set: frozenset[str]) -> bool:
        """Whether one of these identities has every role here, and so rw on "/"."""
        return bool(self.administrators & identity_set)


class Collections:
    """The configured collections, in the order of the configuration."""

    def __init__(self, config: Config, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules
        self._by_id = {
            each.id.lower(): Collection(
                id=each.id,
                display_name=each.display_name,
                root=Path(each.path),
                entity_type=each.entity_type,
                administrators=frozenset(each.administrators),
                public=each.public,
                description=each.description,
            )
            for each in config.collections
        }

    def __iter__(self) -> Iterator[Collection]:
        return iter(self._by_id.values())

    def get(self, collection_id: str) -> Collection:
        """The collection with this id.

        Raises:
            EndpointNotFoundError: there is none.
        """
        try:
            return self._by_id[collection_id.lower()]
        except KeyError:
            raise EndpointNotFoundError(collection_id) from None

    def may_see(self, caller: Caller, collection: Collection) -> bool:
        """Whether the caller may know of a collection: it is public, or she has a rule or a role on it."""
        return collection.public or self._rules.has_any(caller.identity_set, collection)

    def visible(self, caller: Caller, collection_id: str) -> Collection:
        """Raises TransferError: EndpointNotFound (404), PermissionDenied (403) for a private one."""
        collection = self.get(collection_id)
        if not self.may_see(caller, collection):
            raise TransferError("PermissionDenied", f"{caller.username} may not see this collection.", 403)
        return collection

    def search(
        self, caller: Caller, *, fulltext: str = "", scope: str = "all", entity_type: str = "", owner_id: str = ""
    ) -> list[Collection]:
        """Collections that the caller may see and that match, by name.

        Every word of `fulltext` must occur in the name, the description or the id.
        Raises TransferError ClientError.BadRequest for a scope that Globus does not know.
        """
        if scope not in SCOPES:
            raise TransferError("ClientError.BadRequest", f"filter_scope must be one of {', '.join(SCOPES)}.", 400)
        words = fulltext.casefold().split()
        found = [
            collection
            for collection in self
            if self.may_see(caller, collection)
            and self._is_in_scope(caller, collection, scope)
            and (not entity_type or collection.entity_type in entity_type.split(","))
            and (not owner_id or owner_id == SERVER_ID or owner_id in collection.administrators)
            and all(word in _searched(collection) for word in words)
        ]
        return sorted(found, key=lambda collection: collection.display_name.casefold())

    def _is_in_scope(self, caller: Caller, collection: Collection, scope: str) -> bool:
        is_mine = collection.is_administered_by(caller.identity_set)
        if scope == "all":
            return True
        if scope in _MINE:
            return is_mine
        if scope == "shared-with-me":
            return not is_mine and self._rules.has_any(caller.identity_set, collection)
        if scope == "my-gcp-endpoints":
            return False
        return self._was_used(caller, collection, only_active=scope == "in-use")

    def _was_used(self, caller: Caller, collection: Collection, *, only_active: bool) -> bool:
        statuses = "('ACTIVE')" if only_active else "('ACTIVE', 'SUCCEEDED', 'FAILED')"
        with self._database.read() as c:
            row = c.execute(
                f"SELECT 1 FROM tasks WHERE owner_id = ? AND status IN {statuses}"  # noqa: S608
                " AND (source_id = ? OR destination_id = ?) LIMIT 1",
                (caller.identity_id, collection.id, collection.id),
            ).fetchone()
        return row is not None


def _searched(collection: Collection) -> str:
    return f"{collection.display_name} {collection.description} {collection.id}".casefold()
