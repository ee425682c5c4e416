"""Who belongs to a project, and that it always has an owner."""

from __future__ import annotations

import threading
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import connection

from builders import NOON, a_member, a_membership, a_project
from moorage.accounts.invitations import accept
from moorage.accounts.models import Invitation, Member
from moorage.audit.models import AuditRecord
from moorage.errors import InvalidInputError, MoorageError
from moorage.notices.models import Mail, Notice
from moorage.projects.membership import (
    AlreadyMemberError,
    LastOwnerError,
    MembershipNotFoundError,
    NoSuchAccountError,
    add_member,
    change_role,
    invite_member,
    remove_member,
    take_back_invitation,
)
from moorage.projects.models import InvitedMembership, Membership, Project, Role
from moorage.projects.projects import create_project, describe_project
from moorage.projects.rules import ProjectNotFoundError, ProjectRoleError, role_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("globus")]


def test_who_creates_a_project_owns_it() -> None:
    ada = a_member()

    project = create_project(name="  Nickel \n grains ", description=" EBSD maps ", by=ada, at=NOON)

    assert (project.name, project.description) == ("Nickel grains", "EBSD maps")
    assert role_of(ada, project) is Role.OWNER
    assert AuditRecord.objects.get(act="project.created").project_id == project.pk


@pytest.mark.parametrize("name", ["", "   ", "x" * 201])
def test_a_project_needs_a_name_of_some_length(name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        create_project(name=name, description="", by=a_member(), at=NOON)

    assert refused.value.field == "name"
    assert not Project.objects.exists()


def test_only_owners_describe_a_project() -> None:
    project, editor = a_project(), a_member()
    a_membership(project, editor, Role.EDITOR)

    describe_project(project=project, actor=project.created_by, name="Iron", description="", at=NOON)
    with pytest.raises(ProjectRoleError):
        describe_project(project=project, actor=editor, name="Copper", description="", at=NOON)

    project.refresh_from_db()
    assert project.name == "Iron"


def test_an_owner_adds_somebody_who_is_told_so() -> None:
    project, bo = a_project(), a_member()

    add_member(project=project, actor=project.created_by, email=bo.email.upper(), role=Role.EDITOR, at=NOON)

    assert role_of(bo, project) is Role.EDITOR
    told = Notice.objects.get(member=bo)
    assert "an editor of Beamline 7" in told.subject
    assert told.mail is not None
    assert told.mail.next_at == NOON
    assert AuditRecord.objects.get(act="project.member_added").data == {"member": str(bo.pk), "role": "editor"}


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_only_owners_change_who_belongs(role: Role) -> None:
    project, actor, bo = a_project(), a_member(), a_member()
    a_membership(project, actor, role)
    a_membership(project, bo, Role.VIEWER)
    acts: list[Callable[[], object]] = [
        lambda: add_member(project=project, actor=actor, email=a_member().email, role=Role.OWNER, at=NOON),
        lambda: invite_member(project=project, actor=actor, email="x@uni.example", role=Role.OWNER, at=NOON),
        lambda: change_role(project=project, actor=actor, member=actor, role=Role.OWNER, at=NOON),
        lambda: remove_member(project=project, actor=actor, member=bo, at=NOON),
    ]

    for act in acts:
        with pytest.raises(ProjectRoleError):
            act()

    assert project.memberships.count() == 3


def test_for_a_stranger_the_project_is_not_there() -> None:
    project, stranger = a_project(), a_member()

    with pytest.raises(ProjectNotFoundError):
        add_member(project=project, actor=stranger, email=stranger.email, role=Role.OWNER, at=NOON)
    with pytest.raises(ProjectNotFoundError):
        remove_member(project=project, actor=stranger, member=stranger, at=NOON)


def test_an_unknown_address_is_refused_with_what_to_do() -> None:
    project = a_project()

    with pytest.raises(NoSuchAccountError, match="Ask them to sign up"):
        add_member(project=project, actor=project.created_by, email="x@uni.example", role=Role.EDITOR, at=NOON)


def test_nobody_is_added_twice() -> None:
    project, bo = a_project(), a_member()
    a_membership(project, bo, Role.VIEWER)

    with pytest.raises(AlreadyMemberError):
        add_member(project=project, actor=project.created_by, email=bo.email, role=Role.OWNER, at=NOON)

    assert role_of(bo, project) is Role.VIEWER


def test_the_last_owner_stays_and_stays_owner() -> None:
    project = a_project()
    owner = project.created_by

    with pytest.raises(LastOwnerError):
        remove_member(project=project, actor=owner, member=owner, at=NOON)
    with pytest.raises(LastOwnerError):
        change_role(project=project, actor=owner, member=owner, role=Role.EDITOR, at=NOON)

    assert role_of(owner, project) is Role.OWNER


def test_an_owner_whose_account_has_ended_does_not_count() -> None:
    project, ended = a_project(), a_member()
    a_membership(project, ended, Role.OWNER)
    Member.objects.filter(pk=ended.pk).update(is_active=False)

    with pytest.raises(LastOwnerError):
        remove_member(project=project, actor=project.created_by, member=project.created_by, at=NOON)


def test_with_a_second_owner_the_first_may_leave() -> None:
    project, bo = a_project(), a_member()
    a_membership(project, bo, Role.EDITOR)

    change_role(project=project, actor=project.created_by, member=bo, role=Role.OWNER, at=NOON)
    remove_member(project=project, actor=project.created_by, member=project.created_by, at=NOON)

    assert [membership.member for membership in project.memberships.all()] == [bo]


def test_any_member_may_leave_and_is_told() -> None:
    project, bo = a_project(), a_member()
    a_membership(project, bo, Role.VIEWER)

    remove_member(project=project, actor=bo, member=bo, at=NOON)

    assert role_of(bo, project) is None
    assert "no longer a member" in Notice.objects.get(member=bo, kind="project.removed").subject


def test_somebody_who_is_not_a_member_cannot_be_removed() -> None:
    project = a_project()

    with pytest.raises(MembershipNotFoundError):
        remove_member(project=project, actor=project.created_by, member=a_member(), at=NOON)


def test_an_invitation_is_mailed_and_becomes_a_membership() -> None:
    project = a_project()
    invite_member(project=project, actor=project.created_by, email="ada@uni.example", role=Role.EDITOR, at=NOON)
    mail = Mail.objects.get()
    ada = Member.objects.create_user("ada@uni.example")

    accept(Invitation.objects.get(), by=ada, at=NOON)
    accept(Invitation.objects.get(), by=a_member(), at=NOON)

    assert (mail.to, mail.member, mail.next_at) == ("ada@uni.example", None, NOON)
    assert "/invitation/" in mail.text
    assert role_of(ada, project) is Role.EDITOR
    assert project.memberships.count() == 2
    assert not InvitedMembership.objects.exists()


def test_inviting_again_ends_the_earlier_link_and_keeps_both_projects() -> None:
    first, second = a_project(), a_project()
    invite_member(project=first, actor=first.created_by, email="ada@uni.example", role=Role.EDITOR, at=NOON)
    before = Invitation.objects.get().digest

    invite_member(project=second, actor=second.created_by, email="Ada@uni.example", role=Role.VIEWER, at=NOON)

    assert Invitation.objects.get().digest != before
    assert InvitedMembership.objects.count() == 2


def test_an_invitation_that_is_taken_back_opens_nothing() -> None:
    project = a_project()
    invited = invite_member(
        project=project, actor=project.created_by, email="ada@uni.example", role=Role.EDITOR, at=NOON
    )

    take_back_invitation(invited=invited, actor=project.created_by, at=NOON)

    assert not Invitation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_remove_each_other_at_once_leave_one() -> None:
    ada, bo = a_member(), a_member()
    project = a_project(ada)
    a_membership(project, bo, Role.OWNER)
    start, refused = threading.Barrier(2), list[MoorageError]()

    def remove(actor: Member, member: Member) -> None:
        start.wait()
        try:
            remove_member(project=Project.objects.get(pk=project.pk), actor=actor, member=member, at=NOON)
        except MoorageError as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=remove, args=pair) for pair in ((ada, bo), (bo, ada))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert Membership.objects.filter(project=project, role=Role.OWNER).count() == 1
    assert len(refused) == 1


def test_a_member_who_is_unknown_altogether_is_not_found() -> None:
    project = a_project()

    with pytest.raises(MembershipNotFoundError):
        change_role(project=project, actor=project.created_by, member=Member(pk=uuid4()), role=Role.OWNER, at=NOON)
