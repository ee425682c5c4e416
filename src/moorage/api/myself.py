"""`/me`: who the token speaks for."""

from ninja import Router

from moorage.api.authentication import ApiRequest
from moorage.api.schemas import FAILURES, MyselfOut

router = Router(tags=["me"])


@router.get("/me", response={200: MyselfOut, **FAILURES})
def me(request: ApiRequest) -> dict[str, object]:
    """The member, and the token's scopes and expiry."""
    member, token = request.auth, request.token
    return {
        "id": member.pk,
        "name": member.name,
        "email": member.email,
        "token_name": token.name,
        "token_scopes": token.scopes,
        "token_expires_at": token.expires_at,
    }
