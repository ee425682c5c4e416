"""The app, and what it listens to."""

from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save


class AccountsConfig(AppConfig):
    name = "moorage.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Follow sign-ups, sign-ins with Globus, and changes of password and address."""
        from allauth.account import signals  # noqa: PLC0415 - models are ready only now
        from allauth.socialaccount.models import SocialAccount  # noqa: PLC0415

        from moorage.accounts import following  # noqa: PLC0415

        signals.user_signed_up.connect(following.use_invitation, dispatch_uid="moorage.use_invitation")
        for changed in (signals.password_set, signals.password_changed, signals.password_reset):
            changed.connect(following.record_password, dispatch_uid="moorage.record_password")
        signals.email_changed.connect(following.record_email, dispatch_uid="moorage.record_email")
        post_save.connect(following.verify_signed_in, sender=SocialAccount, dispatch_uid="moorage.verify_signed_in")
        post_delete.connect(following.end_signed_in, sender=SocialAccount, dispatch_uid="moorage.end_signed_in")
