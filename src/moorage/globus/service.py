"""The port: what Moorage asks of Globus, in Moorage's words.

Every call may raise GlobusUnavailableError, and every call is safe to repeat. Globus's own
words stay in `globus.client`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol

from moorage.errors import ConflictError, NotFoundError, UnavailableError

AccessRuleId = NewType("AccessRuleId", str)
CollectionId = NewType("CollectionId", str)
CollectionPath = NewType("CollectionPath", str)  # absolute on the collection; a directory's ends with "/"
IdentityId = NewType("IdentityId", str)
TaskId = NewType("TaskId", str)


class GlobusUnavailableError(UnavailableError):
    """Globus is down, slow, throttling, or its reply was lost. The call can be repeated."""

    code = "globus.unavailable"


class AccessRuleLimitError(UnavailableError):
    """The collection has no access rule left to give (1,000 per guest collection)."""

    code = "globus.no_rule_left"


class AccessRuleConflictError(ConflictError):
    """A rule of this identity stands on this path with other permissions."""

    code = "globus.rule_conflict"


class TaskNotFoundError(NotFoundError):
    """Globus does not know this task, or it is not on our collection."""

    code = "globus.task_not_found"


class Permissions(StrEnum):
    READ = "r"
    READ_WRITE = "rw"


class TaskStatus(StrEnum):
    """Globus's own words; the first two are unfinished, the last two final."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        return self in {TaskStatus.SUCCEEDED, TaskStatus.FAILED}


@dataclass(frozen=True)
class Identity:
    """A Globus identity as Globus Auth tells it. `status`: used, unused, private, closed."""

    id: IdentityId
    username: str
    name: str
    email: str
    organization: str
    status: str


@dataclass(frozen=True)
class AccessRule:
    """A rule as it stands in the collection's rule list."""

    id: AccessRuleId
    identity: IdentityId
    path: CollectionPath
    permissions: Permissions
    expires_at: datetime | None


@dataclass(frozen=True)
class TransferTask:
    """A Globus task as a manager of the collection sees it.

    `destination_path` is None where Globus hides it (it often does). `was_cancelled` tells a
    cancelled task from one that failed or ran out of time.
    """

    id: TaskId
    status: TaskStatus
    label: str
    destination_path: CollectionPath | None
    requested_at: datetime
    completed_at: datetime | None
    files: int
    files_transferred: int
    files_skipped: int
    bytes_transferred: int
    bytes_per_second: int
    faults: int
    nice_status: str
    was_cancelled: bool
    is_delete: bool


@dataclass(frozen=True)
class ReadingTask:
    """An unfinished Globus task that reads from the collection, as a manager of the collection sees it.

    `source_path` is the path of the task's only item, or the folder that all its items have in common: it may lie
    above what is read, and a folder's may lack its final "/". It is None where Globus hides it (it often does).
    """

    id: TaskId
    label: str
    source_path: CollectionPath | None
    requested_at: datetime
    status: TaskStatus


@dataclass(frozen=True)
class CollectionInfo:
    """What the start-up check wants to know of the collection."""

    id: CollectionId
    display_name: str
    may_manage_rules: bool
    may_monitor: bool
    may_cancel: bool


class TransferService(Protocol):
    """One collection, and the Auth service beside it, as Moorage's own client identity sees them."""

    @property
    def collection_id(self) -> CollectionId: ...

    def describe_collection(self) -> CollectionInfo:
        """The collection and our own roles on it."""
        ...

    def find_identities(self, usernames: Sequence[str]) -> list[Identity]:
        """Identities with these usernames; unknown ones are absent. Nothing is provisioned."""
        ...

    def grant_access(
        self, path: CollectionPath, *, identity: IdentityId, permissions: Permissions, expires_at: datetime
    ) -> AccessRuleId:
        """Make a rule, or find the same one that stands already (a lost reply).

        Raises:
            AccessRuleLimitError: none is left.
        """
        ...

    def renew_access(self, rule: AccessRuleId, *, expires_at: datetime) -> None:
        """Move a rule's expiry. A rule that is gone is a NotFoundError."""
        ...

    def revoke_access(self, rule: AccessRuleId) -> None:
        """Take a rule away. Revoking a rule that is gone is not an error."""
        ...

    def list_access(self) -> list[AccessRule]:
        """Every rule of the collection that can be taken away, also expired ones; role entries are left out."""
        ...

    def tasks_of(self, identity: IdentityId, *, since: datetime) -> Iterator[TransferTask]:
        """Tasks that write to the collection, owned by this identity or one linked to it: every unfinished one,
        and finished ones that completed after `since`. Someone who never used Globus has none."""
        ...

    def reading_tasks_of(self, identity: IdentityId) -> Iterator[ReadingTask]:
        """Unfinished tasks that read from the collection, owned by this identity or one linked to it.

        A transfer within the collection is one of them, a delete is not. Someone who never used Globus has none.
        """
        ...

    def task(self, task: TaskId) -> TransferTask:
        """One task, by a collection manager's view.

        Raises:
            TaskNotFoundError: Globus does not know it, or it does not touch the collection.
        """
        ...

    def delivered_files(self, task: TaskId) -> Iterator[CollectionPath]:
        """Paths on the collection of the files that a finished task delivered (no directories, no skipped files)."""
        ...

    def cancel_task(self, task: TaskId, *, message: str) -> None:
        """Ask Globus to cancel a task as the collection's manager. A finished one is not an error.

        The task may stay ACTIVE for a while: its end must be awaited.
        """
        ...
