"""Access rules follow the grants."""

from datetime import datetime, timedelta
from typing import Final

from moorage.jobs.sweeps.globus_trouble import survives_globus
from moorage.transfers.reconciling import reconcile_grants

SEE_IN_LIST_AFTER: Final = timedelta(seconds=1)


@survives_globus
def reconcile(at: datetime) -> timedelta | None:
    """Bring the collection's rules and our grants together."""
    return SEE_IN_LIST_AFTER if reconcile_grants(at=at) else None
