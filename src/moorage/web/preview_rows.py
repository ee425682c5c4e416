"""A preview in rows: what becomes of the files, verdict by verdict, in words. Plain data for its template."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from moorage.importer.lists.completeness import MISSING, NOT_READ, NOT_THERE
from moorage.importer.shown.preview import Cause, Counted, PreviewView
from moorage.importer.words.reasons import IGNORED
from moorage.importer.words.verdicts import Verdict
from moorage.projects.choices import DOUBTFUL, SKIPPED

# Of a reason's sentence, what is to be done after an import: before one, the buttons beside it are that.
_AFTERWARDS: Final = re.compile(r"(?<=[.]) (?:Retry with|Press Retry|Send it again) .*")


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


_MEANINGS: Final[Mapping[Verdict, tuple[str, str, str]]] = {
    Verdict.NEW: ("New", "become part of the project", ""),
    Verdict.NEW_VERSION: ("New versions", "replace files of the project, whose old versions stay", ""),
    Verdict.IDENTICAL: ("Identical", "are in the project already: nothing changes", ""),
    Verdict.SKIPPED: ("Left out", "by a rule or by what you chose", SKIPPED),
    Verdict.DOUBTFUL: ("Doubtful", "may be incomplete, or are not what a list says", DOUBTFUL),
    Verdict.REJECTED: ("Cannot be imported", "stay out of the project", ""),
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


def rows_of(preview: PreviewView) -> list[Row]:
    """The rows of a preview: verdicts of some file, or that folders are told of, then what lists of digests say."""
    rows = [_row(preview, verdict) for verdict in _MEANINGS if preview.of(verdict).files or preview.causes_of(verdict)]
    by_code = {cause.code: cause.counted for cause in preview.causes}
    for code, (label, meaning, query) in _BY_LISTS.items():
        if code in by_code:
            is_unread = code == NOT_READ
            row = Row(code, label, meaning, by_code[code], query=query, is_unread=is_unread, has_page=not is_unread)
            rows.append(row)
    return rows


def _row(preview: PreviewView, verdict: Verdict) -> Row:
    label, meaning, also = _MEANINGS[verdict]
    is_unread = verdict is Verdict.NEW_VERSION and not preview.with_digests
    if is_unread:
        meaning = "replace files of the project, whose old versions stay, unless their bytes turn out to be identical"
    if preview.stopped_by and verdict in _IF_STOPPED:
        meaning = _IF_STOPPED[verdict]
    causes = tuple(_before_an_import(cause) for cause in preview.causes_of(verdict) if cause != preview.stopped_by)
    if verdict is Verdict.SKIPPED and not any(cause.code == IGNORED for cause in causes):
        also = ""
    query = f"verdict={verdict.value}"
    return Row(verdict.value, label, meaning, preview.of(verdict), causes, also, query, is_unread)


def _before_an_import(cause: Cause) -> Cause:
    if cause.verdict == Verdict.REJECTED:
        return cause
    return replace(cause, sentence=_AFTERWARDS.sub("", cause.sentence))
