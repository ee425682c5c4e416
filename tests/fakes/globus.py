"""A Globus in memory: the port's promises, kept by dictionaries. tests/contracts keeps it honest."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from moorage.globus.failures import GlobusNotFoundError
from moorage.globus.service import (
    AccessRule,
    AccessRuleConflictError,
    AccessRuleId,
    AccessRuleLimitError,
    CollectionId,
    CollectionInfo,
    CollectionPath,
    GlobusUnavailableError,
    Identity,
    IdentityId,
    Permissions,
    ReadingTask,
    TaskId,
    TaskNotFoundError,
    TaskStatus,
    TransferTask,
)

COLLECTION = CollectionId("c0111ec7-0000-4000-8000-000000000001")


@dataclass
class FakeTask:
    """A task and what only Globus knows of it: where it writes to on the collection and reads from, if it does."""

    task: TransferTask
    owner: IdentityId
    true_path: CollectionPath | None
    delivered: list[CollectionPath] = field(default_factory=list)
    reads_from: CollectionPath | None = None


class InMemoryTransferService:
    """`fail_next("grant_access")` makes the next such call fail: before its effect, or after it (a lost reply)."""

    def __init__(
        self, *, collection_id: CollectionId = COLLECTION, rules_limit: int = 1000, shows_paths: bool = False
    ) -> None:
        self._collection_id = collection_id
        self.rules_limit = rules_limit
        self.shows_paths = shows_paths
        self.cancel_takes_effect = True
        self.identities: dict[IdentityId, Identity] = {}
        self.linked: dict[IdentityId, frozenset[IdentityId]] = {}
        self.rules: dict[AccessRuleId, AccessRule] = {}
        self.fake_tasks: dict[TaskId, FakeTask] = {}
        self.calls: list[str] = []
        self._failures: dict[str, list[tuple[BaseException, bool]]] = {}

    # What a test does to this Globus

    def fail_next(self, call: str, *, after: bool = False, times: int = 1, error: BaseException | None = None) -> None:
        """Make the next `times` calls of that name fail, before their effect or after it."""
        wrong = error or GlobusUnavailableError("Globus does not answer (as the test wants it).")
        self._failures.setdefault(call, []).extend([(wrong, after)] * times)

    def add_identity(self, username: str, *, status: str = "used", name: str = "", organization: str = "") -> Identity:
        identity = Identity(
            id=IdentityId(str(uuid.uuid4())),
            username=username,
            name=name or username.split("@", maxsplit=1)[0].title(),
            email=username,
            organization=organization or "Test University",
            status=status,
        )
        self.identities[identity.id] = identity
        return identity

    def link(self, *ids: IdentityId) -> None:
        """Make these identities one person's."""
        for one in ids:
            self.linked[one] = frozenset(ids)

    def add_task(
        self,
        owner: IdentityId,
        path: CollectionPath,
        *,
        label: str = "",
        status: TaskStatus = TaskStatus.ACTIVE,
        requested_at: datetime | None = None,
        files: int = 0,
        is_delete: bool = False,
    ) -> TaskId:
        """A task that writes to `path`; the port shows the path only when `shows_paths`."""
        task = TransferTask(
            id=TaskId(str(uuid.uuid4())),
            status=status,
            label=label,
            destination_path=None,
            requested_at=requested_at or datetime.now(UTC),
            completed_at=None,
            files=files,
            files_transferred=0,
            files_skipped=0,
            bytes_transferred=0,
            bytes_per_second=0,
            faults=0,
            nice_status="OK",
            was_cancelled=False,
            is_delete=is_delete,
        )
        self.fake_tasks[task.id] = FakeTask(task, owner, path)
        return task.id

    def add_reading_task(
        self,
        owner: IdentityId,
        path: CollectionPath,
        *,
        label: str = "",
        status: TaskStatus = TaskStatus.ACTIVE,
        requested_at: datetime | None = None,
        writes_to: CollectionPath | None = None,
    ) -> TaskId:
        """A transfer that reads from `path`; to somewhere else, unless `writes_to` is a path on the collection, too.

        The port shows the path only when `shows_paths`. `finish_task` and `cancel_task` end it.
        """
        task = self.add_task(owner, path, label=label, status=status, requested_at=requested_at)
        fake = self.fake_tasks[task]
        fake.reads_from, fake.true_path = path, writes_to
        return task

    def finish_task(
        self,
        task: TaskId,
        *,
        status: TaskStatus = TaskStatus.SUCCEEDED,
        delivered: Sequence[CollectionPath] = (),
        was_cancelled: bool = False,
        at: datetime | None = None,
    ) -> None:
        fake = self.fake_tasks[task]
        fake.delivered = list(delivered)
        fake.task = replace(
            fake.task,
            status=status,
            completed_at=at or datetime.now(UTC),
            files_transferred=len(delivered),
            was_cancelled=was_cancelled,
            nice_status="",
        )

    # The port

    @property
    def collection_id(self) -> CollectionId:
        return self._collection_id

    def describe_collection(self) -> CollectionInfo:
        with self._call("describe_collection"):
            return CollectionInfo(self._collection_id, "Test collection", True, True, True)

    def find_identities(self, usernames: Sequence[str]) -> list[Identity]:
        with self._call("find_identities"):
            wanted = {name.lower() for name in usernames}
            return [identity for identity in self.identities.values() if identity.username.lower() in wanted]

    def grant_access(
        self, path: CollectionPath, *, identity: IdentityId, permissions: Permissions, expires_at: datetime
    ) -> AccessRuleId:
        with self._call("grant_access"):
            for rule in self.rules.values():
                if rule.path == path and rule.identity == identity:
                    if rule.permissions != permissions:
                        raise AccessRuleConflictError("A rule with other permissions stands on this path already.")
                    return rule.id
            if len(self.rules) >= self.rules_limit:
                raise AccessRuleLimitError("No access rule is left.")
            made = AccessRule(AccessRuleId(str(uuid.uuid4())), identity, path, permissions, expires_at)
            self.rules[made.id] = made
            return made.id

    def renew_access(self, rule: AccessRuleId, *, expires_at: datetime) -> None:
        with self._call("renew_access"):
            if rule not in self.rules:
                raise GlobusNotFoundError("There is no such rule.")
            self.rules[rule] = replace(self.rules[rule], expires_at=expires_at)

    def revoke_access(self, rule: AccessRuleId) -> None:
        with self._call("revoke_access"):
            self.rules.pop(rule, None)

    def list_access(self) -> list[AccessRule]:
        with self._call("list_access"):
            return list(self.rules.values())

    def tasks_of(self, identity: IdentityId, *, since: datetime) -> Iterator[TransferTask]:
        with self._call("tasks_of"):
            return iter(
                [
                    self._shown(fake)
                    for fake in self._fakes_of(identity)
                    if fake.true_path and (fake.task.completed_at is None or fake.task.completed_at >= since)
                ]
            )

    def reading_tasks_of(self, identity: IdentityId) -> Iterator[ReadingTask]:
        with self._call("reading_tasks_of"):
            return iter(
                [
                    self._shown_reading(fake)
                    for fake in self._fakes_of(identity)
                    if fake.reads_from and not fake.task.status.is_final
                ]
            )

    def task(self, task: TaskId) -> TransferTask:
        with self._call("task"):
            fake = self.fake_tasks.get(task)
            if fake is None or fake.true_path is None:
                raise TaskNotFoundError(f"Globus has no task {task} that writes to this collection.")
            return self._shown(fake)

    def delivered_files(self, task: TaskId) -> Iterator[CollectionPath]:
        with self._call("delivered_files"):
            return iter(self.fake_tasks[task].delivered)

    def cancel_task(self, task: TaskId, *, message: str) -> None:
        assert message, "a task's owner is told why"
        with self._call("cancel_task"):
            fake = self.fake_tasks.get(task)
            if fake and not fake.task.status.is_final and self.cancel_takes_effect:
                self.finish_task(task, status=TaskStatus.FAILED, was_cancelled=True, delivered=fake.delivered)

    def _fakes_of(self, identity: IdentityId) -> list[FakeTask]:
        one_person = self.linked.get(identity, frozenset({identity}))
        return [fake for fake in self.fake_tasks.values() if fake.owner in one_person]

    def _shown(self, fake: FakeTask) -> TransferTask:
        return replace(fake.task, destination_path=fake.true_path if self.shows_paths else None)

    def _shown_reading(self, fake: FakeTask) -> ReadingTask:
        return ReadingTask(
            id=fake.task.id,
            label=fake.task.label,
            source_path=fake.reads_from if self.shows_paths else None,
            requested_at=fake.task.requested_at,
            status=fake.task.status,
        )

    def _call(self, name: str) -> "_Call":
        self.calls.append(name)
        waiting = self._failures.get(name)
        return _Call(*waiting.pop(0)) if waiting else _Call(None, False)


class _Call:
    """Fails before the effect (on entering) or after it (on leaving), or not at all."""

    def __init__(self, error: BaseException | None, after: bool) -> None:
        self._error = error
        self._after = after

    def __enter__(self) -> None:
        if self._error is not None and not self._after:
            raise self._error

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if self._error is not None and self._after and kind is None:
            raise self._error
