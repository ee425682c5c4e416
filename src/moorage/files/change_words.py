"""A remove, a move or a restore in words: what was asked, what was done. Pure.

An undo of an import has its words in `transfers.undo_wording`.
"""

from moorage.files.change_requests import ChangeRequest, kept_request
from moorage.files.models import Revision


def is_change(revision: Revision) -> bool:
    """Whether the revision is one that these words are for."""
    return bool(revision.request.get("paths"))


def asked_words(revision: Revision) -> str:
    """As what follows "asked to": `move “a” to “b”`."""
    return _words(kept_request(revision.kind, revision.request), revision.kind)


def done_words(revision: Revision) -> str:
    """As a line of history: `Moved “a” to “b”`."""
    return _words(kept_request(revision.kind, revision.request), f"{revision.kind.capitalize()}d")


def going_on_words(revision: Revision) -> str:
    """As what is being done: `Moving “a” to “b”`."""
    doing = {"remove": "Removing", "move": "Moving", "restore": "Restoring"}[revision.kind]
    return _words(kept_request(revision.kind, revision.request), doing)


def _words(request: ChangeRequest, verb: str) -> str:
    what = _named(request)
    if request.target == "/":
        return f"{verb} {what} to the project's first folder"
    if request.target.endswith("/"):
        return f"{verb} {what} into “{request.target.rstrip('/')}”"
    if request.target:
        return f"{verb} {what} to “{request.target}”"
    if request.revision:
        those = "they were" if len(request.paths) > 1 else "it was"
        return f"{verb} {what} as {those} at revision {request.revision}"
    return f"{verb} {what}"


def _named(request: ChangeRequest) -> str:
    first, more = request.paths[0], len(request.paths) - 1
    name = f"“{first}”" if first else "everything"
    if not more:
        return name
    return f"{name} and {more:,} {'other' if more == 1 else 'others'}"
