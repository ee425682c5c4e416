from django.apps import AppConfig


class TransfersConfig(AppConfig):
    name = "moorage.transfers"
    label = "transfers"

    def ready(self) -> None:
        """Let access follow its reasons."""
        from moorage.transfers import following  # noqa: PLC0415 - models are ready only now

        following.connect()
