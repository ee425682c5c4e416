"""Grants against the collection's rule list: what is desired is asked for, what is not is taken away (design §6).

Rules on paths that look like staging areas and that no grant wants are revoked, whoever made them.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db.models import Q

from moorage.backends import backends
from moorage.errors import NotFoundError
from moorage.globus.failures import GlobusRefusedError
from moorage.globus.service import (
    AccessRule,
    AccessRuleConflictError,
    AccessRuleId,
    AccessRuleLimitError,
)
from moorage.transfers.downloads.models import DownloadTree
from moorage.transfers.downloads.states import TreeState
from moorage.transfers.grants import (
    IN_FLIGHT,
    ask_for_rule,
    follow_reasons_in,
    may_be_given,
    seen_in_list,
    take_rule_away,
)
from moorage.transfers.models import AccessGrant, GrantState, Upload
from moorage.transfers.naming import looks_like_area
from moorage.transfers.states import UploadState

RULES_PER_COLLECTION: Final = 1000
ALARM_AT: Final = 0.8

# Nothing is desired and nothing stands: most grants of a long-lived site.
is_over = Q(desired=GrantState.REVOKED, actual__in=[GrantState.REVOKED, GrantState.NONE])

log = logging.getLogger(__name__)

Key = tuple[str, str]  # path, identity


def reconcile_grants(*, at: datetime) -> bool:
    """Bring the collection's rules and the grants together. Safe to repeat at any time.

    Returns whether rules were asked for: they are shown only when the next round has seen them in the list.

    Raises:
        GlobusUnavailableError, GlobusRefusedError: what was done stays; the next round goes on.
    """
    # What has lost its reason goes first, and without a look at the list: nothing may delay it.
    _take_away()
    follow_reasons_in(_takers(), DownloadTree.objects.filter(state=TreeState.READY))
    _take_away()
    # The list first, rows afterwards: a rule in the list has had its row since before it was asked for.
    rules = backends().globus.list_access()
    _raise_alarm(len(rules))
    grants = {_key_of(grant): grant for grant in AccessGrant.objects.exclude(is_over)}
    _revoke_unwanted(rules, grants, at=at)
    standing = {(str(rule.path), str(rule.identity)): rule for rule in rules}
    _note_gone(grants.values(), standing, at=at)
    return _ask_and_renew(standing, at=at)


def _take_away() -> None:
    refused: GlobusRefusedError | None = None
    for grant in AccessGrant.objects.filter(desired=GrantState.REVOKED).exclude(rule_id=""):
        try:
            take_rule_away(grant)
        except GlobusRefusedError as error:  # of this one: the others go all the same
            refused = error
    if refused is not None:
        raise refused


def _takers() -> Iterable[Upload]:
    """Open uploads: whatever changed without a signal is noticed here."""
    return Upload.objects.in_state(UploadState.REQUESTED, UploadState.OPEN).select_related("owner", "project")


def _revoke_unwanted(rules: Iterable[AccessRule], grants: dict[Key, AccessGrant], *, at: datetime) -> None:
    for rule in rules:
        if not looks_like_area(rule.path.strip("/")):
            continue
        grant = grants.get((rule.path, rule.identity))
        if grant is None or grant.desired != GrantState.GRANTED or rule.permissions != grant.permissions:
            log.info("revoking a rule that no grant wants", extra={"path": rule.path, "rule": rule.id})
            backends().globus.revoke_access(rule.id)
            AccessGrant.objects.filter(path=rule.path, identity_id=rule.identity).update(
                actual=GrantState.REVOKED, rule_id="", seen_at=None
            )
        elif grant.rule_id != rule.id or grant.seen_at is None:
            seen_in_list(grant.pk, rule_id=rule.id, at=at)


def _note_gone(grants: Iterable[AccessGrant], standing: dict[Key, AccessRule], *, at: datetime) -> None:
    """Rules that we thought to stand, or did not know of, and that the list does not have."""
    for grant in grants:
        if _key_of(grant) in standing or grant.actual not in {GrantState.GRANTED, GrantState.UNKNOWN}:
            continue
        if grant.tried_at is not None and at - grant.tried_at < IN_FLIGHT:
            continue  # made after the list was read, or on its way
        gone = AccessGrant.objects.filter(pk=grant.pk, actual=grant.actual, tried_at=grant.tried_at)
        gone.update(actual=GrantState.REVOKED, rule_id="", seen_at=None)


def _ask_and_renew(standing: dict[Key, AccessRule], *, at: datetime) -> bool:
    asked = False
    refused: GlobusRefusedError | None = None
    wanted = AccessGrant.objects.filter(may_be_given, desired=GrantState.GRANTED).select_related("upload")
    for grant in wanted:
        rule = standing.get(_key_of(grant))
        if grant.actual == GrantState.GRANTED and rule is not None:
            _renew(grant, rule, at=at)
        elif grant.actual != GrantState.GRANTED and (grant.upload is None or grant.upload.state == UploadState.OPEN):
            try:
                ask_for_rule(grant, at=at)
                asked = True
            except (AccessRuleLimitError, AccessRuleConflictError) as error:
                log.warning("no rule for %s: %s", grant, error)
            except GlobusRefusedError as error:
                refused = error
    if refused is not None:
        raise refused
    return asked


def _renew(grant: AccessGrant, rule: AccessRule, *, at: datetime) -> None:
    """Move a rule's own expiry on when half of its life has passed."""
    lifetime = backends().policies.rule_lifetime
    if rule.expires_at is None or rule.expires_at - at > lifetime / 2:
        return
    try:
        backends().globus.renew_access(AccessRuleId(rule.id), expires_at=at + lifetime)
    except NotFoundError:
        return  # it went away meanwhile; the next round asks for a new one
    AccessGrant.objects.filter(pk=grant.pk).update(expires_at=at + lifetime)


def _raise_alarm(count: int) -> None:
    if count >= RULES_PER_COLLECTION * ALARM_AT:
        log.warning(
            "the collection has %d of %d access rules; finish or delete open uploads", count, RULES_PER_COLLECTION
        )


def _key_of(grant: AccessGrant) -> Key:
    return grant.path, str(grant.identity_id)
