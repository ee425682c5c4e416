"""A preview as a worker fills it, for tests of what is shown of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moorage.backends import backends
from moorage.importer.models import Preview, PreviewState
from moorage.transfers.models import Upload


def a_preview_is_made(
    upload: Upload,
    verdicts: Mapping[str, tuple[int, int]],
    problems: Sequence[Mapping[str, Any]] = (),
) -> Preview:
    """The preview that was asked for has been made of the project and the area as they are."""
    upload.refresh_from_db()
    upload.project.refresh_from_db()
    preview = Preview.objects.get(upload_id=upload.pk, state=PreviewState.WANTED)
    Preview.objects.filter(pk=preview.pk).update(
        state=PreviewState.READY,
        started_at=backends().clock(),
        ended_at=backends().clock(),
        planned_revision=upload.project.head,
        area_digest=upload.arrived_digest,
        verdicts={verdict: {"files": files, "bytes": size} for verdict, (files, size) in verdicts.items()},
        problems=list(problems),
        fence=preview.fence + 1,
    )
    preview.refresh_from_db()
    return preview
