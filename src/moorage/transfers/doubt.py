"""Which staged files a Globus task may have left incomplete (design §6). Asked for some files at a time.

A task that failed, was cancelled or was still active at the seal leaves truncated files under their
final names. That a member says it is not hers clears nothing: it was in the list of someone who could
write here, and a wrong answer must cost a question, not bytes. A file is doubtful if it changed while
such a task ran, unless Globus says that this task delivered it, or that another one did at that time.

What has changed since the seal tells of our own link or chmod, or of a writer that has it open still, and hides when it
changed before: any such task may have written it (ADR 0015).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from moorage.globus.service import TaskStatus
from moorage.transfers.models import DeliveredFile, Upload, UploadTask
from moorage.transfers.task_links import links_of

# Globus's clock and ours differ. The suspicion is wide and its clearing narrow, so that skew makes
# a good file doubtful rather than a half one good.
SUSPECTED_AROUND = timedelta(seconds=60)
CLEARED_AROUND = timedelta(seconds=2)
KEYS_PER_QUERY: Final = 500
_NEVER: Final = 2**63 - 1


@dataclass(frozen=True)
class TaskTrace:
    """When a task may have written: nanoseconds since the epoch."""

    task: int  # its row
    is_suspicious: bool
    begins_ns: int
    ends_ns: int
    is_running: bool = False  # and may write on: the area is not sealed yet

    def covers(self, changed_ns: int, around: timedelta) -> bool:
        margin = _ns(around)
        return self.begins_ns - margin <= changed_ns <= self.ends_ns + margin


Deliverers = Mapping[bytes, frozenset[int]]  # by a file's key, the tasks that surely delivered it


def _nobody(keys: Sequence[bytes]) -> Deliverers:  # noqa: ARG001 - whoever is asked for
    return {}


@dataclass(frozen=True)
class Suspicions:
    """What the planner asks for staged files. `deliverers_of` tells it of some, by their keys (see `files.paths`)."""

    traces: tuple[TaskTrace, ...] = ()
    deliverers_of: Callable[[Sequence[bytes]], Deliverers] = _nobody
    sealed_ns: int | None = None  # None: it is not sealed

    def __bool__(self) -> bool:
        return bool(self.traces)

    def doubtful(self, changed: Mapping[bytes, int]) -> set[bytes]:
        """Which of these files may be incomplete: each by its key, with the nanosecond of its last change (ctime)."""
        suspected = {key: some for key, at in changed.items() if (some := self._suspects(at))}
        delivered = self.deliverers_of(list(suspected)) if suspected else {}
        return {
            key
            for key, suspects in suspected.items()
            if self._may_be_half(suspects, delivered.get(key, frozenset()), changed[key])
        }

    def is_being_written(self, changed_ns: int) -> bool:
        """Whether a doubtful file that changed then may be one that a task has not finished."""
        return any(one.is_running and one.covers(changed_ns, SUSPECTED_AROUND) for one in self.traces)

    def _suspects(self, changed_ns: int) -> set[int]:
        is_hidden = self.sealed_ns is not None and changed_ns >= self.sealed_ns - _ns(CLEARED_AROUND)
        suspicious = (one for one in self.traces if one.is_suspicious)
        return {one.task for one in suspicious if is_hidden or one.covers(changed_ns, SUSPECTED_AROUND)}

    def _may_be_half(self, suspects: set[int], deliverers: frozenset[int], changed_ns: int) -> bool:
        if suspects <= deliverers:
            return False
        return not any(one.task in deliverers and one.covers(changed_ns, CLEARED_AROUND) for one in self.traces)


def suspicions(upload: Upload) -> Suspicions:
    """The traces of this upload's tasks; none where every task ended well before the seal."""
    links = list(links_of(upload).order_by("task__requested_at"))
    if not any(_is_suspicious(link) for link in links):
        return Suspicions()
    traces = tuple(_trace_of(link, upload) for link in links)
    sealed_ns = _nanoseconds(upload.sealed_at) if upload.sealed_at else None
    return Suspicions(traces, partial(_deliverers, upload.pk, [trace.task for trace in traces]), sealed_ns)


def _is_suspicious(link: UploadTask) -> bool:
    return link.was_active_at_seal or link.task.status != TaskStatus.SUCCEEDED


def _trace_of(link: UploadTask, upload: Upload) -> TaskTrace:
    is_running = upload.sealed_at is None and not link.task.is_final
    ended_at = link.task.completed_at or upload.sealed_at or link.task.as_of
    if link.was_active_at_seal and upload.sealed_at:
        ended_at = max(ended_at, upload.sealed_at)
    return TaskTrace(
        task=link.task.pk,
        is_suspicious=_is_suspicious(link),
        begins_ns=_nanoseconds(link.task.requested_at),
        # When it was seen last says nothing: of a task that stands still, nothing new is written down.
        ends_ns=_NEVER if is_running else _nanoseconds(ended_at),
        is_running=is_running,
    )


def _deliverers(upload_id: UUID, tasks: Sequence[int], keys: Sequence[bytes]) -> Deliverers:
    found: dict[bytes, frozenset[int]] = {}
    for start in range(0, len(keys), KEYS_PER_QUERY):
        some = keys[start : start + KEYS_PER_QUERY]
        rows = DeliveredFile.objects.filter(task__in=tasks, upload=upload_id, path_digest__in=some)
        for digest, task in rows.values_list("path_digest", "task__id"):
            key = bytes(digest)
            found[key] = found.get(key, frozenset()) | {task}
    return found


def _ns(span: timedelta) -> int:
    return int(span.total_seconds() * 1e9)


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1000
