"""What the frame around every page shows: the sidebar, and how many notices are unread."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from moorage.accounts.models import Member
from moorage.notices.models import Notice
from moorage.projects.models import Project


@dataclass(frozen=True)
class Section:
    """A place in the sidebar. `key` is what a page calls itself in its context as `section`."""

    key: str
    label: str
    icon: str
    url_name: str

    def url(self, *args: Any) -> str:
        return reverse(self.url_name, args=args)


SECTIONS = (
    Section("dashboard", "Dashboard", "speedometer2", "dashboard"),
    Section("projects", "Projects", "collection", "projects"),
)
PROJECT_SECTIONS = (
    Section("files", "Files", "folder", "files"),
    Section("globus-uploads", "Globus Uploads", "cloud-upload", "globus-uploads"),
    Section("upload-status", "Upload Status", "list-check", "upload-status"),
    Section("globus-downloads", "Globus Downloads", "cloud-download", "globus-downloads"),
    Section("members", "Members", "people", "members"),
    Section("settings", "Settings", "gear", "project-settings"),
)
PERSONAL_SECTIONS = (
    Section("notices", "Notices", "bell", "notices"),
    Section("account", "Account", "person-circle", "account"),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context of every page of a signed-in member; nothing is asked of the database before it is shown."""
    member = getattr(request, "user", None)
    if not isinstance(member, Member):
        return {}
    return {"unread_count": lambda: Notice.objects.filter(member=member, read_at__isnull=True).count()}


def project_of(context: Any) -> Project | None:
    """The project that a page is inside of, if its context has one."""
    project = context.get("project")
    return project if isinstance(project, Project) and project.pk else None
