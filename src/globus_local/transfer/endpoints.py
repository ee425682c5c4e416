"""The collections: which folders people can reach, and who administers each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from globus_local.errors import TransferError

if TYPE_CHECKING:
    from globus_local.config import Config


class EndpointNotFoundError(TransferError):
    """No collection has this id, or it is not for this caller's eyes."""

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

    def is_administered_by(self, identity_set: frozenset[str]) -> bool:
        """Whether one of these identities has every role here, and so rw on "/"."""
        return bool(self.administrators & identity_set)


class Collections:
    """The configured collections, in the order of the configuration."""

    def __init__(self, config: Config) -> None:
        self._by_id = {
            each.id: Collection(
                id=each.id,
                display_name=each.display_name,
                root=Path(each.path),
                entity_type=each.entity_type,
                administrators=frozenset(each.administrators),
                public=each.public,
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
            return self._by_id[collection_id]
        except KeyError:
            raise EndpointNotFoundError(collection_id) from None
