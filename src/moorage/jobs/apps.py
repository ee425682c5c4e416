from typing import Any

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "moorage.jobs"
    label = "jobs"

    def ready(self) -> None:
        """Run at once what a member's act makes due, also when the act was another process's."""
        from moorage.transfers.due import sweep_due  # noqa: PLC0415 - models are ready only now

        sweep_due.connect(_make_due, dispatch_uid="moorage.jobs.due")


def _make_due(sweep: str, **_: Any) -> None:
    from moorage.backends import backends  # noqa: PLC0415
    from moorage.jobs.schedule import make_due  # noqa: PLC0415 - models are ready only now

    make_due(str(sweep), at=backends().clock())
