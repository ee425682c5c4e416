"""Who may do what with a download. `check_…` raises the reason, `may_…` answers."""

from moorage.accounts.models import Member
from moorage.errors import NotFoundError, NotPermittedError
from moorage.projects.models import Role
from moorage.projects.rules import role_of
from moorage.transfers.downloads.models import Download


class DownloadNotFoundError(NotFoundError):
    """No such download, or it is of a project that is not the member's."""

    code = "download.not_found"

    def __init__(self) -> None:
        super().__init__("There is no such download, or you are not a member of its project. Look at Globus Downloads.")


class DownloadRoleError(NotPermittedError):
    """Another member's download: to be seen, not to be decided on."""

    code = "download.role"

    def __init__(self, download: Download) -> None:
        super().__init__(
            f"Only {download.owner}, who asked for this download, and the owners of {download.project.name} may do "
            "this. Ask for a download of your own: it serves the same files."
        )


def may_decide(actor: Member, download: Download) -> bool:
    """Whether the actor may extend, delete or ask again: who asked for it while she is a member, and owners."""
    return decides(actor, download, role=role_of(actor, download.project))


def decides(actor: Member, download: Download, *, role: Role | None) -> bool:
    """The same for an actor of whom the role in the project is known."""
    return role is not None if download.owner_id == actor.pk else role is Role.OWNER


def check_may_decide(actor: Member, download: Download) -> None:
    """Raise the reason why the actor may not decide on this download.

    Raises:
        DownloadNotFoundError: the download does not exist for the actor.
        DownloadRoleError: it is another member's.
    """
    if may_decide(actor, download):
        return
    if role_of(actor, download.project) is None:
        raise DownloadNotFoundError
    raise DownloadRoleError(download)
