"""The Account page: profile, password, API tokens, Globus account. Its Globus steps are in `identities`."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from moorage.accounts.adapters import INVITATION_KEY
from moorage.accounts.invitations import open_invitation
from moorage.accounts.models import ApiToken, Member
from moorage.accounts.tokens import create_token, revoke_token
from moorage.audit.records import record
from moorage.backends import backends
from moorage.errors import NotFoundError
from moorage.web.forms import told_in
from moorage.web.requests import MemberRequest

LIFETIMES = [("30", "30 days"), ("90", "90 days"), ("365", "one year"), ("0", "until I revoke it")]


class InvitationNotFoundError(NotFoundError):
    code = "invitation.not_found"


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a member tells of herself."""

    class Meta:
        model = Member
        fields = ("name", "affiliation", "description")
        labels = {"description": "About you"}
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "affiliation": forms.TextInput(attrs={"autocomplete": "organization"}),
            "description": forms.Textarea(attrs={"rows": 3}),
        }


class TokenForm(forms.Form):
    """A new token. Its fields' ids are its own: the profile's form on the same page has a name as well."""

    auto_id = "token_%s"

    name = forms.CharField(max_length=100, label="Name: where it is used")
    lifetime = forms.ChoiceField(choices=LIFETIMES, initial="90", label="Valid for")


class GlobusNameForm(forms.Form):
    """The seed's way to name one's Globus account."""

    globus_username = forms.CharField(
        max_length=300,
        label="E-mail address of your Globus account",
        widget=forms.TextInput(attrs={"inputmode": "email", "autocomplete": "email", "spellcheck": "false"}),
    )


@login_required
@require_safe
def account(request: MemberRequest) -> HttpResponse:
    return account_page(request)


@login_required
@require_POST
def save_profile(request: MemberRequest) -> HttpResponse:
    # A copy: a form that is refused must not change the name in the frame around it.
    form = ProfileForm(request.POST, instance=Member.objects.get(pk=request.user.pk))
    if not form.is_valid():
        return account_page(request, profile_form=form)
    with transaction.atomic():
        form.save()
        record("member.described", request.user, actor=request.user, at=backends().clock(), fields=form.changed_data)
    messages.success(request, "Your profile is saved.")
    return redirect("account")


@login_required
@require_POST
@never_cache
def add_token(request: MemberRequest) -> HttpResponse:
    """Make a token and show it, this once: nothing of it is kept that could show it again."""
    form = TokenForm(request.POST, auto_id=TokenForm.auto_id)
    if form.is_valid():
        at, days = backends().clock(), int(form.cleaned_data["lifetime"])
        with told_in(form):
            token, plain = create_token(
                request.user,
                form.cleaned_data["name"],
                at=at,
                expires_at=at + timedelta(days=days) if days else None,
            )
            told = {"section": "account", "token": token, "plain": plain, "public_url": settings.PUBLIC_URL}
            return render(request, "profile/token.html", told)
    return account_page(request, token_form=form)


@login_required
@require_POST
def end_token(request: MemberRequest, token_id: UUID) -> HttpResponse:
    token = get_object_or_404(ApiToken, member=request.user, pk=token_id)
    revoke_token(member=request.user, token=token, at=backends().clock())
    messages.success(request, f"The token {token.name} is revoked: nothing gets in with it any more.")
    return redirect("account")


def follow_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Remember the invitation of a mail's link for the sign-up that follows."""
    invitation = open_invitation(token)
    if invitation is None:
        raise InvitationNotFoundError(
            "This invitation was used, taken back, or replaced by a newer one. Ask who invited you for another."
        )
    request.session[INVITATION_KEY] = token
    # Whoever has the token can read that mailbox (allauth's own place to keep this).
    request.session["account_verified_email"] = invitation.email
    return redirect("account_signup")


def account_page(
    request: MemberRequest,
    *,
    profile_form: ProfileForm | None = None,
    token_form: TokenForm | None = None,
    globus_form: GlobusNameForm | None = None,
) -> HttpResponse:
    """The whole page, with the forms as the member left them."""
    member = request.user
    told: dict[str, Any] = {
        "section": "account",
        "profile_form": profile_form or ProfileForm(instance=member),
        "token_form": token_form or TokenForm(auto_id=TokenForm.auto_id),
        "globus_form": globus_form or GlobusNameForm(),
        "tokens": member.api_tokens.filter(revoked_at__isnull=True),
        "identities": member.globus_identities.all(),
        "has_unverified": member.globus_identities.filter(verified_at__isnull=True).exists(),
        "now": backends().clock(),
        "create_globus_account_url": settings.GLOBUS_CREATE_ACCOUNT_URL,
    }
    wrong = any(form is not None and form.errors for form in (profile_form, token_form, globus_form))
    return render(request, "profile/account.html", told, status=422 if wrong else 200)


urlpatterns = [
    path("account/", account, name="account"),
    path("account/profile/", save_profile, name="account-profile"),
    path("account/tokens/", add_token, name="token-add"),
    path("account/tokens/<uuid:token_id>/revoke/", end_token, name="token-revoke"),
    path("invitation/<str:token>/", follow_invitation, name="invitation"),
]
