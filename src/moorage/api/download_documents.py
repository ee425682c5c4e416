"""The document of a download, by the names of the contract."""

from collections.abc import Sequence
from typing import Any

from moorage.accounts.models import Member
from moorage.api.people import person
from moorage.backends import backends
from moorage.transfers.downloads.models import Download
from moorage.transfers.downloads.overview import DownloadOverview, download_overview, download_overviews


def download_document(download: Download, viewer: Member) -> dict[str, Any]:
    """One download as `viewer` sees it."""
    return _document(download_overview(download, viewer=viewer))


def download_documents(downloads: Sequence[Download], viewer: Member) -> list[dict[str, Any]]:
    """Several, in as many queries as one."""
    return [_document(shown) for shown in download_overviews(downloads, viewer=viewer)]


def _document(shown: DownloadOverview) -> dict[str, Any]:
    download, tree = shown.download, shown.download.tree
    return {
        "id": download.pk,
        "project": download.project_id,
        "name": download.name,
        "description": download.description,
        "state": download.state,
        "state_text": shown.state_text,
        "reason": download.reason,
        "files_total": tree.files_total,
        "bytes_total": tree.bytes_total,
        "files_done": tree.files_done,
        "revision": tree.revision,
        "paths": tree.paths,
        "filter": ", ".join(tree.filter.splitlines()),
        "verify_first": download.verify_first,
        "damaged_paths": download.damaged_paths,
        "digests_name": shown.digests_name,
        "by": person(download.owner),
        "globus": _globus(shown),
        "created_at": download.created_at,
        "ready_at": download.ready_at,
        "expires_at": download.expires_at,
    }


def _globus(shown: DownloadOverview) -> dict[str, Any]:
    """The tree's name is a secret of those who may read it."""
    way = shown.way
    return {
        "collection_id": shown.download.tree.collection_id,
        "path": way.path if way else None,
        "url": way.goto_url if way else None,
        "activity_url": backends().links.activity(),
        "sign_in_as": way.sign_in_as if way else None,
    }
