"""Members' Globus identities: found by name, confirmed, verified by signing in, ended (design §6).

Only signing in verifies, and it takes every identity of that Globus account: none of them can be another
member's, for Globus lists an account's tasks under each of its identities. Rows change one by one through
save() and delete(), because access to staging areas follows them by signal.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from moorage.accounts.models import AccountIdentity, GlobusIdentity, Member
from moorage.audit.records import record
from moorage.backends import backends
from moorage.errors import ConflictError, InvalidInputError
from moorage.globus.service import Identity, IdentityId

UNUSABLE = frozenset({"closed", "private"})
# Google accounts have such usernames at Globus; the plain address is then another identity, or none.
GOOGLE_SUFFIX = "@accounts.google.com"


class IdentityTakenError(ConflictError):
    """Another member has signed in with this identity, or with another one of the same Globus account."""

    code = "identity.taken"

    def __init__(self, username: str) -> None:
        super().__init__(
            f"Another member has signed in with the Globus account of {username}, so it cannot be yours here. "
            "Sign in with your own Globus account, or ask the operator if you have two accounts."
        )
        self.username = username


class LastSignInError(ConflictError):
    """The member has no password, and signs in with this identity only."""

    code = "identity.last_sign_in"

    def __init__(self) -> None:
        super().__init__(
            "You have no password here, so without this Globus account you could not sign in any more. "
            "Set a password first."
        )


class IdentityUnknownError(InvalidInputError):
    """Globus knows no such identity, or one that cannot be used."""

    code = "identity.unknown"


@dataclass(frozen=True)
class FoundIdentity:
    """An identity that Globus knows by the name that was typed, and what is to be said of it."""

    identity: Identity
    is_taken: bool
    is_probably_wrong: bool
    is_linked: bool


@dataclass(frozen=True)
class NamedIdentities:
    """What was found by a name: none, one, or several of which the member chooses."""

    name: str
    found: tuple[FoundIdentity, ...]
    as_of: datetime


def name_identity(*, member: Member, username: str, at: datetime) -> NamedIdentities:
    """Ask Globus which identities have this name. Nothing is changed.

    Raises:
        InvalidInputError: no name was given.
        IdentityTakenError: all that was found belongs to other members.
        GlobusUnavailableError: Globus does not answer within the process's patience.
    """
    name = username.strip().lower()
    if not name:
        raise InvalidInputError("Type the e-mail address of your Globus account.", field="globus_username")
    identities = _find(name)
    taken = _taken_by_others(member, identities)
    linked = {str(pk) for pk in member.globus_identities.values_list("identity_id", flat=True)}
    found = tuple(
        FoundIdentity(
            identity=one,
            is_taken=one.id in taken,
            is_probably_wrong=one.status == "unused",
            is_linked=one.id in linked,
        )
        for one in identities
    )
    if found and all(one.is_taken for one in found):
        raise IdentityTakenError(found[0].identity.username)
    return NamedIdentities(name, found, at)


def confirm_identity(*, member: Member, username: str, identity_id: UUID, at: datetime) -> GlobusIdentity:
    """Store one of the identities that were found by a name, unverified. Doing it again is harmless.

    Raises:
        IdentityTakenError: another member has signed in with it, or with its Globus account.
        IdentityUnknownError: Globus does not know it by this name, or it is closed.
        GlobusUnavailableError: Globus does not answer.
    """
    # A form can name any identity: only one that this name finds is taken.
    known = [one for one in _find(username.strip().lower()) if one.id == str(identity_id)]
    if not known:
        raise IdentityUnknownError("Globus does not know this identity by that name. Type your Globus e-mail again.")
    identity = known[0]
    with transaction.atomic():
        if _taken_by_others(member, known):
            raise IdentityTakenError(identity.username)
        row = member.globus_identities.filter(identity_id=identity_id).first()
        if row is None:
            row = GlobusIdentity(member=member, identity_id=identity_id, linked_at=at)
            _describe(row, identity)
            record("identity.named", row, actor=member, at=at, username=row.username, status=row.status)
    return row


def verify_identity(
    *, member: Member, identity: Identity, linked: Iterable[IdentityId] = (), at: datetime
) -> GlobusIdentity:
    """Keep that the member has signed in with this identity, which is therefore hers alone.

    `linked` are the other identities of her Globus account; empty: Globus told none, and what it told
    before stands. They are hers as well: those that she had only named are verified with it, everybody
    else's unverified rows of any of them end, and nobody else can name them from now on.

    Raises:
        IdentityTakenError: another member has verified it before.
    """
    with transaction.atomic():
        if _verified_by_others(member, [identity.id]).exists():
            raise IdentityTakenError(identity.username)
        hers = {UUID(identity.id), *(UUID(other) for other in linked)}
        for other in GlobusIdentity.objects.filter(identity_id__in=hers, verified_at__isnull=True).exclude(
            member=member
        ):
            record("identity.ended", other, actor=None, at=at, username=other.username, member=str(other.member_id))
            other.delete()
        row = member.globus_identities.filter(identity_id=identity.id).first()
        row = row or GlobusIdentity(member=member, identity_id=identity.id, linked_at=at)
        is_news = row.verified_at is None
        row.verified_at = at
        try:
            with transaction.atomic():
                _describe(row, identity)
        except IntegrityError as error:  # another process verified it for somebody else a moment ago
            raise IdentityTakenError(identity.username) from error
        if is_news:
            record("identity.verified", row, actor=member, at=at, username=row.username)
        verified = [row, *_verify_named(member, hers - {UUID(identity.id)}, at)]
        if len(hers) > 1:
            _keep_account(verified, hers)
    return row


def unlink_identity(*, member: Member, identity: GlobusIdentity, at: datetime) -> None:
    """End a link; access that it gave is taken away by those who watch these rows.

    Raises:
        LastSignInError: without it the member could not sign in any more.
    """
    with transaction.atomic():
        if not member.has_usable_password() and _is_last_sign_in(member, identity):
            raise LastSignInError
        record("identity.unlinked", identity, actor=member, at=at, username=identity.username)
        identity.delete()
        SocialAccount.objects.filter(user=member, uid=str(identity.identity_id)).delete()


def usable_identities(member: Member) -> QuerySet[GlobusIdentity]:
    """Her identities, without those that she has only named and that are of another member's Globus account.

    Such a row is ended when the other signs in, unless it was being confirmed at the same moment.
    """
    verified = GlobusIdentity.objects.filter(identity_id=OuterRef("identity_id"), verified_at__isnull=False)
    of_account = AccountIdentity.objects.filter(identity_id=OuterRef("identity_id")).exclude(signed_in__member=member)
    is_anothers = Exists(verified.exclude(member=member)) | Exists(of_account)
    return member.globus_identities.exclude(Q(is_anothers, verified_at__isnull=True))


def _is_last_sign_in(member: Member, identity: GlobusIdentity) -> bool:
    sign_ins = SocialAccount.objects.filter(user=member)
    uid = str(identity.identity_id)
    return sign_ins.filter(uid=uid).exists() and not sign_ins.exclude(uid=uid).exists()


def _find(name: str) -> list[Identity]:
    """The identities that can be used and have this name at Globus."""
    asked = [name] if name.endswith(GOOGLE_SUFFIX) else [name, name + GOOGLE_SUFFIX]
    return [one for one in backends().globus.find_identities(asked) if one.status not in UNUSABLE]


def _taken_by_others(member: Member, identities: Iterable[Identity]) -> set[str]:
    """Those of them that belong to a Globus account with which another member has signed in."""
    ids = [one.id for one in identities]
    taken = _verified_by_others(member, ids).values_list("identity_id", flat=True)
    of_account = AccountIdentity.objects.filter(identity_id__in=ids).exclude(signed_in__member=member)
    return {str(pk) for pk in [*taken, *of_account.values_list("identity_id", flat=True)]}


def _verified_by_others(member: Member, ids: Iterable[str | UUID]) -> QuerySet[GlobusIdentity]:
    return GlobusIdentity.objects.filter(identity_id__in=list(ids), verified_at__isnull=False).exclude(member=member)


def _verify_named(member: Member, others: set[UUID], at: datetime) -> list[GlobusIdentity]:
    """Verify what she had named before and what now proves to be of the same Globus account. All of hers in it."""
    foreign = set(_verified_by_others(member, others).values_list("identity_id", flat=True))
    rows = list(member.globus_identities.filter(identity_id__in=others - foreign))
    for row in rows:
        if row.verified_at is None:
            row.verified_at = at
            row.save()
            record("identity.verified", row, actor=member, at=at, username=row.username)
    return rows


def _keep_account(verified: Iterable[GlobusIdentity], hers: set[UUID]) -> None:
    """Keep which identities her Globus account has now, at each row of hers: unlinking one leaves the others taken."""
    for row in verified:
        row.account_identities.exclude(identity_id__in=hers).delete()
        AccountIdentity.objects.bulk_create(
            [AccountIdentity(signed_in=row, identity_id=one) for one in sorted(hers)], ignore_conflicts=True
        )


def _describe(row: GlobusIdentity, identity: Identity) -> None:
    row.username = identity.username[:300]
    row.name = identity.name[:300]
    row.email = identity.email[:300]
    row.organization = identity.organization[:300]
    row.status = identity.status[:20]
    row.save()
