"""The API's documents of what is chosen for an import, what would come of it, which transfers it is in doubt
because of, and what its files should be."""

from dataclasses import fields, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from ninja import Schema

from moorage.api.bodies import Body, Flag
from moorage.projects.choices import ImportChoices


class ChoicesIn(Body):
    """What is chosen for an import. What is left out, `null` or empty is as the project has it: everything, its top."""

    on_conflict: Literal["version", "skip", "fail", ""] | None = None
    target: str | None = None
    paths: list[str] | None = None
    include: list[Literal["doubtful", "skipped"]] | None = None

    def choices(self) -> ImportChoices:
        """As the domain has them."""
        return ImportChoices(
            on_conflict=self.on_conflict or "",
            target=self.target or "",
            paths=tuple(self.paths or ()),
            include=tuple(self.include or ()),
        )

    def choices_over(self, before: ImportChoices) -> ImportChoices:
        """The same, with what was chosen before for every field that was left out."""
        chosen = self.choices()
        given = [one.name for one in fields(chosen) if one.name in self.model_fields_set]
        return replace(before, **{name: getattr(chosen, name) for name in given})


class DoneIn(ChoicesIn):
    when: Literal["now", "quiet"] = "now"


class CheckIn(DoneIn):
    """What a preview is to be of. With `digest`, files are read to tell the identical ones. It may be the body that
    `done` will get, or, where an import could be retried, that `retry` will get: a field means what it means there.
    When that is to be changes no preview.
    """

    digest: Flag = False


class RetryIn(DoneIn):
    """As `done`, except that what is left out stays as it was chosen before. A field that is given counts: `null`, or
    an empty value, is as the project has it, its top, everything, nothing besides. A retry is always now, for nothing
    can arrive any more.
    """


class CountsOut(Schema):
    files: int
    bytes: int


class CauseOut(CountsOut):
    """Why paths of a verdict are not imported, or what is to be known of them. `folders` are told besides the files."""

    code: str
    message: str
    verdict: str
    folders: int


class ChoicesOut(Schema):
    on_conflict: str | None
    target: str
    paths: list[str]
    include: list[str]


class PreviewOut(Schema):
    """What an import would do. `as_of` is when that was found out; it `holds` until project or files change."""

    state: Literal["wanted", "running", "ready", "failed"]
    digest: bool
    choices: ChoicesOut
    as_of: datetime | None
    holds: bool
    step: str
    files_total: int
    bytes_total: int
    files_done: int
    bytes_done: int
    reason: str
    message: str
    verdicts: dict[str, CountsOut]
    causes: list[CauseOut]


class SuspectOut(Schema):
    """A transfer that makes files doubtful which changed while it ran. `late`: it went on after the upload was closed.

    `upload` is whose it is; null where that is not known, or not to be seen. So is `label`.
    """

    task_id: UUID
    label: str | None
    state: Literal["running", "failed", "cancelled", "late"]
    started_at: datetime
    ended_at: datetime | None
    upload: UUID | None


class MissingOut(Schema):
    """A file that a list names and that has not arrived. `source` as for the list, or `globus`, which delivered it."""

    path: str
    size_bytes: int | None
    digest: str | None
    source: str | None


class ListOut(Schema):
    """A list of digests that the files are compared with. `source` is its path in the upload; null if it was sent.

    It names so many `files`; `unused` of them are compared with what other lists say instead.
    """

    source: str | None
    name: str
    files: int
    unused: int
    at: datetime
