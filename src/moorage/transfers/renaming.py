"""Renaming an open upload. Its area keeps its name: links and running transfers stay right."""

from datetime import datetime

from django.db import transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.transfers.models import Upload
from moorage.transfers.naming import clean_description, clean_name
from moorage.transfers.rules import check_is_open, check_may_finish
from moorage.transfers.states import TAKES_FILES, UploadState, UploadTransitionError


def rename_upload(
    *, upload: Upload, actor: Member, at: datetime, name: str | None = None, description: str | None = None
) -> None:
    """Give an open upload another name or description; what is None stays.

    Raises:
        UploadNotFoundError, UploadRoleError: the actor may not decide on this upload.
        UploadNameError, UploadDescriptionError
        UploadTransitionError: the upload is not open.
    """
    check_may_finish(actor, upload)
    changes: dict[str, str] = {}
    if name is not None:
        changes["name"] = clean_name(name)
    if description is not None:
        changes["description"] = clean_description(description)
    check_is_open(upload)
    if not changes:
        return
    with transaction.atomic():
        open_row = Upload.objects.filter(pk=upload.pk, state__in=[state.value for state in TAKES_FILES])
        if not open_row.update(**changes):
            upload.refresh_from_db()
            raise UploadTransitionError(upload.current_state, UploadState.OPEN)
        record("upload.renamed", upload, actor=actor, at=at, project_id=upload.project_id, **changes)
    upload.refresh_from_db()
