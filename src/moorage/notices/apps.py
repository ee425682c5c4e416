"""The app, and what it listens to."""

from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save


class NoticesConfig(AppConfig):
    name = "moorage.notices"
    label = "notices"

    def ready(self) -> None:
        """Tell people of their memberships."""
        from moorage.notices import memberships  # noqa: PLC0415 - models are ready only now
        from moorage.projects.membership import invited_to_project  # noqa: PLC0415
        from moorage.projects.models import Membership  # noqa: PLC0415

        post_save.connect(memberships.tell_added, sender=Membership, dispatch_uid="moorage.tell_added")
        post_delete.connect(memberships.tell_removed, sender=Membership, dispatch_uid="moorage.tell_removed")
        invited_to_project.connect(memberships.mail_invitation, dispatch_uid="moorage.mail_invitation")
