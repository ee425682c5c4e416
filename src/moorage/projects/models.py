"""Projects and memberships. What a project holds is in `files`."""

import uuid
from typing import Self

from django.db import models
from django.utils import timezone

from moorage.accounts.models import Invitation, Member
from moorage.projects.choices import ImportDefaults, OnConflict


class Role(models.TextChoices):
    OWNER = "owner", "owner"
    EDITOR = "editor", "editor"
    VIEWER = "viewer", "viewer"


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, member: Member) -> Self:
        """Projects that this member belongs to; all others do not exist for her."""
        return self.filter(memberships__member=member, memberships__member__is_active=True)


class Project(models.Model):
    """A project: its name, its newest published revision, and who may register the next one.

    `head` is the number of the newest published revision; publishing is one UPDATE of this row.
    `registering_revision` and `register_fence` are the right to register (design §4); it is taken,
    checked and given back in `files.registering` only.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    description = models.TextField(max_length=10_000, blank=True)
    created_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    head = models.BigIntegerField(default=0)
    registering_revision = models.UUIDField(null=True)
    register_fence = models.BigIntegerField(default=0)
    on_conflict = models.CharField(max_length=7, choices=OnConflict.choices, default=OnConflict.VERSION)
    ignore_rules = models.TextField(max_length=20_000, blank=True)  # see importer.rules

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def import_defaults(self) -> ImportDefaults:
        return ImportDefaults(self.on_conflict, self.ignore_rules)


class Membership(models.Model):
    """One member's role in one project."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    added_by = models.ForeignKey(Member, null=True, on_delete=models.SET_NULL, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["added_at", "id"]
        constraints = [models.UniqueConstraint(fields=["project", "member"], name="one_role_per_member")]

    def __str__(self) -> str:
        return f"{self.member} is {self.role} of {self.project}"


class InvitedMembership(models.Model):
    """A role that waits for somebody who is invited to sign up; it becomes a membership when she does."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invited")
    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    added_by = models.ForeignKey(Member, null=True, on_delete=models.SET_NULL, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["added_at", "id"]
        constraints = [models.UniqueConstraint(fields=["project", "invitation"], name="one_role_per_invitation")]

    def __str__(self) -> str:
        return f"{self.invitation} will be {self.role} of {self.project}"
