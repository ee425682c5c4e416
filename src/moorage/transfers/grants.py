"""Access grants: which identities should have a rule on a staging area or a download tree, and asking for one rule.

A grant says what is desired and what we know to stand. The row is committed before Globus is asked;
`reconciling` compares all of them with the collection's rule list. Who has a reason is in `reasons`.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db.models import Q

from moorage.accounts.models import Member
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
from moorage.transfers.downloads.models import DownloadTree
from moorage.transfers.downloads.states import TreeState
from moorage.transfers.due import Sweep, make_due
from moorage.transfers.models import AccessGrant, GrantState, Upload
from moorage.transfers.naming import area_path
from moorage.transfers.reasons import Identities, identities_for_tree, identities_for_upload
from moorage.transfers.states import TAKES_FILES

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

# A request for a rule may reach Globus this long after it was made: until then "not in the list" proves nothing.
IN_FLIGHT: Final = timedelta(seconds=60)

# The area still takes files, or the tree serves: only then may anyone be given a rule.
may_be_given: Final = Q(upload__state__in=[state.value for state in TAKES_FILES]) | Q(tree__state=TreeState.READY.value)


def follow_reasons(upload: Upload) -> bool:
    """Set what is desired to what has a reason now, and say whether anything changed. Rows only: no call to Globus."""
    folder = {"collection_id": upload.collection_id, "path": area_path(upload.area_name)}
    return _follow(upload.grants, identities_for_upload(upload), **folder, permissions=Permissions.READ_WRITE.value)


def follow_reasons_of_tree(tree: DownloadTree) -> bool:
    """The same for the rules on a download tree."""
    folder = {"collection_id": tree.collection_id, "path": f"/{tree.name}/"}
    return _follow(tree.grants, identities_for_tree(tree), **folder, permissions=Permissions.READ.value)


def _follow(grants: "RelatedManager[AccessGrant]", wanted: Identities, **folder: Any) -> bool:
    ended = grants.filter(desired=GrantState.GRANTED).exclude(identity_id__in=list(wanted))
    # Asked first, because an update waits for its turn to write although it finds nothing.
    changed = ended.update(desired=GrantState.REVOKED) if ended.exists() else 0
    standing = set(grants.filter(desired=GrantState.GRANTED).values_list("identity_id", flat=True))
    for identity_id in wanted.keys() - standing:
        identity = wanted[identity_id]
        told = {"desired": GrantState.GRANTED, "username": identity.username, "member_id": identity.member_id}
        grants.update_or_create(identity_id=identity_id, defaults=told, create_defaults={**told, **folder})
        changed += 1
    return bool(changed)


def follow_reasons_of(member: Member) -> None:
    """A role, account or identity of this member changed: the grants on her open uploads and on the trees of her
    downloads follow, in this transaction.
    """
    uploads = Upload.objects.filter(owner=member, state__in=[state.value for state in TAKES_FILES])
    trees = DownloadTree.objects.filter(state=TreeState.READY, downloads__owner=member)
    follow_reasons_in(uploads.select_related("owner", "project"), trees.distinct())


def follow_reasons_in(uploads: Iterable[Upload], trees: Iterable[DownloadTree] = ()) -> None:
    """The same for several uploads and trees; Globus is told at once afterwards."""
    changed = [follow_reasons(upload) for upload in uploads] + [follow_reasons_of_tree(tree) for tree in trees]
    if any(changed):
        make_due(Sweep.GRANTS, Sweep.REQUESTS)


def withdraw_all(of: Upload | DownloadTree) -> None:
    """Desire no rule any more. Rows only; call it in the transaction that closes the upload or ends the tree."""
    of.grants.filter(desired=GrantState.GRANTED).update(desired=GrantState.REVOKED)


def ask_for_rule(grant: AccessGrant, *, at: datetime) -> None:
    """Ask Globus for the rule of a grant. Safe to repeat, and to run beside a withdrawal.

    Raises:
        AccessRuleLimitError: the collection has none left.
        AccessRuleConflictError, GlobusRefusedError: Globus does not give this rule.
        GlobusUnavailableError: no answer; the rule may stand or not, and the sweep finds out.
    """
    globus = backends().globus
    expires_at = at + backends().policies.rule_lifetime
    still_wanted = AccessGrant.objects.filter(may_be_given, pk=grant.pk, desired=GrantState.GRANTED)
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
        permissions = Permissions(grant.permissions)
        rule = globus.grant_access(path, identity=identity, permissions=permissions, expires_at=expires_at)
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
    if grant.tree_id is not None:
        return grant.identity_id in identities_for_tree(DownloadTree.objects.get(pk=grant.tree_id))
    upload = Upload.objects.select_related("owner", "project").get(grants=grant)
    return grant.identity_id in identities_for_upload(upload)


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
