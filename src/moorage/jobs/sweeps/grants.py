"""Access rules follow the grants."""

from datetime import datetime, timedelta

from moorage.jobs.sweeps.globus_trouble import survives_globus
from moorage.transfers.reconciling import reconcile_grants


@survives_globus
def reconcile(at: datetime) -> timedelta | None:
    """Bring the collection's rules and our grants together."""
    reconcile_grants(at=at)
    return None
