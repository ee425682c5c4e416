"""What follows when allauth has signed somebody up or changed how she signs in: an invitation is used, an
identity verified, a record written.

Connected to allauth's signals and rows by `apps`.
"""

import logging
from collections.abc import Mapping
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.http import HttpRequest

from moorage.accounts import invitations
from moorage.accounts.adapters import INVITATION_KEY, followed_invitation, userinfo, verified_addresses
from moorage.accounts.identities import IdentityTakenError, verify_identity
from moorage.accounts.models import GlobusIdentity, Member
from moorage.audit.records import record
from moorage.backends import backends
from moorage.globus.service import Identity, IdentityId

log = logging.getLogger(__name__)


def use_invitation(request: HttpRequest, user: Member, sociallogin: Any = None, **_: Any) -> None:
    """Accept the invitation that led here. An unconfirmed address alone proves nothing and accepts none."""
    at = backends().clock()
    record("member.signed_up", user, actor=user, at=at, email=user.email)
    invitation = followed_invitation(request)
    addresses = verified_addresses(sociallogin) if sociallogin else []
    for candidate in (invitation, *(invitations.invitation_for(address) for address in addresses)):
        if candidate is not None:
            invitations.accept(candidate, by=user, at=at)
    request.session.pop(INVITATION_KEY, None)


def verify_signed_in(instance: SocialAccount, **_: Any) -> None:
    """Keep the identity of a sign-in with Globus: at the first one, when it is linked, and whenever it is read anew."""
    profile = userinfo(instance.extra_data)
    try:
        verify_identity(
            member=instance.user,
            identity=identity_of(instance.uid, profile),
            linked=[IdentityId(str(one["sub"])) for one in profile.get("identity_set") or () if one.get("sub")],
            at=backends().clock(),
        )
    except IdentityTakenError:
        # allauth keeps one account per identity, so a row of another member without one is left over.
        log.warning("identity %s is verified by another member than %s", instance.uid, instance.user_id)
        raise


def end_signed_in(instance: SocialAccount, **_: Any) -> None:
    """A sign-in that is disconnected ends its identity as well."""
    for identity in GlobusIdentity.objects.filter(member_id=instance.user_id, identity_id=instance.uid):
        identity.delete()


def record_password(user: Member, **_: Any) -> None:
    """Keep that a password was set, changed or reset; never which."""
    record("member.password_changed", user, actor=user, at=backends().clock())


def record_email(user: Member, from_email_address: Any, to_email_address: Any, **_: Any) -> None:
    """Keep which address took the place of which."""
    before = from_email_address.email if from_email_address else ""
    record("member.email_changed", user, actor=user, at=backends().clock(), before=before, email=to_email_address.email)


def identity_of(uid: str, profile: Mapping[str, Any]) -> Identity:
    """The identity that userinfo tells of."""
    return Identity(
        id=IdentityId(uid),
        username=str(profile.get("preferred_username") or uid),
        name=str(profile.get("name") or ""),
        email=str(profile.get("email") or ""),
        organization=str(profile.get("organization") or ""),
        status="used",
    )
