"""Who may do what with an upload, and when (design §3). `check_…` raises the reason, `may_…` answers."""

from collections.abc import Sequence

from moorage.accounts.models import Member
from moorage.backends import backends
from moorage.errors import ConflictError, NotFoundError, NotPermittedError
from moorage.projects.models import Project
from moorage.projects.rules import check_may_edit, may_edit, may_own
from moorage.storage.areas import StagingAreas
from moorage.transfers.models import Upload
from moorage.transfers.states import DISCARDED_ALREADY, TAKES_FILES, UploadState, UploadTransitionError
from moorage.transfers.task_links import active_tasks_of


class UploadNotFoundError(NotFoundError):
    """No such upload, or it is of a project that is not the member's."""

    code = "upload.not_found"

    def __init__(self) -> None:
        super().__init__("There is no such upload, or you are not an editor of its project. Look at Upload Status.")


class UploadRoleError(NotPermittedError):
    """Another editor's upload: to be seen, not to be decided on."""

    code = "upload.role"

    def __init__(self, upload: Upload) -> None:
        super().__init__(
            f"Only {upload.owner}, who opened this upload, and the owners of {upload.project.name} may do this. "
            "Ask one of them."
        )


class EmptyUploadError(ConflictError):
    """DONE was pressed and there is nothing to import."""

    code = "upload.empty"

    def __init__(self, tasks: Sequence[str]) -> None:
        running = f" ({len(tasks)} transfers are running)" if tasks else ""
        super().__init__(
            f"Nothing has arrived in this upload yet{running}. "
            "Wait for transfers, transfer files into it, or press DELETE."
        )
        self.tasks = list(tasks)


class UploadImportingError(ConflictError):
    """DELETE while the import runs."""

    code = "upload.importing"

    def __init__(self) -> None:
        super().__init__(
            "The files of this upload are being imported, so it cannot be deleted now. Wait until the import "
            "has ended: undo it then, or press DELETE if it could not be imported."
        )


class UploadImportedError(ConflictError):
    """DELETE after something of the upload became part of the project."""

    code = "upload.imported"

    def __init__(self) -> None:
        super().__init__(
            "The files of this upload are part of the project now, so there is nothing to delete. "
            "To take them out again, use “Undo this import” on the upload's page."
        )


def check_may_upload(actor: Member, project: Project) -> None:
    """Raise unless the actor is an editor or owner of the project."""
    check_may_edit(actor, project)


def may_finish(actor: Member, upload: Upload) -> bool:
    """Whether the actor may press DONE, DELETE, retry or undo: its uploader while an editor, and owners."""
    if upload.owner_id == actor.pk:
        return may_edit(actor, upload.project)
    return may_own(actor, upload.project)


def check_may_finish(actor: Member, upload: Upload) -> None:
    """Raise the reason why the actor may not decide on this upload.

    Raises:
        UploadNotFoundError: the upload does not exist for the actor.
        UploadRoleError: it is another editor's.
    """
    if may_finish(actor, upload):
        return
    if not may_edit(actor, upload.project) and upload.owner_id != actor.pk:
        raise UploadNotFoundError
    raise UploadRoleError(upload)


def check_may_discard_now(upload: Upload) -> None:
    """Raise the reason why DELETE is refused in the upload's state.

    Raises:
        UploadImportingError, UploadImportedError
    """
    state = upload.current_state
    if state is UploadState.IMPORTING:
        raise UploadImportingError
    if state is UploadState.IMPORTED or (upload.has_published and state not in DISCARDED_ALREADY):
        raise UploadImportedError


def check_is_open(upload: Upload) -> None:
    """Raise UploadTransitionError unless files may still be sent into the upload."""
    if upload.current_state not in TAKES_FILES:
        raise UploadTransitionError(upload.current_state, UploadState.OPEN)


def check_has_arrived(upload: Upload) -> None:
    """Raise EmptyUploadError when DONE would import nothing.

    Folders alone count, for empty folders are imported too; but not while a transfer is running, for
    it makes its folders first.
    """
    if upload.files_arrived:
        return
    arrived = StagingAreas(backends().store).look(upload.area_name)
    running = [str(link.task.task_id) for link in active_tasks_of(upload)]
    if arrived.files or ((arrived.folders or arrived.others) and not running):
        return
    raise EmptyUploadError(running)
