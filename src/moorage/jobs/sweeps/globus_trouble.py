"""Globus is down, slow or throttling, or refuses: it is said on pages, and asked again a little later."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Final
from uuid import UUID

from moorage.backends import backends
from moorage.errors import UnavailableError
from moorage.globus.failures import GlobusRefusedError
from moorage.transfers.watching import note_trouble

ASK_AGAIN_AFTER: Final = timedelta(seconds=5)

log = logging.getLogger(__name__)

Run = Callable[[datetime], timedelta | None]


def survives_globus(run: Run) -> Run:
    """A sweep that asks Globus: when Globus does not answer or refuses, pages say so and the sweep runs again soon."""

    @wraps(run)
    def surviving(at: datetime) -> timedelta | None:
        collection = UUID(backends().globus.collection_id)
        try:
            again = run(at)
        except (UnavailableError, GlobusRefusedError) as error:
            if note_trouble(collection, str(error)):
                log.warning("%s: %s", run.__module__, error)
            return ASK_AGAIN_AFTER
        return again

    return surviving
