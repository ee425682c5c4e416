"""The app, and what it listens to."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "moorage.projects"
    label = "projects"

    def ready(self) -> None:
        """Give waiting roles when an invitation is accepted."""
        from moorage.accounts.invitations import invitation_accepted  # noqa: PLC0415 - models are ready only now
        from moorage.projects.membership import give_invited_roles  # noqa: PLC0415

        invitation_accepted.connect(give_invited_roles, dispatch_uid="moorage.give_invited_roles")
