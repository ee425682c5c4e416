"""The Globus account section of the Account page: name an identity, see what was found, confirm, unlink."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_POST

from moorage.accounts.identities import IdentityTakenError, confirm_identity, name_identity, unlink_identity
from moorage.accounts.models import GlobusIdentity
from moorage.backends import backends
from moorage.globus.service import GlobusUnavailableError
from moorage.web.account import GlobusNameForm, account_page
from moorage.web.forms import told_in
from moorage.web.requests import MemberRequest


class ConfirmForm(forms.Form):
    """Which of the identities that were found by a name is hers."""

    globus_username = forms.CharField(max_length=300)
    identity = forms.UUIDField()


@login_required
@require_POST
def name(request: MemberRequest) -> HttpResponse:
    """Ask Globus, and say plainly what was found. Nothing is linked yet."""
    form = GlobusNameForm(request.POST)
    if form.is_valid():
        try:
            with told_in(form):
                named = name_identity(
                    member=request.user, username=form.cleaned_data["globus_username"], at=backends().clock()
                )
                told = {
                    "section": "account",
                    "named": named,
                    "create_globus_account_url": settings.GLOBUS_CREATE_ACCOUNT_URL,
                }
                return render(request, "profile/found.html", told)
        except (IdentityTakenError, GlobusUnavailableError) as error:
            form.add_error("globus_username", str(error))
    return account_page(request, globus_form=form)


@login_required
@require_POST
def confirm(request: MemberRequest) -> HttpResponse:
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        messages.warning(request, "Choose which of the Globus accounts is yours.")
        return redirect("account")
    identity = confirm_identity(
        member=request.user,
        username=form.cleaned_data["globus_username"],
        identity_id=form.cleaned_data["identity"],
        at=backends().clock(),
    )
    messages.success(request, f"{identity.username} is now your Globus account here. You can use Globus Uploads.")
    return redirect("account")


@login_required
@require_POST
def unlink(request: MemberRequest, identity_id: int) -> HttpResponse:
    identity = get_object_or_404(GlobusIdentity, member=request.user, pk=identity_id)
    unlink_identity(member=request.user, identity=identity, at=backends().clock())
    messages.success(request, f"{identity.username} is no longer linked. Its access to your uploads ends now.")
    return redirect("account")


urlpatterns = [
    path("account/globus/", name, name="globus-name"),
    path("account/globus/confirm/", confirm, name="globus-confirm"),
    path("account/globus/<int:identity_id>/unlink/", unlink, name="globus-unlink"),
]
