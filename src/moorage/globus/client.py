"""The answer to the port with globus-sdk: Globus's words and documents stay in here.

Errors are translated in `globus.failures`, task documents in `globus.documents`. Base URLs decide
whether the cloud or a local Globus is asked; nothing else differs.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import globus_sdk
from globus_sdk.authorizers import GlobusAuthorizer
from globus_sdk.transport import RequestsTransport, RetryConfig

from moorage.globus.documents import (
    identity_from,
    reading_task_from,
    reads_from,
    rule_from,
    task_from,
    touches_as_destination,
)
from moorage.globus.failures import code_of, translated
from moorage.globus.service import (
    AccessRule,
    AccessRuleConflictError,
    AccessRuleId,
    CollectionId,
    CollectionInfo,
    CollectionPath,
    Identity,
    IdentityId,
    Permissions,
    ReadingTask,
    TaskId,
    TaskNotFoundError,
    TaskStatus,
    TransferService,
    TransferTask,
)

TRANSFER_SCOPE: Final = "urn:globus:auth:scope:transfer.api.globus.org:all"
UNFINISHED: Final = [status.value for status in TaskStatus if not status.is_final]
Document = dict[str, Any]


def connect(
    *,
    client_id: str,
    client_secret: str,
    collection_id: CollectionId,
    auth_url: str,
    transfer_url: str,
    timeout_seconds: float = 30.0,
    retries: int = 2,
) -> TransferService:
    """A service for one collection, as the client identity `client_id`. Nothing is asked of Globus yet.

    A process that serves pages gives a short timeout and no retries: sweeps ask again anyway.
    """
    retry = RetryConfig(max_retries=retries, max_sleep=3)
    login = globus_sdk.ConfidentialAppAuthClient(
        client_id,
        client_secret,
        base_url=auth_url,
        transport=RequestsTransport(http_timeout=timeout_seconds),
        retry_config=retry,
    )
    auth = globus_sdk.AuthClient(
        base_url=auth_url,
        authorizer=globus_sdk.BasicAuthorizer(client_id, client_secret),
        transport=RequestsTransport(http_timeout=timeout_seconds),
        retry_config=retry,
    )
    transfer = globus_sdk.TransferClient(
        base_url=transfer_url,
        authorizer=_LazyAuthorizer(login),
        transport=RequestsTransport(http_timeout=timeout_seconds),
        retry_config=retry,
    )
    return GlobusTransferService(auth, transfer, collection_id)


class _LazyAuthorizer(GlobusAuthorizer):
    """Client credentials, asked for at the first call: the SDK's own authorizer asks when it is made,
    and a process must start while Globus is down."""

    def __init__(self, login: globus_sdk.ConfidentialAppAuthClient) -> None:
        self._login = login
        self._made: globus_sdk.ClientCredentialsAuthorizer | None = None

    def get_authorization_header(self) -> str:
        if self._made is None:
            self._made = globus_sdk.ClientCredentialsAuthorizer(self._login, TRANSFER_SCOPE)
        header = self._made.get_authorization_header()
        assert header is not None  # noqa: S101 - a client-credentials authorizer always has one
        return header

    def handle_missing_authorization(self) -> bool:
        return self._made is not None and self._made.handle_missing_authorization()


class GlobusTransferService:
    """`TransferService` over HTTP. Clients keep a session each and may be used by several threads."""

    def __init__(
        self,
        auth: globus_sdk.AuthClient,
        transfer: globus_sdk.TransferClient,
        collection_id: CollectionId,
    ) -> None:
        self._auth = auth
        self._transfer = transfer
        self._collection = collection_id

    @property
    def collection_id(self) -> CollectionId:
        return self._collection

    @translated
    def describe_collection(self) -> CollectionInfo:
        document = self._transfer.get_endpoint(self._collection)
        roles = set(document.get("my_effective_roles") or ())
        is_administrator = "administrator" in roles
        return CollectionInfo(
            id=self._collection,
            display_name=str(document.get("display_name") or self._collection),
            may_manage_rules=is_administrator or "access_manager" in roles,
            may_monitor=bool(roles & {"administrator", "activity_manager", "activity_monitor"}),
            may_cancel=is_administrator or "activity_manager" in roles,
        )

    @translated
    def find_identities(self, usernames: Sequence[str]) -> list[Identity]:
        if not usernames:
            return []
        found = self._auth.get_identities(usernames=list(usernames), provision=False)
        return [identity_from(document) for document in found]

    @translated
    def grant_access(
        self, path: CollectionPath, *, identity: IdentityId, permissions: Permissions, expires_at: datetime
    ) -> AccessRuleId:
        rule: Document = {
            "DATA_TYPE": "access",
            "principal_type": "identity",
            "principal": identity,
            "path": path,
            "permissions": permissions.value,
            "expiration_date": expires_at.astimezone(UTC).isoformat(timespec="seconds"),
        }
        try:
            made = self._transfer.add_endpoint_acl_rule(self._collection, rule)
        except globus_sdk.TransferAPIError as error:
            if code_of(error) != "Exists":
                raise
            # A reply was lost, and the SDK or we asked again: the rule that stands is ours.
            return self._standing_rule(path, identity=identity, permissions=permissions)
        return AccessRuleId(str(made["access_id"]))

    def _standing_rule(self, path: CollectionPath, *, identity: IdentityId, permissions: Permissions) -> AccessRuleId:
        for rule in self.list_access():
            if rule.path == path and rule.identity == identity:
                if rule.permissions == permissions:
                    return rule.id
                raise AccessRuleConflictError(
                    f"A rule with permissions {rule.permissions.value} stands on {path} already; it has to go first."
                )
        raise AccessRuleConflictError(
            f"Globus says that a rule on {path} exists, and does not list it. Try again later."
        )

    @translated
    def renew_access(self, rule: AccessRuleId, *, expires_at: datetime) -> None:
        changes = {
            "DATA_TYPE": "access",
            "expiration_date": expires_at.astimezone(UTC).isoformat(timespec="seconds"),
        }
        self._transfer.update_endpoint_acl_rule(self._collection, rule, changes)

    @translated
    def revoke_access(self, rule: AccessRuleId) -> None:
        try:
            self._transfer.delete_endpoint_acl_rule(self._collection, rule)
        except globus_sdk.TransferAPIError as error:
            if error.http_status != 404 or code_of(error) == "EndpointNotFound":
                raise

    @translated
    def list_access(self) -> list[AccessRule]:
        rules = [rule_from(document) for document in self._transfer.endpoint_acl_list(self._collection)]
        return [rule for rule in rules if rule is not None]

    @translated
    def tasks_of(self, identity: IdentityId, *, since: datetime) -> Iterator[TransferTask]:
        # An open end of the range includes unfinished tasks, which will complete some time in the future.
        completed = f"{since.astimezone(UTC).isoformat(timespec='seconds')},"
        for document in self._task_documents(identity, filter_completion_time=completed):
            if touches_as_destination(document, self._collection):
                yield task_from(document)

    @translated
    def reading_tasks_of(self, identity: IdentityId) -> Iterator[ReadingTask]:
        found = self._task_documents(identity, filter_endpoint_use="source", filter_status=UNFINISHED)
        for document in found:
            if reads_from(document, self._collection):
                yield reading_task_from(document)

    def _task_documents(self, owner: IdentityId, **filters: Any) -> Iterator[Document]:
        """The documents of someone's tasks on the collection, on either side of it unless the filters say which."""
        pages = self._transfer.paginated.endpoint_manager_task_list(
            filter_endpoint=self._collection, filter_owner_id=owner, **filters
        )
        try:
            for page in pages:
                yield from page
        except globus_sdk.TransferAPIError as error:
            # Someone who has never used Globus Transfer has no tasks.
            if code_of(error) != "UserNotFound":
                raise

    @translated
    def task(self, task: TaskId) -> TransferTask:
        try:
            document = self._transfer.endpoint_manager_get_task(task).data
        except globus_sdk.TransferAPIError as error:
            # 403: the task touches none of the collections that we manage. Which of the two it is, is not told.
            if error.http_status in {400, 403, 404}:
                raise TaskNotFoundError(
                    f"Globus has no task {task} on this collection. Check the task's id."
                ) from error
            raise
        if not touches_as_destination(document, self._collection):
            raise TaskNotFoundError(f"Globus task {task} does not write to this collection. Check the task's id.")
        return task_from(document)

    @translated
    def delivered_files(self, task: TaskId) -> Iterator[CollectionPath]:
        pages = self._transfer.paginated.endpoint_manager_task_successful_transfers(task)
        for page in pages:
            for document in page:
                if path := document.get("destination_path"):
                    yield CollectionPath(path)

    @translated
    def cancel_task(self, task: TaskId, *, message: str) -> None:
        self._transfer.endpoint_manager_cancel_tasks([task], message)
