"""Access grants of an upload: which identities should have a rule on its area, and asking Globus for one rule.

A grant says what is desired and what we know to stand. The row is committed before Globus is asked;
`reconciling` compares all of them with the collection's rule list.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from moorage.accounts.identities import usable_identities
from moorage.accounts.models import GlobusIdentity, Member
from moorage.backends import backends
from moorage.globus.failures import GlobusRefusedError
from moorage.globus.service import (
    AccessRuleConflictError,
    AccessRuleId,
    AccessRuleLimitError,
    CollectionPath,
    IdentityId,
    Permissions,
)
from moorage.projects.rules import may_edit
from moorage.transfers.due import Sweep, make_due
from moorage.transfers.models import AccessGrant, GrantState, Upload
from moorage.transfers.naming import area_path
from moorage.transfers.states import TAKES_FILES

# A request for a rule may reach Globus this long after it was made: until then "not in the list" proves nothing.
IN_FLIGHT: Final = timedelta(seconds=60)
UNUSABLE_STATUSES: Final = ("closed",)

# The area still takes files: only then may anyone be given a rule.
takes_files: Final = Q(upload__state__in=[state.value for state in TAKES_FILES])


def identities_with_reason(upload: Upload) -> QuerySet[GlobusIdentity]:
    """The identities that may have a rule on the area now: the uploader's, while she may upload."""
    if upload.current_state not in TAKES_FILES or not may_edit(upload.owner, upload.project):
        return GlobusIdentity.objects.none()
    return usable_identities(upload.owner).exclude(status__in=UNUSABLE_STATUSES)


def follow_reasons(upload: Upload) -> bool:
    """Set what is desired to what has a reason now, and say whether anything changed. Rows only: no call to Globus."""
    wanted = {identity.identity_id: identity for identity in identities_with_reason(upload)}
    changed = 0
    ended = upload.grants.filter(desired=GrantState.GRANTED).exclude(identity_id__in=list(wanted))
    changed += ended.update(desired=GrantState.REVOKED)
    standing = set(upload.grants.filter(desired=GrantState.GRANTED).values_list("identity_id", flat=True))
    for identity_id in wanted.keys() - standing:
        _want(upload, wanted[identity_id])
        changed += 1
    return bool(changed)


def _want(upload: Upload, identity: GlobusIdentity) -> None:
    AccessGrant.objects.update_or_create(
        upload=upload,
        identity_id=identity.identity_id,
        defaults={"desired": GrantState.GRANTED, "username": identity.username, "member": upload.owner},
        create_defaults={
            "desired": GrantState.GRANTED,
            "username": identity.username,
            "member": upload.owner,
            "collection_id": upload.collection_id,
            "path": area_path(upload.area_name),
        },
    )


def follow_reasons_of(member: Member) -> None:
    """A role, account or identity of this member changed: her open uploads' grants follow, in this transaction."""
    uploads = Upload.objects.filter(owner=member, state__in=[state.value for state in TAKES_FILES])
    follow_reasons_in(uploads.select_related("owner", "project"))


def follow_reasons_in(uploads: Iterable[Upload]) -> None:
    """The same for several uploads; Globus is told at once afterwards."""
    changed = [follow_reasons(upload) for upload in uploads]
    if any(changed):
        make_due(Sweep.GRANTS, Sweep.REQUESTS)


def withdraw_all(upload: Upload) -> None:
    """Desire no rule any more. Rows only; call it in the transaction that closes the upload."""
    upload.grants.filter(desired=GrantState.GRANTED).update(desired=GrantState.REVOKED)


def ask_for_rule(grant: AccessGrant, *, at: datetime) -> None:
    """Ask Globus for the rule of a grant. Safe to repeat, and to run beside a withdrawal.

    Raises:
        AccessRuleLimitError: the collection has none left.
        AccessRuleConflictError, GlobusRefusedError: Globus does not give this rule.
        GlobusUnavailableError: no answer; the rule may stand or not, and the sweep finds out.
    """
    globus = backends().globus
    expires_at = at + backends().policies.rule_lifetime
    still_wanted = AccessGrant.objects.filter(takes_files, pk=grant.pk, desired=GrantState.GRANTED)
    if not still_wanted.exclude(actual=GrantState.GRANTED).update(
        actual=GrantState.UNKNOWN, tried_at=at, expires_at=expires_at
    ):
        return
    if not _has_reason(grant):
        # It ended without a sign, or beside the transaction that wanted this rule.
        AccessGrant.objects.filter(pk=grant.pk).update(desired=GrantState.REVOKED, actual=GrantState.NONE)
        return
    path, identity = CollectionPath(grant.path), IdentityId(str(grant.identity_id))
    try:
        rule = globus.grant_access(path, identity=identity, permissions=Permissions.READ_WRITE, expires_at=expires_at)
    except (AccessRuleLimitError, AccessRuleConflictError, GlobusRefusedError) as error:
        # Refused, so nothing is under way.
        AccessGrant.objects.filter(pk=grant.pk).update(actual=GrantState.NONE, trouble=error.code)
        raise
    given = AccessGrant.objects.filter(pk=grant.pk, desired=GrantState.GRANTED)
    if given.update(actual=GrantState.GRANTED, rule_id=rule, trouble=""):
        return
    # The reason ended while Globus was making the rule.
    AccessGrant.objects.filter(pk=grant.pk).update(rule_id=rule)
    take_rule_away(AccessGrant.objects.get(pk=grant.pk))


def _has_reason(grant: AccessGrant) -> bool:
    upload = Upload.objects.select_related("owner", "project").get(pk=grant.upload_id)
    return identities_with_reason(upload).filter(identity_id=grant.identity_id).exists()


def take_rule_away(grant: AccessGrant) -> None:
    """Take the rule of a grant that is no longer desired away. Safe to repeat."""
    if not grant.rule_id:
        return
    backends().globus.revoke_access(AccessRuleId(grant.rule_id))
    gone = AccessGrant.objects.filter(pk=grant.pk, rule_id=grant.rule_id)
    # Whatever is desired by now, this rule is gone: if it is wanted again, it is asked for again.
    gone.update(actual=GrantState.REVOKED, rule_id="", seen_at=None)


def seen_in_list(grant_id: UUID, *, rule_id: str, at: datetime) -> None:
    """The rule stands in the collection's rule list: from now on its link may be shown."""
    AccessGrant.objects.filter(pk=grant_id).update(actual=GrantState.GRANTED, rule_id=rule_id, seen_at=at, trouble="")
