"""People in documents: who did something, without their address."""

from moorage.accounts.models import Member


def person(member: Member | None) -> dict[str, object] | None:
    """A member as others see her."""
    return {"id": member.pk, "name": member.name or member.email.partition("@")[0]} if member else None
