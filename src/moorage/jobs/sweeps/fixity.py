"""The rolling fixity round: every object is read again within the time that the operator has set."""

from datetime import datetime, timedelta
from typing import Final

from moorage.backends import backends
from moorage.files.fixity import FixityChecks
from moorage.files.fixity_rounds import run_slice
from moorage.jobs.damage import tell_of_damage
from moorage.storage.fixity import Throttle

GO_ON_AFTER: Final = timedelta(seconds=5)


def read_again(at: datetime) -> timedelta | None:  # noqa: ARG001 - a sweep's signature
    """Read a slice of what is due, and tell of the damage that anyone has found."""
    outside = backends()
    within = outside.policies.fixity_within
    is_more_due = False
    if within:
        outside.store.check_is_there()
        checks = FixityChecks(outside.store, outside.clock, Throttle(outside.policies.fixity_bytes_per_second))
        _, is_more_due = run_slice(checks, within=within)
    tell_of_damage(at=outside.clock())
    return GO_ON_AFTER if is_more_due else None
