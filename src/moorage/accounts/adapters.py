"""Our answers to allauth's questions: who may sign up, what a new member is called, which words it uses."""

from collections.abc import Mapping
from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse

from moorage.accounts import invitations, signing_up
from moorage.accounts.auth_session import AuthSession
from moorage.accounts.models import Invitation, Member

# Where the session keeps the token of the invitation whose link was followed.
INVITATION_KEY = "invitation"
UNSPOKEN = "account/messages/logged_in.txt"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped for us
    """Sign-up by form, as the setting allows it."""

    error_messages: ClassVar[dict[str, str]] = DefaultAccountAdapter.error_messages | {
        "email_taken": "A member has this e-mail address already. Sign in with it, or have the password reset.",
        "unknown_email": "No member has this e-mail address. Check it, or sign up.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return signing_up.allows_form() or followed_invitation(request) is not None

    def clean_email(self, email: str) -> str:
        """Raise ValidationError for an address that may not sign up; changing one's address later is another matter."""
        match = getattr(self.request, "resolver_match", None)
        if match is None or match.url_name != "account_signup":
            return email
        invitation = followed_invitation(self.request)
        if invitation and invitation.email.lower() != email.lower():
            raise ValidationError(f"Your invitation is for {invitation.email}. Sign up with that address.")
        if not invitation and settings.SIGN_UP == "domains" and not signing_up.allows_domain(email):
            raise ValidationError(signing_up.closed_sentence())
        return email

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002
        return reverse("account")

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """Say nothing of what the page shows anyway."""
        if UNSPOKEN not in (*args, kwargs.get("message_template")):
            super().add_message(request, level, *args, **kwargs)


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Sign-up with Globus, as the setting allows it."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        if settings.SIGN_UP == "open" or followed_invitation(request):
            return True
        if any(invitations.invitation_for(address) for address in verified_addresses(sociallogin)):
            return True
        if settings.SIGN_UP == "domains":
            profile = userinfo(sociallogin.account.extra_data)
            # Not its e-mail: Globus does not say that it has seen it confirmed.
            names = [str(profile.get("preferred_username", "")), *verified_addresses(sociallogin)]
            return signing_up.allows_domain(*names)
        return False

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: Mapping[str, Any]) -> Member:
        member: Member = super().populate_user(request, sociallogin, data)
        member.name = str(data.get("name") or "")[:200]
        member.affiliation = str(userinfo(sociallogin.account.extra_data).get("organization") or "")[:200]
        return member

    def get_signup_form_initial_data(self, sociallogin: SocialLogin) -> dict[str, Any]:
        member: Member = sociallogin.user
        return {**super().get_signup_form_initial_data(sociallogin), "name": member.name}

    def get_requests_session(self) -> AuthSession:
        return AuthSession()

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: Any) -> str:  # noqa: ARG002
        return reverse("account")


def followed_invitation(request: HttpRequest) -> Invitation | None:
    """The unused invitation whose link was followed in this session."""
    token = request.session.get(INVITATION_KEY)
    return invitations.open_invitation(token) if token else None


def verified_addresses(sociallogin: SocialLogin) -> list[str]:
    """Addresses that the issuer says it has seen confirmed; often none."""
    return [address.email for address in sociallogin.email_addresses if address.verified]


def userinfo(extra_data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the issuer told about somebody: its userinfo, or else the claims of its id_token."""
    told = extra_data.get("userinfo") or extra_data.get("id_token") or extra_data
    return told if isinstance(told, Mapping) else {}
