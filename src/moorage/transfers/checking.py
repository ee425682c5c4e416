"""When an upload's files may be looked at before an import: previewed, and compared with a list of digests."""

from moorage.accounts.models import Member
from moorage.errors import ConflictError
from moorage.transfers.models import Upload
from moorage.transfers.retrying import may_be_retried
from moorage.transfers.rules import check_may_finish
from moorage.transfers.states import TAKES_FILES, UploadState


class NothingToCheckError(ConflictError):
    """The upload's files are on their way into the project, or gone."""

    code = "upload.nothing_to_check"

    def __init__(self, upload: Upload) -> None:
        super().__init__(
            "This is done before an import: while the upload is open, or when files of it were not imported and could "
            "be retried. Look at Upload Status for how it stands."
        )
        self.current = upload.state


def may_be_previewed(upload: Upload) -> bool:
    """Whether it could be said what an import would do, whoever asks."""
    return upload.current_state is UploadState.OPEN or may_be_retried(upload)


def check_may_preview(actor: Member, upload: Upload) -> None:
    """Raise the reason why the actor may not have a preview made.

    Raises:
        UploadNotFoundError, UploadRoleError: the actor may not decide on this upload.
        NothingToCheckError: no import of it could be asked for now.
    """
    check_may_finish(actor, upload)
    if not may_be_previewed(upload):
        raise NothingToCheckError(upload)


def may_be_given_a_list(upload: Upload) -> bool:
    """Whether a list of digests that comes now is still compared with, whoever sends it."""
    return upload.current_state in TAKES_FILES or may_be_retried(upload)


def check_may_give_a_list(actor: Member, upload: Upload) -> None:
    """Raise the reason why the actor may not say what the files' digests should be.

    Raises:
        UploadNotFoundError, UploadRoleError: the actor may not decide on this upload.
        NothingToCheckError: it would come too late.
    """
    check_may_finish(actor, upload)
    if not may_be_given_a_list(upload):
        raise NothingToCheckError(upload)


def check_still_takes_a_list(upload: Upload) -> None:
    """In a transaction: raise NothingToCheckError if a list comes too late by now; until its end it does not."""
    now = Upload.objects.select_for_update().get(pk=upload.pk)
    if not may_be_given_a_list(now):
        raise NothingToCheckError(now)
