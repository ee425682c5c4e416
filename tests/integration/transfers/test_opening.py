"""REQUESTED → OPEN: row, area, rule, and the rule seen in the list."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import a_globus_member, a_linked_identity, a_member, a_membership, a_project, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.audit.models import AuditRecord
from moorage.backends import backends, using
from moorage.globus.failures import GlobusRefusedError
from moorage.globus.service import AccessRule, AccessRuleLimitError, GlobusUnavailableError, IdentityId, Permissions
from moorage.jobs.sweeps.grants import reconcile
from moorage.jobs.sweeps.requests import open_requested
from moorage.projects.models import Role
from moorage.projects.rules import ProjectNotFoundError, ProjectRoleError
from moorage.storage.areas import StagingAreas
from moorage.transfers.discarding import start_discarding
from moorage.transfers.models import GrantState, Upload
from moorage.transfers.naming import UploadNameError, area_path, looks_like_area
from moorage.transfers.opening import open_upload, prepare_upload, prepare_within_patience
from moorage.transfers.overview import overview
from moorage.transfers.room import NoRoomError
from moorage.transfers.states import UploadState
from moorage.transfers.wording import state_text

from .conftest import Clock

pytestmark = pytest.mark.django_db


def test_an_opened_upload_has_an_area_and_a_rule_for_its_owner_alone(globus: InMemoryTransferService) -> None:
    upload = an_open_upload(globus)

    assert upload.state == UploadState.OPEN
    assert looks_like_area(upload.area_name)
    assert StagingAreas(backends().store).exists(upload.area_name)
    [rule] = globus.rules.values()
    assert rule.path == area_path(upload.area_name)
    assert rule.permissions is Permissions.READ_WRITE
    assert rule.identity == str(upload.owner.globus_identities.get().identity_id)
    assert rule.expires_at is not None


def test_goto_globus_is_shown_to_the_owner_and_to_nobody_else(globus: InMemoryTransferService) -> None:
    upload = an_open_upload(globus)
    other = a_globus_member(globus)
    a_membership(upload.project, other, Role.OWNER)

    hers, theirs = overview(upload, viewer=upload.owner).globus, overview(upload, viewer=other).globus

    assert hers.goto_url is not None
    assert hers.sign_in_as == upload.owner.email
    assert theirs.goto_url is None
    assert theirs.needs_identity is False


def test_without_a_linked_identity_an_upload_opens_too_and_says_what_is_missing(
    globus: InMemoryTransferService,
) -> None:
    member = a_member()

    upload = an_open_upload(globus, owner=member)

    assert upload.state == UploadState.OPEN
    assert not globus.rules
    assert overview(upload, viewer=member).globus.needs_identity


def test_an_identity_that_is_linked_later_gets_its_rule(globus: InMemoryTransferService, clock: Clock) -> None:
    from moorage.transfers.reconciling import reconcile_grants

    member = a_member()
    upload = an_open_upload(globus, owner=member)

    a_linked_identity(member, globus.add_identity(member.email))
    reconcile_grants(at=clock())

    assert [rule.path for rule in globus.rules.values()] == [area_path(upload.area_name)]
    reconcile_grants(at=clock())
    assert overview(upload, viewer=member).globus.goto_url is not None


@pytest.mark.parametrize("call", ["grant_access", "list_access"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_a_lost_reply_leaves_the_upload_requested_and_the_sweep_opens_it_with_one_rule(
    globus: InMemoryTransferService, clock: Clock, call: str, after: bool
) -> None:
    owner = a_globus_member(globus)
    upload = open_upload(project=a_project(owner), actor=owner, name="Scan", at=clock())
    globus.fail_next(call, after=after)

    with pytest.raises(GlobusUnavailableError):
        prepare_upload(upload, at=clock())
    upload.refresh_from_db()
    assert upload.state == UploadState.REQUESTED
    assert "by itself" in state_text(upload)
    open_requested(clock.advance(seconds=5))

    upload.refresh_from_db()
    assert upload.state == UploadState.OPEN
    assert upload.reason_text == ""
    assert len(globus.rules) == 1


def test_an_upload_does_not_open_before_globus_shows_every_rule(
    globus: InMemoryTransferService, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = a_globus_member(globus)
    a_linked_identity(owner, globus.add_identity("second@example.org"))
    upload = open_upload(project=a_project(owner), actor=owner, name="Scan", at=clock())
    whole = globus.list_access
    monkeypatch.setattr(globus, "list_access", lambda: whole()[:1])

    assert not prepare_upload(upload, at=clock())

    upload.refresh_from_db()
    assert (upload.state, upload.reason) == (UploadState.REQUESTED, "globus.rule_unseen")
    assert sorted(grant.seen_at is not None for grant in upload.grants.all()) == [False, True]
    monkeypatch.setattr(globus, "list_access", whole)
    assert prepare_upload(upload, at=clock())
    assert all(grant.seen_at is not None for grant in upload.grants.all())


def test_an_upload_that_was_deleted_while_it_was_opened_keeps_nothing_of_it(
    globus: InMemoryTransferService, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = a_globus_member(globus)
    upload = open_upload(project=a_project(owner), actor=owner, name="Scan", at=clock())
    whole = globus.list_access

    def deleted_meanwhile() -> list[AccessRule]:
        start_discarding(upload=Upload.objects.get(pk=upload.pk), actor=owner, at=clock())
        return whole()

    monkeypatch.setattr(globus, "list_access", deleted_meanwhile)

    assert not prepare_upload(upload, at=clock())

    upload.refresh_from_db()
    assert upload.state == UploadState.DISCARDING
    [grant] = upload.grants.all()
    assert (grant.desired, grant.seen_at) == (GrantState.REVOKED, None)


def test_without_a_rule_to_give_an_upload_waits_says_so_and_opens_by_itself(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    first = an_open_upload(globus)
    globus.rules_limit = 1
    owner = a_globus_member(globus)
    waiting = open_upload(project=a_project(owner), actor=owner, name="Second", at=clock())

    assert not prepare_upload(waiting, at=clock())
    assert waiting.reason == AccessRuleLimitError.code
    assert "opens by itself" in state_text(waiting)
    globus.rules.pop(first.grants.get().rule_id)  # type: ignore[call-overload]
    open_requested(clock.advance(seconds=20))

    waiting.refresh_from_db()
    assert waiting.state == UploadState.OPEN


def test_an_upload_that_globus_refuses_a_rule_says_whom_to_ask_and_opens_when_that_is_mended(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    owner = a_globus_member(globus)
    upload = open_upload(project=a_project(owner), actor=owner, name="Scan", at=clock())
    globus.fail_next("grant_access", error=GlobusRefusedError("Globus refused this (403). Ask the operator."))

    open_requested(clock())

    upload.refresh_from_db()
    assert "Globus refused this (403). Ask the operator." in state_text(upload)
    open_requested(clock.advance(seconds=5))
    upload.refresh_from_db()
    assert upload.state == UploadState.OPEN


def test_an_older_rule_of_another_kind_is_replaced(globus: InMemoryTransferService, clock: Clock) -> None:
    owner = a_globus_member(globus)
    upload = open_upload(project=a_project(owner), actor=owner, name="Scan", at=clock())
    identity = IdentityId(str(owner.globus_identities.get().identity_id))
    globus.grant_access(
        area_path(upload.area_name), identity=identity, permissions=Permissions.READ, expires_at=clock()
    )

    assert not prepare_upload(upload, at=clock())
    assert "by itself" in state_text(upload)
    reconcile(clock())
    open_requested(clock.advance(seconds=2))

    upload.refresh_from_db()
    assert upload.state == UploadState.OPEN
    assert [rule.permissions for rule in globus.rules.values()] == [Permissions.READ_WRITE]


@pytest.mark.django_db(transaction=True)
def test_a_page_waits_for_its_patience_only_and_shows_what_came_of_it(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    owner = a_globus_member(globus)
    upload = open_upload(project=a_project(owner), actor=owner, name="Scan", at=clock())

    prepare_within_patience(upload, at=clock())

    assert upload.state == UploadState.OPEN


def test_viewers_cannot_upload_and_for_strangers_there_is_no_such_project(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    project, viewer = a_project(), a_member()
    a_membership(project, viewer, Role.VIEWER)

    with pytest.raises(ProjectRoleError):
        open_upload(project=project, actor=viewer, name="Scan", at=clock())
    with pytest.raises(ProjectNotFoundError):
        open_upload(project=project, actor=a_member(), name="Scan", at=clock())
    assert not project.uploads.exists()


def test_below_the_floor_of_free_space_no_upload_opens(globus: InMemoryTransferService, clock: Clock) -> None:
    owner = a_member()
    full = replace(backends(), policies=replace(backends().policies, free_floor_bytes=2**62))

    with using(full), pytest.raises(NoRoomError) as refused:
        open_upload(project=a_project(owner), actor=owner, name="Scan", at=clock())

    assert refused.value.floor_bytes == 2**62
    assert "are kept free" in str(refused.value)


@pytest.mark.parametrize("name", ["", "   ", "\n", "x" * 201])
def test_a_name_that_tells_nothing_or_too_much_is_refused(
    globus: InMemoryTransferService, clock: Clock, name: str
) -> None:
    owner = a_member()

    with pytest.raises(UploadNameError) as refused:
        open_upload(project=a_project(owner), actor=owner, name=name, at=clock())

    assert refused.value.field == "name"


def test_opening_leaves_an_audit_record_with_its_actor(globus: InMemoryTransferService) -> None:
    upload = an_open_upload(globus)

    acts = AuditRecord.objects.filter(object_id=str(upload.pk)).order_by("id")
    assert [(record.act, record.actor) for record in acts] == [
        ("upload.requested", upload.owner),
        ("upload.opened", None),
    ]
