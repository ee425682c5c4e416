"""The app that wires this process when Django starts."""

from django.apps import AppConfig


class WiringConfig(AppConfig):
    name = "moorage.config"
    label = "config"

    def ready(self) -> None:
        """Say how this process's backends are made."""
        from moorage import backends  # noqa: PLC0415 - models are ready only now
        from moorage.config import wiring  # noqa: PLC0415

        backends.use(wiring.make_backends)
