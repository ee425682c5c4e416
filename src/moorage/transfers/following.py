"""Access follows its reason at once (design §6): a role, a membership, an account or an identity that changes
or ends moves the grants, and ends wishes and downloads, in the same transaction. Globus is told right afterwards.

`apps.TransfersConfig.ready` connects these; what bypasses signals is noticed by `reconciling`.
"""

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.utils import timezone

from moorage.accounts.models import GlobusIdentity, Member
from moorage.projects.models import Membership
from moorage.transfers.downloads.ending import end_downloads_without_membership
from moorage.transfers.grants import follow_reasons_of
from moorage.transfers.wishing import end_wishes_without_reason


def connect() -> None:
    """Listen to everything that can be the reason of an access."""
    for signal in (post_save, post_delete):
        signal.connect(_membership_changed, sender=Membership, dispatch_uid="moorage.transfers.membership")
        signal.connect(_identity_changed, sender=GlobusIdentity, dispatch_uid="moorage.transfers.identity")
    post_save.connect(_member_changed, sender=Member, dispatch_uid="moorage.transfers.member")


def _membership_changed(instance: Membership, **_: Any) -> None:
    _follow(instance.member)


def _identity_changed(instance: GlobusIdentity, **_: Any) -> None:
    follow_reasons_of(instance.member)


def _member_changed(
    instance: Member, *, created: bool = False, update_fields: frozenset[str] | None = None, **_: Any
) -> None:
    # Every sign-in writes last_login: that is no reason.
    if created or (update_fields is not None and "is_active" not in update_fields):
        return
    _follow(instance)


def _follow(member: Member) -> None:
    end_downloads_without_membership(member, at=timezone.now())
    follow_reasons_of(member)
    end_wishes_without_reason(maker=member, at=timezone.now())
