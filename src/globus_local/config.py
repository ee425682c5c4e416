"""What a local Globus is told by its one TOML file: where it listens, who exists, what is a collection.

Only read here; `app.build_world` applies it at each start.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from globus_local.errors import ConfigError

Section = TypeVar("Section")


@dataclass(frozen=True, kw_only=True)
class IdentityConfig:
    """A person. She can sign in if there is a `password` or a `password_hash` (one of them)."""

    id: str
    username: str
    name: str = ""
    email: str = ""
    organization: str = ""
    password: str | None = None
    password_hash: str | None = None  # from `globus-local identity hash`
    linked_to: str | None = None  # an identity id: both are then members of one identity set


@dataclass(frozen=True, kw_only=True)
class ClientConfig:
    """An OAuth client. Without a secret it is public: PKCE is compulsory and it has no client credentials."""

    id: str
    name: str = ""
    secret: str | None = None
    redirect_uris: tuple[str, ...] = ()
    linked_to: str | None = None  # its identity `<id>@clients.auth.globus.org` joins that identity's set
    consent: bool = True  # False: people are not asked, the operator vouches for this client


@dataclass(frozen=True, kw_only=True)
class RuleConfig:
    """An access rule that exists from the start. `principal` is empty unless the type is "identity"."""

    path: str
    permissions: str  # "r" or "rw"
    principal_type: str = "identity"  # or "all_authenticated_users", "anonymous"
    principal: str = ""


@dataclass(frozen=True, kw_only=True)
class CollectionConfig:
    """A folder that is served as a collection. `administrators` (identity ids) hold every role: rw on "/"."""

    id: str
    display_name: str
    path: Path
    entity_type: str = "GCSv5_guest_collection"
    administrators: tuple[str, ...] = ()
    public: bool = True
    description: str = ""
    rules: tuple[RuleConfig, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that can be set. Times in seconds, sizes in bytes."""

    data_folder: Path  # database, keys; made with mode 0700 when missing
    host: str = "127.0.0.1"
    port: int = 8551
    public_url: str = ""  # without a final slash; "" means http://<host>:<port>. Issuer of tokens, base of links
    title: str = "Local Globus"  # what pages call this service
    create_account: bool = True  # people may make an identity for themselves on the sign-in page
    show_task_paths: bool = False  # endpoint_manager shows base paths; in the cloud they are often null
    retry_seconds: float = 2.0  # pause before a faulted file is tried again
    deadline_seconds: int = 86_400  # a task that has not ended by then is FAILED
    progress_bytes: int = 1_048_576  # counters and access rules are looked at again after so many bytes
    active_tasks_per_owner: int = 3  # of each kind; further ones are Queued
    bytes_per_second: int = 0  # per task; 0 = no limit. Lets people and tests watch a transfer run
    rules_limit: int = 1000  # access rules per collection
    identities: tuple[IdentityConfig, ...] = ()
    clients: tuple[ClientConfig, ...] = ()
    collections: tuple[CollectionConfig, ...] = ()

    @property
    def issuer(self) -> str:
        """The public URL without a final slash: `iss` of every id_token."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


def load_config(path: Path) -> Config:
    """Read a TOML file. Relative paths in it are relative to its folder.

    Raises:
        ConfigError: the file cannot be read, or says something that is not known here.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The configuration {path} cannot be read: {error}") from error
    return config_from(document, folder=path.resolve().parent)


def config_from(document: Mapping[str, Any], *, folder: Path) -> Config:
    """Build a `Config` from a parsed document; relative paths start at `folder`.

    Raises:
        ConfigError: a key is unknown, is missing, or has a value of the wrong kind.
    """
    values = dict(document)
    identities = tuple(_section(IdentityConfig, entry, "identities") for entry in values.pop("identities", []))
    clients = tuple(_section(ClientConfig, entry, "clients") for entry in values.pop("clients", []))
    collections = tuple(_collection(entry, folder) for entry in values.pop("collections", []))
    if "data_folder" in values:
        values["data_folder"] = folder / str(values["data_folder"])
    values |= {"identities": identities, "clients": clients, "collections": collections}
    config = _section(Config, values, "the file")
    _check_public_url(config.issuer)
    return config


def _check_public_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query:
        raise ConfigError(f"public_url must look like https://globus.example.org, without a path: {url!r}.")


def _collection(entry: Mapping[str, Any], folder: Path) -> CollectionConfig:
    values = dict(entry)
    rules = tuple(_section(RuleConfig, rule, "collections.rules") for rule in values.pop("rules", []))
    if "path" in values:
        values["path"] = folder / str(values["path"])
    return _section(CollectionConfig, values | {"rules": rules}, "collections")


def _section(kind: type[Section], values: Mapping[str, Any], place: str) -> Section:
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise ConfigError(f"{place}: {name!r} is not a setting. Known are: {', '.join(sorted(known))}.")
    for name, field in known.items():
        if name not in values and field.default is MISSING:
            raise ConfigError(f"{place}: {name!r} is missing.")
    checked = {name: _checked(value, str(known[name].type), f"{place}: {name}") for name, value in values.items()}
    return kind(**checked)


_KINDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
}


def _checked(value: object, wanted: str, place: str) -> object:
    if wanted == "tuple[str, ...]":
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise ConfigError(f"{place} must be a list of strings.")
        return tuple(value)
    kinds = _KINDS.get(wanted)
    if kinds is not None and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
        raise ConfigError(f"{place} must be of kind {wanted}, not {value!r}.")
    return value
