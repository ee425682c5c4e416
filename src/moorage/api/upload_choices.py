"""What was chosen for an upload's import, what its preview says, and which lists it is compared with, as documents."""

from collections.abc import Iterable
from typing import Any

from moorage.importer.models import ExpectedList
from moorage.importer.shown.preview import Cause, Counted, PreviewView
from moorage.importer.words.advice import advised
from moorage.projects.choices import ImportChoices


def choices_document(choices: ImportChoices) -> dict[str, Any]:
    """As they can be sent again; `on_conflict` is null where the project's default counts."""
    return {
        "on_conflict": choices.on_conflict or None,
        "target": choices.target,
        "paths": list(choices.paths),
        "include": list(choices.include),
    }


def preview_document(preview: PreviewView, *, is_open: bool) -> dict[str, Any]:
    """A preview as far as it is, with what can be done next: files can still be sent into an upload that `is_open`."""
    return {
        "state": preview.state.value,
        "digest": preview.with_digests,
        "choices": choices_document(preview.choices),
        "as_of": preview.as_of,
        "holds": preview.holds,
        "step": preview.step,
        "files_total": preview.files_total,
        "bytes_total": preview.bytes_total,
        "files_done": preview.files_done,
        "bytes_done": preview.bytes_done,
        "reason": preview.reason,
        "message": preview.reason_text,
        "verdicts": {verdict: _counts(counted) for verdict, counted in preview.verdicts.items()},
        "causes": [_cause(cause, is_open=is_open) for cause in preview.causes],
    }


def list_documents(lists: Iterable[ExpectedList]) -> list[dict[str, Any]]:
    """The lists of digests that count."""
    return [
        {
            "source": one.source or None,
            "name": one.name,
            "files": one.files,
            "unused": one.unused,
            "at": one.written_at,
        }
        for one in lists
    ]


def _cause(cause: Cause, *, is_open: bool) -> dict[str, Any]:
    return {
        "code": cause.code,
        "message": advised(cause.code, cause.sentence, is_open=is_open),
        "verdict": cause.verdict,
        **_counts(cause.counted),
        "folders": cause.folders,
    }


def _counts(counted: Counted) -> dict[str, int]:
    return {"files": counted.files, "bytes": counted.bytes}
