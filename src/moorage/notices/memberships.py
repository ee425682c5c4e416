"""Telling people that they were added to a project, removed from one, or invited to sign up for one."""

from datetime import datetime
from typing import Any

from django.conf import settings

from moorage.backends import backends
from moorage.notices.models import Mail
from moorage.notices.telling import one_line, tell
from moorage.projects.models import InvitedMembership, Membership, Role

WITH_ARTICLE = {Role.OWNER: "an owner", Role.EDITOR: "an editor", Role.VIEWER: "a viewer"}
MAY = {
    Role.OWNER: "You can see and upload files, finish uploads, and add members.",
    Role.EDITOR: "You can see files and upload new ones.",
    Role.VIEWER: "You can see and download files.",
}


def tell_added(instance: Membership, created: bool, **_: Any) -> None:
    """Tell a member that somebody added her."""
    if not created or instance.added_by_id in {None, instance.member_id}:
        return
    role = Role(instance.role)
    who = instance.added_by
    tell(
        instance.member,
        kind="project.added",
        subject=f"You are now {WITH_ARTICLE[role]} of {instance.project.name}",
        text=f"{who} added you to the project {instance.project.name} as {WITH_ARTICLE[role]}. {MAY[role]}",
        path=f"/projects/{instance.project_id}/files/",
        at=instance.added_at,
    )


def tell_removed(instance: Membership, origin: Any = None, **_: Any) -> None:
    """Tell somebody that she no longer belongs to a project; nobody when a project or account goes as a whole."""
    if origin is not instance:
        return
    tell(
        instance.member,
        kind="project.removed",
        subject=f"You are no longer a member of {instance.project.name}",
        text=f"You no longer belong to the project {instance.project.name}. What you brought into it stays there. "
        "If this is a mistake, ask an owner of the project to add you again.",
        path="/projects/",
        at=backends().clock(),
    )


def mail_invitation(invited: InvitedMembership, token: str, at: datetime, **_: Any) -> None:
    """Mail the link by which somebody signs up and becomes a member."""
    project, who = invited.project, invited.added_by or "Somebody"
    text = (
        f"{who} invites you to the project {project.name} on Moorage, as {WITH_ARTICLE[Role(invited.role)]}.\n\n"
        f"Make your account here; you are a member then:\n{settings.PUBLIC_URL}/invitation/{token}/\n\n"
        "If you do not expect this mail, you need not do anything.\n"
    )
    Mail.objects.create(
        to=invited.invitation.email,
        subject=one_line(f"{who} invites you to {project.name}"),
        text=text,
        created_at=at,
        next_at=at,
    )
