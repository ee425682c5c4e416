"""Forms that allauth asks us for. The Account page's own are in `web`."""

from typing import Any

from django import forms
from django.http import HttpRequest

from moorage.accounts.models import Member


class SignUpForm(forms.Form):
    """What sign-up asks beside e-mail and password."""

    field_order = ("name", "email", "password1")

    name = forms.CharField(max_length=200, label="Your name", widget=forms.TextInput(attrs={"autocomplete": "name"}))

    def signup(self, request: HttpRequest, user: Any) -> None:  # noqa: ARG002 - allauth's name and arguments
        """Keep the name on the new member."""
        member: Member = user
        member.name = self.cleaned_data["name"]
        member.save(update_fields=["name"])
