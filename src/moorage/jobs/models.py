"""The schedule table: when each sweep runs next, and who runs it now."""

from django.db import models

from moorage.leases import Leased


class ScheduledSweep(Leased):
    """A sweep that is due from `next_run_at` on; claimed by taking its lease (see `schedule`)."""

    name = models.CharField(max_length=60, primary_key=True)
    next_run_at = models.DateTimeField(db_index=True)
    last_run_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.name
