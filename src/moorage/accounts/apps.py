"""The app, and what it listens to."""

from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save


class AccountsConfig(AppConfig):
    name = "moorage.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Follow sign-ups and sign-ins with Globus."""
        from allauth.account.signals import user_signed_up  # noqa: PLC0415 - models are ready only now
        from allauth.socialaccount.models import SocialAccount  # noqa: PLC0415

        from moorage.accounts import following  # noqa: PLC0415

        user_signed_up.connect(following.use_invitation, dispatch_uid="moorage.use_invitation")
        post_save.connect(following.verify_signed_in, sender=SocialAccount, dispatch_uid="moorage.verify_signed_in")
        post_delete.connect(following.end_signed_in, sender=SocialAccount, dispatch_uid="moorage.end_signed_in")
