"""Bearer tokens: who asks. What she may do is decided by the domain, as for pages."""

from django.http import HttpRequest
from ninja.security import HttpBearer

from moorage.accounts.models import ApiToken, Member
from moorage.accounts.tokens import member_for_token


class ApiRequest(HttpRequest):
    """A request with a good token: `auth` is the member."""

    auth: Member
    token: ApiToken


class BearerToken(HttpBearer):
    """`Authorization: Bearer TOKEN`, a token from the Account page."""

    def authenticate(self, request: HttpRequest, token: str) -> Member | None:
        found = member_for_token(token)
        if found is None:
            return None
        member, request.token = found  # type: ignore[attr-defined]
        return member
