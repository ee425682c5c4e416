"""The documents of the API, by the names of its contract. What is not here is not told."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from ninja import Schema

from moorage.api.bodies import Body, Flag, Number
from moorage.api.choice_schemas import ChoicesOut, ListOut, PreviewOut, SuspectOut


class ProblemOut(Schema):
    """Every failure: `application/problem+json`."""

    code: str
    message: str


class MemberOut(Schema):
    id: UUID
    name: str
    email: str


class PersonOut(Schema):
    """Somebody who did something: no address."""

    id: UUID
    name: str


class MyselfOut(Schema):
    id: UUID
    name: str
    email: str
    token_name: str
    token_scopes: list[str]
    token_expires_at: datetime | None


class ProjectIn(Body):
    name: str
    description: str = ""


class ProjectChanges(Body):
    """`on_conflict` and `ignore_rules` are what imports follow where nothing else is chosen."""

    name: str | None = None
    description: str | None = None
    on_conflict: Literal["version", "skip", "fail"] | None = None
    ignore_rules: str | None = None


class ProjectOut(Schema):
    id: UUID
    name: str
    description: str
    role: str
    head: int
    on_conflict: str
    ignore_rules: str
    created_at: datetime


class MembershipIn(Body):
    role: Literal["owner", "editor", "viewer"]


class MembershipOut(Schema):
    member: MemberOut
    role: str
    added_at: datetime


class ItemOut(Schema):
    """A file or a folder at a revision. `verified_at`: when a file's bytes were last read and found whole."""

    kind: Literal["file", "directory"]
    name: str
    path: str
    size_bytes: int
    modified_at: datetime
    revision: int
    digest: str | None = None
    version: UUID | None = None
    file_count: int | None = None
    verified_at: datetime | None = None
    damaged: bool | None = None


class ItemPage(Schema):
    items: list[ItemOut]
    next: str | None
    revision: int


class UploadIn(Body):
    name: str
    description: str = ""


class UploadChanges(Body):
    name: str | None = None
    description: str | None = None


class UndoIn(Body):
    """Which of the upload's revisions; the newest by default."""

    revision: Number | None = None


class GlobusOut(Schema):
    """Where the upload's files go. `url` and `sign_in_as` are for those who have a rule on the area."""

    collection_id: UUID
    path: str
    url: str | None
    activity_url: str
    sign_in_as: str | None


class PublishedOut(Schema):
    """A revision of the upload. `left_alone`: at how many paths the newest undo, or redo, of it changed nothing."""

    number: int
    undone: bool
    left_alone: int


class UploadOut(Schema):
    id: UUID
    project: UUID
    name: str
    description: str
    state: str
    state_text: str
    reason: str
    waiting_for_quiet: bool
    step: str
    files_total: int
    bytes_total: int
    files_done: int
    bytes_done: int
    problems: int
    missing: int
    verdicts: dict[str, int]
    suspects: list[SuspectOut]
    choices: ChoicesOut
    preview: PreviewOut | None
    checksums: list[ListOut]
    checksums_total: int
    revision: int | None
    revisions: list[PublishedOut]
    by: PersonOut
    globus: GlobusOut
    opened_at: datetime | None
    done_at: datetime | None
    import_started_at: datetime | None
    imported_at: datetime | None
    last_activity_at: datetime
    expires_at: datetime | None


class ReasonOut(Schema):
    code: str
    message: str


class EntryOut(Schema):
    """A staged path. `path` is printable; `path_base64` has the bytes where they differ.

    `compared` is what a list of digests says of it: `matches`, `differs`, or `extra` where none names it.
    """

    path: str
    path_base64: str | None = None
    kind: str
    verdict: str
    state: str
    reason: ReasonOut | None
    size_bytes: int
    digest: str | None
    warning: str | None = None
    compared: str | None = None


class WarningOut(Schema):
    """What an import was given and could not use: a list of digests, a chosen path."""

    code: str
    message: str


class ReceiptOut(Schema):
    """What one run of an import did. `missing` counts files that lists name and that were not there, if known.

    `reason` is why a run published nothing.
    """

    upload: UUID
    run: int
    outcome: str
    revision: int | None
    reason: ReasonOut | None
    choices: ChoicesOut
    files: int
    bytes: int
    verdicts: dict[str, dict[str, int]]
    problems: int
    missing: int | None
    warnings: list[WarningOut]
    started_at: datetime
    ended_at: datetime
    duration_seconds: float


class TaskClaimIn(Body):
    task_id: UUID
    mine: Flag = True


FAILURES = dict.fromkeys((401, 403, 404, 409, 413, 422, 503), ProblemOut)
