"""The demo's rows: two members, the first one linked to her local Globus identity, and a project of hers.

Safe to repeat: what is there stays as people have changed it.
"""

import hashlib
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from moorage.accounts.models import ApiToken, Member
from moorage.config.demo.logins import DemoLogins, Login
from moorage.projects.models import Membership, Project, Role

PROJECT_NAME = "Aluminium bronze"


@transaction.atomic
def make_demo_records(logins: DemoLogins) -> None:
    """Make the demo's members and project where they are missing."""
    member = _member(logins.member, name="Ada Demo", affiliation="Institute of Materials")
    _member(logins.second_member, name="Grace Demo", affiliation="Institute of Materials")
    _link(member, UUID(logins.identity_id), client_id=UUID(logins.client_id))
    project, made = Project.objects.get_or_create(
        id=UUID(logins.project_id),
        defaults={"name": PROJECT_NAME, "description": "A project to try things in.", "created_by": member},
    )
    if made:
        Membership.objects.create(project=project, member=member, role=Role.OWNER, added_by=member)


def _member(login: Login, *, name: str, affiliation: str) -> Member:
    member = Member.objects.filter(email__iexact=login.email).first()
    if member is None:
        member = Member.objects.create_user(login.email, login.password, name=name, affiliation=affiliation)
    EmailAddress.objects.get_or_create(user=member, email=login.email, defaults={"verified": True, "primary": True})
    ApiToken.objects.get_or_create(
        digest=hashlib.sha256(login.token.encode()).hexdigest(),
        defaults={"member": member, "name": "demo", "prefix": login.token[:12]},
    )
    return member


def _link(member: Member, identity_id: UUID, *, client_id: UUID) -> None:
    """Sign the member's local Globus identity in, as if she had done it: her verified identity follows from that.

    The demo's client is another identity of her account there, for scripts to transfer with.
    """
    account = [{"sub": str(identity_id)}, {"sub": str(client_id)}]
    told = {
        "sub": str(identity_id),
        "preferred_username": member.email,
        "email": member.email,
        "name": member.name,
        "identity_set": account,
    }
    SocialAccount.objects.get_or_create(
        provider="globus", uid=str(identity_id), defaults={"user": member, "extra_data": {"userinfo": told}}
    )
