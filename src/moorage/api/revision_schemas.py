"""The documents of revisions and of what differs between two; all others are in `api.schemas`."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from ninja import Field, Schema

from moorage.api.bodies import Body, Number
from moorage.api.schemas import PersonOut


class RevisionIn(Body):
    """A change of files. `target` is of a move, `revision` of a restore; see docs/reference/changes.md."""

    kind: Literal["remove", "move", "restore"]
    paths: list[str]
    target: str | None = None
    revision: Number | None = None


class RequestOut(Schema):
    """What was asked of a remove, a move or a restore."""

    paths: list[str]
    target: str | None = None
    revision: int | None = None


class FailureOut(Schema):
    """Why a revision failed; `path` is what was in the way."""

    code: str
    message: str
    path: str | None


class LeftOut(Schema):
    """A path that an undo left as it was; `code` says why, see docs/reference/undo.md."""

    path: str
    code: str


class RevisionOut(Schema):
    """A change of the project's files. `number` is null until it is published, `undoes` the number that it undoes.

    An undo has left so many paths alone; `left_named` are the first of them.
    """

    id: UUID
    number: int | None
    kind: str
    state: str
    reason: FailureOut | None
    by: PersonOut | None
    at: datetime
    upload: UUID | None
    undoes: int | None
    request: RequestOut | None
    files_added: int
    files_changed: int
    files_removed: int
    bytes_added: int
    left_alone: int
    left_named: list[LeftOut]


class SideOut(Schema):
    size_bytes: int
    digest: str


class ChangeOut(Schema):
    """A path that differs between two revisions. `before` and `after` are of files, where there is one."""

    change: Literal["added", "changed", "removed"]
    kind: Literal["file", "directory"]
    path: str
    before: SideOut | None
    after: SideOut | None


class ChangesPage(Schema):
    """One page of what differs from revision `from` to revision `to`."""

    items: list[ChangeOut]
    next: str | None
    first: int = Field(serialization_alias="from")
    second: int = Field(serialization_alias="to")
