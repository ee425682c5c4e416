"""What the consent and account pages say about a scope, in words of the person who is asked."""

from __future__ import annotations

from collections.abc import Iterable

from globus_local.auth.scopes import Scope, server_of
from globus_local.config import Config

_WORDS = {
    "openid": "Know who you are",
    "profile": "Know who you are",
    "email": "See your e-mail address",
    "urn:globus:auth:scope:auth.globus.org:view_identity_set": "See your linked identities",
    "urn:globus:auth:scope:auth.globus.org:view_identities": "Look up identities",
    "urn:globus:auth:scope:transfer.api.globus.org:all": "Transfer and manage files on your behalf",
    "offline_access": "Do this while you are away",
}
_ELSEWHERE = {
    "groups.api.globus.org": "Groups",
    "search.api.globus.org": "Search",
    "524230d7-ea86-4a52-8312-86065a9e0417": "Timers",
    "flows.globus.org": "Flows",
}


def scopes_in_words(scopes: Iterable[Scope], config: Config) -> list[str]:
    """One line for each thing that is allowed, without repetition, in the order asked for."""
    lines = (words_for(path[-1], config) for scope in scopes for path in scope.paths())
    return list(dict.fromkeys(lines))


def words_for(name: str, config: Config) -> str:
    """One scope in words; the scope itself where there are none."""
    if name in _WORDS:
        return _WORDS[name]
    server = server_of(name, config)
    for collection in config.collections:
        if collection.id == server:
            return f"Reach your files on the collection “{collection.display_name}”"
    if server in _ELSEWHERE:
        return f"Use Globus {_ELSEWHERE[server]} (not offered by this service)"
    return f"Use {name}"
