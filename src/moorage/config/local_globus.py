"""The settings file of the local Globus, written at each `up`: who exists there and which folders are collections.

Moorage and the local Globus share this file's format and HTTP, and nothing else.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moorage.config.local import make_private_folder, toml_lines, write_private

CALLBACK_PATH = "/accounts/oidc/globus/login/callback/"


@dataclass(frozen=True)
class GlobusRule:
    """An access rule that stands from the start. Without a principal it is for everyone who has signed in."""

    path: str
    permissions: str
    principal: str = ""

    def document(self) -> dict[str, Any]:
        kind = "identity" if self.principal else "all_authenticated_users"
        return {"principal_type": kind, "principal": self.principal, "path": self.path, "permissions": self.permissions}


@dataclass(frozen=True)
class GlobusCollection:
    id: str
    display_name: str
    folder: Path
    administrators: tuple[str, ...] = ()
    rules: tuple[GlobusRule, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class GlobusClient:
    id: str
    secret: str
    name: str
    redirect_uris: tuple[str, ...] = ()
    linked_to: str = ""


@dataclass(frozen=True)
class GlobusPerson:
    id: str
    username: str
    name: str
    password: str
    organization: str = ""


@dataclass(frozen=True)
class LocalGlobus:
    """All that a local Globus is told."""

    folder: Path
    host: str
    port: int
    public_url: str
    clients: tuple[GlobusClient, ...]
    collections: tuple[GlobusCollection, ...]
    people: tuple[GlobusPerson, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)  # further settings of its own, e.g. bytes_per_second

    @property
    def config_file(self) -> Path:
        return self.folder / "globus.toml"

    def write(self) -> Path:
        """Write the file and make the collections' folders; returns the file's path."""
        make_private_folder(self.folder)
        for collection in self.collections:
            collection.folder.mkdir(parents=True, exist_ok=True)
        write_private(self.config_file, self._text())
        return self.config_file

    def _text(self) -> str:
        top = {
            "data_folder": str(self.folder),
            "host": self.host,
            "port": self.port,
            "public_url": self.public_url,
            **self.extra,
        }
        parts = ["# Written by `moorage-server up` at each start.\n", toml_lines(top)]
        for person in self.people:
            fields = vars(person) | {"email": person.username}
            parts += ["\n[[identities]]\n", toml_lines(fields)]
        for client in self.clients:
            parts += ["\n[[clients]]\n", toml_lines(_client_fields(client))]
        for collection in self.collections:
            parts += ["\n[[collections]]\n", toml_lines(_collection_fields(collection))]
            for rule in collection.rules:
                parts += ["\n[[collections.rules]]\n", toml_lines(rule.document())]
        return "".join(parts)


def _client_fields(client: GlobusClient) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": client.id, "secret": client.secret, "name": client.name}
    fields["redirect_uris"] = list(client.redirect_uris)
    if client.linked_to:
        fields["linked_to"] = client.linked_to
    return fields


def _collection_fields(collection: GlobusCollection) -> dict[str, Any]:
    return {
        "id": collection.id,
        "display_name": collection.display_name,
        "path": str(collection.folder),
        "administrators": list(collection.administrators),
        "description": collection.description,
    }
