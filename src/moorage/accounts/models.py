"""Members, their Globus identities, their API tokens, and invitations to sign up."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class MemberManager(BaseUserManager["Member"]):
    """Creates members; e-mail addresses are kept in lower case, as allauth keeps and compares them."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Member":
        member = self.model(email=email.lower(), **fields)
        member.set_password(password)
        member.save(using=self._db)
        return member

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Member":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "Member":
        return self.get(email__iexact=username)


class Member(AbstractBaseUser, PermissionsMixin):
    """A person with an account."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    description = models.TextField(max_length=2000, blank=True)
    affiliation = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[MemberManager] = MemberManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_member_per_email")]

    def __str__(self) -> str:
        return self.name or self.email


class GlobusIdentity(models.Model):
    """A Globus identity that a member has signed in with (verified) or only named (not verified).

    Only a verified one signs anybody in. An unverified one is the principal of this member's own
    rules, and ends when another member verifies it (design §6).
    """

    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="globus_identities")
    identity_id = models.UUIDField(db_index=True)
    username = models.CharField(max_length=300)
    name = models.CharField(max_length=300, blank=True)
    organization = models.CharField(max_length=300, blank=True)
    email = models.CharField(max_length=300, blank=True)
    status = models.CharField(max_length=20, default="used")
    linked_at = models.DateTimeField(default=timezone.now)
    verified_at = models.DateTimeField(null=True)

    class Meta:
        # Those she has signed in with first, on every database.
        ordering = [models.F("verified_at").desc(nulls_last=True), "linked_at"]
        constraints = [
            models.UniqueConstraint(fields=["member", "identity_id"], name="identity_once_per_member"),
            models.UniqueConstraint(
                fields=["identity_id"], condition=models.Q(verified_at__isnull=False), name="identity_verified_once"
            ),
        ]

    def __str__(self) -> str:
        return self.username


class AccountIdentity(models.Model):
    """One identity of the Globus account that a member has signed in with, whether she named it here or not.

    Globus lists an account's tasks under each of its identities. So all of them are hers alone.
    """

    id = models.BigAutoField(primary_key=True)
    signed_in = models.ForeignKey(GlobusIdentity, on_delete=models.CASCADE, related_name="account_identities")
    identity_id = models.UUIDField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["signed_in", "identity_id"], name="account_identity_once")]

    def __str__(self) -> str:
        return f"{self.identity_id} of {self.signed_in}"


class ApiToken(models.Model):
    """A bearer token of a member. Only its SHA-256 is kept; the token itself is shown once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=16)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class Invitation(models.Model):
    """An e-mail address that may sign up although sign-up is by invitation.

    Its mail carries a token, so that only who can read that mailbox signs up by it. Only the
    token's SHA-256 is kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField()
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(Member, null=True, on_delete=models.SET_NULL, related_name="+")
    invited_at = models.DateTimeField(default=timezone.now)
    accepted_by = models.ForeignKey(Member, null=True, on_delete=models.SET_NULL, related_name="+")
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_invitation_per_email")]

    def __str__(self) -> str:
        return self.email
