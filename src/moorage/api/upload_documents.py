"""The document of an upload, by the names of the contract."""

from typing import Any

from moorage.accounts.models import Member
from moorage.api.people import person
from moorage.api.upload_choices import choices_document, list_documents, preview_document
from moorage.files.undo_chains import undo_chains
from moorage.importer.lists.kept import lists_of, whole_lists
from moorage.importer.shown.preview import PreviewView, preview_of
from moorage.importer.shown.receipts import imported_totals, newest_counted, receipts
from moorage.importer.words.verdicts import Verdict
from moorage.transfers.models import Upload
from moorage.transfers.overview import UploadOverview, overview
from moorage.transfers.states import TAKES_FILES, UploadState
from moorage.transfers.suspects import suspects_of


def upload_document(upload: Upload, viewer: Member) -> dict[str, Any]:
    """One upload as `viewer` sees it."""
    shown = overview(upload, viewer=viewer)
    published = _published(upload)
    preview = preview_of(upload.pk, head=upload.project.head, area_digest=upload.arrived_digest)
    verdicts = _verdicts(upload, preview)
    return {
        "id": upload.pk,
        "project": upload.project_id,
        "name": upload.name,
        "description": upload.description,
        "state": upload.state,
        "state_text": shown.state_text,
        "reason": upload.reason,
        "waiting_for_quiet": shown.waiting_for_quiet,
        "step": upload.step,
        **_progress(upload),
        "problems": upload.problems,
        "missing": upload.missing,
        "verdicts": verdicts,
        "suspects": _suspects(upload, viewer) if verdicts.get(Verdict.DOUBTFUL.value) else [],
        "choices": choices_document(upload.import_choices),
        "preview": preview_document(preview, is_open=upload.current_state in TAKES_FILES) if preview else None,
        "checksums": list_documents(whole_lists(upload.pk)),
        "checksums_total": lists_of(upload.pk).count(),
        "revision": published[0]["number"] if published else None,
        "revisions": published,
        "by": person(upload.owner),
        "globus": _globus(shown),
        "opened_at": upload.opened_at,
        "done_at": upload.done_at,
        "import_started_at": upload.import_started_at,
        "imported_at": upload.imported_at,
        "last_activity_at": upload.last_activity_at,
        "expires_at": shown.expires_at,
    }


def _progress(upload: Upload) -> dict[str, int]:
    """What has arrived while files may come, the import's own counts while it runs, all that came in afterwards."""
    if upload.current_state in TAKES_FILES:
        return {
            "files_total": upload.files_arrived,
            "bytes_total": upload.bytes_arrived,
            "files_done": 0,
            "bytes_done": 0,
        }
    if upload.current_state is UploadState.IMPORTED:
        files, size = imported_totals([upload.pk]).get(upload.pk, (0, 0))
        return {"files_total": files, "bytes_total": size, "files_done": files, "bytes_done": size}
    return {
        "files_total": upload.files_total,
        "bytes_total": upload.bytes_total,
        "files_done": upload.files_done,
        "bytes_done": upload.bytes_done,
    }


def _verdicts(upload: Upload, preview: PreviewView | None) -> dict[str, int]:
    """Files by verdict, as the newest run that counted them did, before the first the preview; nothing is counted."""
    newest = newest_counted(receipts(upload.pk))
    if newest is not None:
        return {verdict: counts["files"] for verdict, counts in newest.verdicts.items()}
    return {verdict: counted.files for verdict, counted in preview.verdicts.items()} if preview else {}


def _suspects(upload: Upload, viewer: Member) -> list[dict[str, Any]]:
    """The transfers because of which files are doubtful, the newest first."""
    return [
        {
            "task_id": one.task_id,
            "label": one.label or None,
            "state": one.how,
            "started_at": one.started_at,
            "ended_at": one.ended_at,
            "upload": one.upload.pk if one.upload else None if one.is_elsewhere else upload.pk,
        }
        for one in suspects_of(upload, viewer=viewer).shown
    ]


def _published(upload: Upload) -> list[dict[str, Any]]:
    """The revisions that this upload published, newest first."""
    return [
        {"number": chain.first.number, "undone": chain.is_undone, "left_alone": chain.tip.left_alone}
        for chain in undo_chains(upload.pk)
    ]


def _globus(shown: UploadOverview) -> dict[str, Any]:
    way = shown.globus
    return {
        "collection_id": way.collection_id,
        "path": way.path,
        "url": way.goto_url,
        "activity_url": way.activity_url,
        "sign_in_as": way.sign_in_as,
    }
