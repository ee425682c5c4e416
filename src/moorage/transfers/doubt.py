"""Which staged files a Globus task may have left incomplete (design §6). Plain data for the import's planner.

A task that failed, was cancelled or was still active at the seal leaves truncated files under their
final names. That a member says it is not hers clears nothing: it was in the list of someone who could
write here, and a wrong answer must cost a question, not bytes. A file is doubtful if it changed while
such a task ran, unless Globus says that this task delivered it, or that another one did at that time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from moorage.globus.service import TaskStatus
from moorage.transfers.models import DeliveredFile, Upload, UploadTask
from moorage.transfers.task_links import links_of

# Globus's clock and ours differ. The suspicion is wide and its clearing narrow, so that skew makes
# a good file doubtful rather than a half one good.
SUSPECTED_AROUND = timedelta(seconds=60)
CLEARED_AROUND = timedelta(seconds=2)


@dataclass(frozen=True)
class TaskTrace:
    """When a task may have written (nanoseconds since the epoch), and what it surely delivered.

    `delivered` holds keys (see `files.paths.path_key`) of paths relative to the staging area.
    """

    is_suspicious: bool
    begins_ns: int
    ends_ns: int
    delivered: frozenset[bytes]

    def covers(self, changed_ns: int, around: timedelta) -> bool:
        margin = int(around.total_seconds() * 1e9)
        return self.begins_ns - margin <= changed_ns <= self.ends_ns + margin


@dataclass(frozen=True)
class Suspicions:
    """What the planner asks for each staged file."""

    traces: tuple[TaskTrace, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.traces)

    def is_doubtful(self, key: bytes, changed_ns: int) -> bool:
        """Whether a file that last changed then (its ctime) may be incomplete."""
        suspects = [t for t in self.traces if t.is_suspicious and t.covers(changed_ns, SUSPECTED_AROUND)]
        if not any(key not in trace.delivered for trace in suspects):
            return False
        return not any(key in trace.delivered and trace.covers(changed_ns, CLEARED_AROUND) for trace in self.traces)


def suspicions(upload: Upload) -> Suspicions:
    """The traces of this upload's tasks; none where every task ended well before the seal."""
    links = list(links_of(upload).order_by("task__requested_at"))
    if not any(_is_suspicious(link) for link in links):
        return Suspicions()
    return Suspicions(tuple(_trace_of(link, upload) for link in links))


def _is_suspicious(link: UploadTask) -> bool:
    return link.was_active_at_seal or link.task.status != TaskStatus.SUCCEEDED


def _trace_of(link: UploadTask, upload: Upload) -> TaskTrace:
    ended_at = link.task.completed_at or upload.sealed_at or link.task.as_of
    if link.was_active_at_seal and upload.sealed_at:
        ended_at = max(ended_at, upload.sealed_at)
    delivered = DeliveredFile.objects.filter(task=link.task, upload=upload).values_list("path_digest", flat=True)
    return TaskTrace(
        is_suspicious=_is_suspicious(link),
        begins_ns=_nanoseconds(link.task.requested_at),
        ends_ns=_nanoseconds(ended_at),
        delivered=frozenset(bytes(digest) for digest in delivered.iterator()),
    )


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1000
