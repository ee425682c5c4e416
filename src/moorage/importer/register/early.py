"""Registering early: what has been placed goes above the project's head while other files are still being placed.

It is done as long as nobody else wants the right to register: whoever does takes it at once, and clears what was
registered early, so that no import waits for more of a longer one than for its real register step. Then this import
registers from its first entry, as it does whenever anything is not as it should be (ADR 0012).
"""

from dataclasses import dataclass, field
from typing import Final

from django.db.models import Max

from moorage.files.ids import new_id_prefix
from moorage.files.registering import RegisterRight
from moorage.files.taking import take_early
from moorage.importer.ledger.job import ImportJob
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.plan.planner import Planner
from moorage.importer.register.ranges import write_range
from moorage.projects.choices import OnConflict

MOST_ROWS: Final = 150_000  # whoever takes the right has to clear them first, which takes some seconds


@dataclass
class EarlyRegister:
    """How far a run has registered early. Without a `right` it does not; entries before `next` are registered."""

    job: ImportJob
    run: int
    right: RegisterRight | None = None
    next: int = 0
    _prefix: str = field(default_factory=new_id_prefix)
    _rows: int = 0

    def hold(self) -> None:
        """See that the right is still ours. Call it first in a transaction that `go_on` is to be called in.

        Nobody takes the right before the end of that transaction.
        """
        if self.right is not None and not self.right.hold():
            self.right = None

    def go_on(self, rows: int, *, is_settled: bool) -> None:
        """Register what this transaction, which has written so many rows, and those before it have written down.

        Unless all of it `is_settled`, so that nothing of it is going to be written again: then it ends here.
        """
        if not is_settled:
            self.right = None
        if self.right is None or self._rows >= MOST_ROWS:
            return
        ours = ManifestEntry.objects.filter(upload_id=self.job.upload_id, number__gte=self.next)
        last = ours.aggregate(last=Max("number"))["last"]
        if last is None:
            return
        given = {"first": self.next, "last": last, "prefix": self._prefix, "run": self.run}
        if write_range(self.job, self.right, given, is_early=True):
            self._rows += rows
            self.next = last + 1
        else:
            self.right = None


def begin_early(job: ImportJob, run: ImportRun, planner: Planner, *, head: int) -> EarlyRegister:
    """Begin to register early if the right is to be had, and nothing that is listed now can turn out otherwise later.

    `planner` looks at the project at `head`.
    """
    early = EarlyRegister(job, run.number)
    if not (planner.previous.exist or planner.suspicions) and planner.policy.on_conflict == OnConflict.VERSION:
        early.right = take_early(revision=run.revision, head=head, also=job.write_progress)
    return early
