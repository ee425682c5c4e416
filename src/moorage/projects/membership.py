"""Who belongs to a project: added, given another role, removed, invited. A project always has an owner.

Memberships change one by one through save() and delete(), because access to staging areas and
notices follow them by signal.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.dispatch import Signal

from moorage.accounts import invitations
from moorage.accounts.models import Invitation, Member
from moorage.audit.records import record
from moorage.errors import ConflictError, InvalidInputError, NotFoundError
from moorage.projects import rules, texts
from moorage.projects.models import InvitedMembership, Membership, Project, Role

# Sent with `invited` (an InvitedMembership), `token` and `at`, in the transaction of the invitation.
invited_to_project = Signal()


class LastOwnerError(ConflictError):
    """The project would be left without an owner."""

    code = "project.last_owner"

    def __init__(self, project: Project) -> None:
        super().__init__(
            f"{project.name} needs an owner, and this is its last one. Make another member an owner first."
        )


class AlreadyMemberError(ConflictError):
    code = "project.already_member"

    def __init__(self, membership: Membership) -> None:
        super().__init__(
            f"{membership.member} is already {membership.role} of {membership.project.name}. "
            "Change the role in the list of members."
        )
        self.role = membership.role


class NoSuchAccountError(InvalidInputError):
    """Nobody with this address has an account."""

    code = "member.unknown"

    def __init__(self, email: str) -> None:
        super().__init__(
            f"Nobody with the address {email} has an account here. Ask them to sign up, then add them.", field="email"
        )


class MembershipNotFoundError(NotFoundError):
    code = "project.member_not_found"


def add_member(*, project: Project, actor: Member, email: str, role: Role, at: datetime) -> Membership:
    """Add somebody who has an account.

    Raises:
        ProjectRoleError: `actor` is no owner.
        NoSuchAccountError: nobody has this address.
        AlreadyMemberError: she belongs to the project already.
    """
    rules.check_may_own(actor, project)
    member = Member.objects.filter(email__iexact=texts.one_line(email), is_active=True).first()
    if member is None:
        raise NoSuchAccountError(email.strip())
    with transaction.atomic():
        _one_at_a_time(project)
        present = project.memberships.select_related("member", "project").filter(member=member).first()
        if present is not None:
            raise AlreadyMemberError(present)
        membership = Membership.objects.create(project=project, member=member, role=role, added_by=actor, added_at=at)
        _record("project.member_added", membership, actor, at, role=role)
    return membership


def invite_member(*, project: Project, actor: Member, email: str, role: Role, at: datetime) -> InvitedMembership:
    """Invite somebody who has no account; she becomes a member when she signs up. The mail follows by signal.

    Raises:
        ProjectRoleError: `actor` is no owner.
    """
    rules.check_may_own(actor, project)
    with transaction.atomic():
        invitation, token = invitations.invite(email=email.strip(), by=actor, at=at)
        invited, _ = InvitedMembership.objects.update_or_create(
            project=project, invitation=invitation, defaults={"role": role, "added_by": actor, "added_at": at}
        )
        invited_to_project.send(InvitedMembership, invited=invited, token=token, at=at)
    return invited


def take_back_invitation(*, invited: InvitedMembership, actor: Member, at: datetime) -> None:
    """Take a role back that waits for somebody. Her invitation to sign up ends with the last one."""
    rules.check_may_own(actor, invited.project)
    with transaction.atomic():
        invitation = invited.invitation
        record(
            "project.invitation_taken_back", invited, actor=actor, at=at, project_id=invited.project_id,
            email=invitation.email,
        )  # fmt: skip
        invited.delete()
        if not invitation.memberships.exists():
            invitation.delete()


def change_role(*, project: Project, actor: Member, member: Member, role: Role, at: datetime) -> Membership:
    """Give a member another role.

    Raises:
        ProjectRoleError: `actor` is no owner.
        MembershipNotFoundError: `member` does not belong to the project.
        LastOwnerError: nobody else owns it.
    """
    rules.check_may_own(actor, project)
    with transaction.atomic():
        _one_at_a_time(project)
        membership = membership_of(project, member)
        if membership.role != role:
            _check_owner_stays(membership, role)
            before, membership.role = membership.role, role
            membership.save(update_fields=["role"])
            _record("project.role_changed", membership, actor, at, role=role, before=before)
    return membership


def remove_member(*, project: Project, actor: Member, member: Member, at: datetime) -> None:
    """Take a member out of the project, or let her leave. What she brought stays.

    Raises:
        ProjectRoleError: `actor` is no owner, and it is not about herself.
        MembershipNotFoundError: `member` does not belong to the project.
        LastOwnerError: nobody else owns it.
    """
    if actor == member:
        rules.check_may_view(actor, project)
    else:
        rules.check_may_own(actor, project)
    with transaction.atomic():
        _one_at_a_time(project)
        membership = membership_of(project, member)
        _check_owner_stays(membership, None)
        _record("project.member_removed", membership, actor, at)
        membership.delete()


def membership_of(project: Project, member: Member) -> Membership:
    """The membership, or MembershipNotFoundError."""
    membership = project.memberships.select_related("member", "project").filter(member=member).first()
    if membership is None:
        raise MembershipNotFoundError(f"{project.name} has no such member. Look at its list of members.")
    return membership


def give_invited_roles(invitation: Invitation, at: datetime, **_: Any) -> None:
    """Turn the roles that waited for an invitation into memberships; called when it is accepted."""
    member = invitation.accepted_by
    if member is None:
        return
    for invited in invitation.memberships.select_related("project", "added_by"):
        if not invited.project.memberships.filter(member=member).exists():
            membership = Membership.objects.create(
                project=invited.project, member=member, role=invited.role, added_by=invited.added_by, added_at=at
            )
            _record("project.member_added", membership, invited.added_by, at, role=invited.role)
        invited.delete()


def _check_owner_stays(membership: Membership, role: Role | None) -> None:
    if membership.role != Role.OWNER or role is Role.OWNER:
        return
    others = membership.project.memberships.filter(role=Role.OWNER, member__is_active=True).exclude(pk=membership.pk)
    if not others.exists():
        raise LastOwnerError(membership.project)


def _one_at_a_time(project: Project) -> None:
    """Let memberships of a project change one after the other: two owners must not remove each other at once.

    An UPDATE that changes nothing makes the others wait for this transaction, on SQLite and PostgreSQL alike.
    """
    Project.objects.filter(pk=project.pk).update(name=F("name"))


def _record(act: str, membership: Membership, actor: Member | None, at: datetime, **data: object) -> None:
    record(
        act,
        membership,
        actor=actor,
        at=at,
        project_id=membership.project_id,
        member=str(membership.member_id),
        **data,
    )
