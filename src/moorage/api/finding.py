"""Finding what a route names, for the member who asks: what she may not see is not there."""

from uuid import UUID

from moorage.accounts.models import Member
from moorage.projects.models import Project
from moorage.projects.rules import ProjectNotFoundError
from moorage.transfers.downloads.models import Download
from moorage.transfers.downloads.rules import DownloadNotFoundError
from moorage.transfers.models import Upload
from moorage.transfers.rules import UploadNotFoundError


def find_project(member: Member, project_id: UUID) -> Project:
    """A project of the member's.

    Raises:
        ProjectNotFoundError: it is not there, or not hers.
    """
    project = Project.objects.visible_to(member).filter(pk=project_id).first()
    if project is None:
        raise ProjectNotFoundError("There is no such project, or you are not a member of it. Ask its owner to add you.")
    return project


def find_upload(member: Member, upload_id: UUID) -> Upload:
    """An upload of one of the member's projects.

    Raises:
        UploadNotFoundError: it is not there, or not for her.
    """
    upload = Upload.objects.visible_to(member).select_related("project", "owner").filter(pk=upload_id).first()
    if upload is None:
        raise UploadNotFoundError
    return upload


def find_download(member: Member, download_id: UUID) -> Download:
    """A download of one of the member's projects.

    Raises:
        DownloadNotFoundError: it is not there, or not for her.
    """
    visible = Download.objects.visible_to(member).select_related("tree", "project", "owner")
    download = visible.filter(pk=download_id).first()
    if download is None:
        raise DownloadNotFoundError
    return download
