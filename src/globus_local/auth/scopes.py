"""Scope strings: their grammar (dependencies in brackets, `*` for optional ones) and the servers they belong to.

Scopes are constants of Globus, independent of where a service runs (globus-wire.md §1.2), so they are opaque
keys here: each belongs to one resource server, and what is not known is refused.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from globus_local.config import Config
from globus_local.errors import GlobusLocalError

AUTH_SERVER = "auth.globus.org"
TRANSFER_SERVER = "transfer.api.globus.org"
DEEPEST = 10  # levels of brackets; clients use two
OFFLINE = "offline_access"  # asks for refresh tokens; belongs to no server

_TIMERS = "524230d7-ea86-4a52-8312-86065a9e0417"
_FLOWS = "eec9b274-0c81-4334-bdc2-54e90e689b9a"

# `globus login` asks for tokens of all of these, though only the first two are served here.
_SERVERS_BY_OWNER: Mapping[str, str] = {
    "auth.globus.org": AUTH_SERVER,
    "transfer.api.globus.org": TRANSFER_SERVER,
    "groups.api.globus.org": "groups.api.globus.org",
    "search.api.globus.org": "search.api.globus.org",
    _TIMERS: _TIMERS,
    _FLOWS: "flows.globus.org",
}
_OPENID_SCOPES = frozenset({"openid", "profile", "email"})
_URN = re.compile(r"urn:globus:auth:scope:([^:]+):([a-zA-Z0-9_]+)")
_URL = re.compile(r"https://auth\.globus\.org/scopes/([^/]+)/([a-zA-Z0-9_]+)")
_TOKENS = re.compile(r"[\[\]]|[^\s\[\]]+")


class ScopeError(GlobusLocalError):
    """A scope string cannot be read, or names a scope that is not known here."""

    code = "scope.invalid"


@dataclass(frozen=True)
class Scope:
    """One scope and what it may use in turn. `optional` ones (`*`) can be revoked by themselves."""

    name: str
    optional: bool = False
    dependencies: tuple[Scope, ...] = ()

    def paths(self, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        """The way from the top to each scope of this tree: one consent is needed for each."""
        here = (*above, self.name)
        yield here
        for dependency in self.dependencies:
            yield from dependency.paths(here)


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """Read a scope string. Repeated scopes are one, with the dependencies of all.

    Raises:
        ScopeError: brackets do not match, or there is nothing before one.
    """
    # The grammar is small: a scope is a word, possibly followed by a bracket with further scopes.
    levels: list[list[Scope]] = [[]]
    for token in _TOKENS.findall(text):
        if token == "[":  # noqa: S105 (a bracket, not a password)
            if not levels[-1]:
                raise ScopeError("A bracket in a scope string follows the scope it belongs to.")
            if len(levels) > DEEPEST:
                raise ScopeError(f"A scope string has at most {DEEPEST} levels of brackets.")
            levels.append([])
        elif token == "]":  # noqa: S105
            if len(levels) == 1 or not levels[-1]:
                raise ScopeError("The brackets in the scope string do not match.")
            inner = levels.pop()
            parent = levels[-1][-1]
            levels[-1][-1] = Scope(parent.name, parent.optional, parent.dependencies + tuple(inner))
        else:
            name = token.removeprefix("*")
            if not name or "*" in name:
                raise ScopeError(f"{token} is not a scope.")
            levels[-1].append(Scope(name, optional=token.startswith("*")))
    if len(levels) != 1:
        raise ScopeError("The brackets in the scope string do not match.")
    return _merged(levels[0])


def known_scopes(text: str, config: Config) -> tuple[Scope, ...]:
    """Read a scope string whose scopes, dependencies included, must all be known.

    Raises:
        ScopeError: the string cannot be read, or a scope is unknown; the message names it.
    """
    scopes = parse_scopes(text)
    for scope in scopes:
        for path in scope.paths():
            if path[-1] != OFFLINE and server_of(path[-1], config) is None:
                raise ScopeError(f"Unknown scope: {path[-1]}")
    return scopes


def server_of(name: str, config: Config) -> str | None:
    """The resource server that a scope belongs to, or None if the scope is not known here."""
    if name in _OPENID_SCOPES:
        return AUTH_SERVER
    match = _URN.fullmatch(name) or _URL.fullmatch(name)
    if match is None:
        return None
    owner, right = match.groups()
    if any(collection.id == owner for collection in config.collections):
        return owner if right in {"https", "data_access", "manage_collections"} else None
    return _SERVERS_BY_OWNER.get(owner)


def by_server(scopes: Iterable[Scope], config: Config) -> dict[str, frozenset[str]]:
    """Top-level scope names by resource server. Auth comes first when `openid` is asked for."""
    found: dict[str, set[str]] = {}
    if any(scope.name == "openid" for scope in scopes):
        found[AUTH_SERVER] = set()
    for scope in scopes:
        server = server_of(scope.name, config)
        if server is not None:
            found.setdefault(server, set()).add(scope.name)
    return {server: frozenset(names) for server, names in found.items()}


def scope_id(name: str) -> str:
    """The UUID of a scope, as consent documents want one: the same for the same name everywhere."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def _merged(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    merged: dict[str, Scope] = {}
    for scope in scopes:
        seen = merged.get(scope.name)
        dependencies = (*(seen.dependencies if seen else ()), *scope.dependencies)
        optional = scope.optional and (seen.optional if seen else True)
        merged[scope.name] = Scope(scope.name, optional, _merged(dependencies))
    return tuple(merged.values())
