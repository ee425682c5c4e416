"""The request that a signed-in member's view gets."""

from django.http import HttpRequest

from moorage.accounts.models import Member


class MemberRequest(HttpRequest):
    """A request behind `login_required`: its user is a member."""

    user: Member
