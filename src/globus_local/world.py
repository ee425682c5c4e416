"""`LocalGlobus`: everything that one running local Globus consists of, in one frozen record.

Built by `app.build_world`; routes reach it by `current_world()`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app

from globus_local.config import Config
from globus_local.database import Database

if TYPE_CHECKING:
    from globus_local.auth.attempts import Attempts
    from globus_local.auth.clients import Clients
    from globus_local.auth.codes import Codes
    from globus_local.auth.consents import Consents
    from globus_local.auth.identities import Identities
    from globus_local.auth.keys import Keys
    from globus_local.auth.sessions import Sessions
    from globus_local.auth.tokens import Tokens
    from globus_local.transfer.endpoints import Collections
    from globus_local.transfer.rules import Rules
    from globus_local.transfer.tasks import Tasks

EXTENSION = "globus_local"


@dataclass(frozen=True, kw_only=True)
class LocalGlobus:
    """The parts of one local Globus. Safe to use from any thread."""

    config: Config
    database: Database
    identities: Identities
    clients: Clients
    tokens: Tokens
    sessions: Sessions
    codes: Codes
    consents: Consents
    attempts: Attempts
    keys: Keys
    collections: Collections
    rules: Rules
    tasks: Tasks


def current_world() -> LocalGlobus:
    """The local Globus that the current request belongs to."""
    world = current_app.extensions[EXTENSION]
    assert isinstance(world, LocalGlobus)  # noqa: S101 (for the type checker: `build_world` put it there)
    return world
