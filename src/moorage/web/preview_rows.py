"""A preview in rows: what becomes of the files, verdict by verdict, in words. Plain data for its template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from moorage.importer.lists.completeness import MISSING, NOT_READ, NOT_THERE
from moorage.importer.shown.preview import Cause, Counted, PreviewView
from moorage.importer.words.advice import advised, without_step
from moorage.importer.words.reasons import BEING_WRITTEN, IGNORED
from moorage.importer.words.verdicts import Verdict
from moorage.projects.choices import DOUBTFUL, SKIPPED


@dataclass(frozen=True)
class Row:
    """What is said of one verdict. `also` is the choice that would import these files, empty where there is none.

    `is_unread`: more would be said of them if their bytes were read. `has_page`: another page names them.
    """

    verdict: str
    label: str
    meaning: str
    counted: Counted
    causes: tuple[Cause, ...] = ()
    also: str = ""
    query: str = ""  # of the page of entries
    is_unread: bool = False
    has_page: bool = True


_MEANINGS: Final[Mapping[Verdict, tuple[str, str]]] = {
    Verdict.NEW: ("become part of the project", ""),
    Verdict.NEW_VERSION: ("replace files of the project, whose old versions stay", ""),
    Verdict.IDENTICAL: ("are in the project already: nothing changes", ""),
    Verdict.SKIPPED: ("are left out, by a rule or by what you chose", SKIPPED),
    Verdict.DOUBTFUL: ("may be incomplete, or are not what a list says", DOUBTFUL),
    Verdict.REJECTED: ("cannot be imported, and stay out of the project", ""),
}
_IF_STOPPED: Final[Mapping[Verdict, str]] = {
    Verdict.NEW: "would become part of the project, if others did not stop the import",
    Verdict.NEW_VERSION: "stand in the project with other content, and stop the import",
}
_BY_LISTS: Final[Mapping[str, tuple[str, str, str]]] = {
    MISSING: ("Missing", "stand in a list of digests and have not arrived", ""),
    NOT_THERE: ("Gone", "were delivered by Globus and are not there", ""),
    "list.differs": ("Different", "are not what a list of digests says", "compared=differs"),
    NOT_READ: ("Not compared yet", "are compared with their lists only when their bytes are read", ""),
    "list.extra": ("In no list", "have arrived and stand in no list of digests", "compared=extra"),
}


def rows_of(preview: PreviewView, *, is_open: bool) -> list[Row]:
    """The rows of a preview: verdicts of some file, or that folders are told of, then what lists of digests say.

    Files can still be sent into an upload that `is_open`.
    """
    told = [verdict for verdict in _MEANINGS if preview.of(verdict).files or preview.causes_of(verdict)]
    rows = [_row(preview, verdict, is_open=is_open) for verdict in told]
    by_code = {cause.code: cause.counted for cause in preview.causes}
    for code, (label, meaning, query) in _BY_LISTS.items():
        if code in by_code:
            is_unread = code == NOT_READ
            row = Row(code, label, meaning, by_code[code], query=query, is_unread=is_unread, has_page=not is_unread)
            rows.append(row)
    return rows


def _row(preview: PreviewView, verdict: Verdict, *, is_open: bool) -> Row:
    meaning, also = _MEANINGS[verdict]
    is_unread = verdict is Verdict.NEW_VERSION and not preview.with_digests
    if is_unread:
        meaning = "replace files of the project, whose old versions stay, unless their bytes turn out to be identical"
    if preview.stopped_by and verdict in _IF_STOPPED:
        meaning = _IF_STOPPED[verdict]
    told = [cause for cause in preview.causes_of(verdict) if cause != preview.stopped_by]
    if not _may_be_included(verdict, told):
        also = ""
    causes = tuple(replace(cause, sentence=_sentence(cause, is_open=is_open)) for cause in told)
    query = f"verdict={verdict.value}"
    return Row(verdict.value, verdict.label.capitalize(), meaning, preview.of(verdict), causes, also, query, is_unread)


def _may_be_included(verdict: Verdict, causes: Sequence[Cause]) -> bool:
    """Whether to offer to import these too: not what only a choice leaves out, nor what is only half written yet."""
    if verdict is Verdict.SKIPPED:
        return any(cause.code == IGNORED for cause in causes)
    return not causes or any(cause.code != BEING_WRITTEN.code for cause in causes)


def _sentence(cause: Cause, *, is_open: bool) -> str:
    """With the next step, unless the buttons beside it are that."""
    if cause.verdict == Verdict.REJECTED or cause.code == BEING_WRITTEN.code:
        return advised(cause.code, cause.sentence, is_open=is_open)
    return without_step(cause.code, cause.sentence)
