"""No access outlives its reason: role, membership, account, identity. And the rule list is what the grants say."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction

from builders import (
    a_file_arrives,
    a_globus_member,
    a_linked_identity,
    a_member,
    a_membership,
    a_project,
    an_open_upload,
)
from fakes.globus import InMemoryTransferService
from moorage.accounts.models import GlobusIdentity
from moorage.backends import Policies
from moorage.globus.failures import GlobusRefusedError
from moorage.globus.service import CollectionPath, Permissions
from moorage.jobs.sweeps.grants import reconcile
from moorage.projects.membership import remove_member
from moorage.projects.models import Membership, Role
from moorage.transfers.grants import ask_for_rule, take_rule_away
from moorage.transfers.models import GrantState, Upload
from moorage.transfers.naming import area_path
from moorage.transfers.opening import open_upload, prepare_upload
from moorage.transfers.overview import overview
from moorage.transfers.reconciling import reconcile_grants
from moorage.transfers.states import UploadState
from moorage.transfers.wishing import wish_quiet

from .conftest import Clock

pytestmark = pytest.mark.django_db


def _an_editors_upload(globus: InMemoryTransferService) -> Upload:
    project, uploader = a_project(a_member()), a_globus_member(globus)
    a_membership(project, uploader, Role.EDITOR)
    return an_open_upload(globus, project=project, owner=uploader)


def _leaves(upload: Upload) -> None:
    Membership.objects.get(project=upload.project, member=upload.owner).delete()


def _becomes_viewer(upload: Upload) -> None:
    membership = Membership.objects.get(project=upload.project, member=upload.owner)
    membership.role = Role.VIEWER
    membership.save()


def _account_ends(upload: Upload) -> None:
    upload.owner.is_active = False
    upload.owner.save(update_fields=["is_active"])


def _identity_is_unlinked(upload: Upload) -> None:
    GlobusIdentity.objects.filter(member=upload.owner).delete()


ENDINGS = pytest.mark.parametrize("reason_ends", [_leaves, _becomes_viewer, _account_ends, _identity_is_unlinked])


@ENDINGS
def test_when_the_reason_ends_the_rule_goes_and_the_upload_stays(
    globus: InMemoryTransferService, clock: Clock, reason_ends: object
) -> None:
    upload = _an_editors_upload(globus)
    assert globus.rules

    reason_ends(upload)  # type: ignore[operator]
    assert upload.grants.get().desired == GrantState.REVOKED, "in the same transaction"
    reconcile(clock())

    assert not globus.rules
    upload.refresh_from_db()
    assert upload.state == UploadState.OPEN
    assert overview(upload, viewer=upload.owner).globus.goto_url is None


@ENDINGS
def test_a_wish_whose_maker_may_no_longer_press_done_ends_and_says_so(
    globus: InMemoryTransferService, clock: Clock, reason_ends: object
) -> None:
    upload = _an_editors_upload(globus)
    a_file_arrives(upload, "a")
    wish_quiet(upload=upload, actor=upload.owner, at=clock())

    reason_ends(upload)  # type: ignore[operator]

    upload.refresh_from_db()
    if reason_ends is _identity_is_unlinked:
        assert upload.wish_at is not None, "she may still press DONE"
    else:
        assert upload.wish_at is None
        assert upload.reason == "wish.maker_left"


def test_what_changed_without_a_signal_is_noticed_by_the_sweep(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _an_editors_upload(globus)

    Membership.objects.filter(project=upload.project, member=upload.owner).update(role=Role.VIEWER)
    reconcile(clock())

    assert not globus.rules


def test_a_member_who_comes_back_gets_her_rule_back(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _an_editors_upload(globus)
    _leaves(upload)
    reconcile(clock())

    a_membership(upload.project, upload.owner, Role.EDITOR)
    reconcile(clock.advance(seconds=1))
    reconcile(clock.advance(seconds=1))

    assert len(globus.rules) == 1
    assert overview(upload, viewer=upload.owner).globus.goto_url is not None


def test_every_identity_of_the_uploader_has_a_rule(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)

    second = a_linked_identity(upload.owner, globus.add_identity("second@example.org"))
    reconcile(clock())
    assert len(globus.rules) == 2
    second.delete()
    reconcile(clock())

    assert len(globus.rules) == 1


def test_a_withdrawal_while_globus_makes_the_rule_leaves_no_rule(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _an_editors_upload(globus)
    grant = upload.grants.get()
    take_rule_away(grant)
    grant_access = globus.grant_access

    def slow_grant(*args: object, **more: object) -> object:
        _leaves(upload)
        return grant_access(*args, **more)  # type: ignore[arg-type]

    globus.grant_access = slow_grant  # type: ignore[assignment]
    ask_for_rule(grant, at=clock())

    assert not globus.rules
    assert upload.grants.get().actual == GrantState.REVOKED


def test_a_rule_on_an_area_that_no_grant_wants_is_revoked_and_others_are_left_alone(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    stranger = globus.add_identity("stranger@example.org")
    soon = clock() + timedelta(days=1)
    for path in (area_path(upload.area_name), area_path("old-thing-aaaabbbbccccdddd"), CollectionPath("/shared/")):
        globus.grant_access(path, identity=stranger.id, permissions=Permissions.READ_WRITE, expires_at=soon)

    reconcile(clock())

    assert sorted((rule.identity == stranger.id, rule.path) for rule in globus.rules.values()) == [
        (False, area_path(upload.area_name)),
        (True, "/shared/"),
    ]


def test_a_rule_that_somebody_took_away_in_globus_is_asked_for_again(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    globus.rules.clear()

    reconcile(clock.advance(minutes=2))

    assert [rule.path for rule in globus.rules.values()] == [area_path(upload.area_name)]


def test_a_rule_lives_as_long_as_its_upload(globus: InMemoryTransferService, clock: Clock, policies: Policies) -> None:
    upload = an_open_upload(globus)
    [before] = globus.rules.values()

    clock.now += policies.rule_lifetime * 3 / 4
    reconcile(clock())

    [after] = globus.rules.values()
    assert before.expires_at is not None
    assert after.expires_at == clock() + policies.rule_lifetime
    assert upload.grants.get().expires_at == after.expires_at


@pytest.mark.parametrize("call", ["revoke_access", "list_access", "grant_access", "renew_access"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_reconciling_comes_right_after_any_lost_reply(
    globus: InMemoryTransferService, clock: Clock, policies: Policies, call: str, after: bool
) -> None:
    leaving, staying = _an_editors_upload(globus), an_open_upload(globus)
    coming = an_open_upload(globus, owner=a_member())
    clock.now += policies.rule_lifetime * 3 / 4
    _leaves(leaving)
    a_linked_identity(coming.owner, globus.add_identity(coming.owner.email))
    globus.fail_next(call, after=after)

    assert reconcile(clock()) is not None, "it runs again soon"
    reconcile_grants(at=clock.advance(minutes=2))

    wanted = {area_path(staying.area_name), area_path(coming.area_name)}
    assert {rule.path for rule in globus.rules.values()} == wanted
    assert len(globus.rules) == 2


def test_of_two_identities_the_one_she_has_signed_in_with_is_named(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    owner = a_globus_member(globus)
    typed = globus.add_identity("aaa@example.org")
    GlobusIdentity.objects.create(member=owner, identity_id=typed.id, username=typed.username)

    upload = an_open_upload(globus, owner=owner)

    assert len(globus.rules) == 2
    assert overview(upload, viewer=owner).globus.sign_in_as == owner.email


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time: the removal waits for the row")
def test_a_member_who_is_removed_while_her_upload_is_being_written_down_gets_no_rule(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    project, editor = a_project(), a_globus_member(globus)
    a_membership(project, editor, Role.EDITOR)
    written, removed = threading.Event(), threading.Event()

    def open_slowly() -> None:
        with transaction.atomic():
            open_upload(project=project, actor=editor, name="Scan", at=clock())
            written.set()
            removed.wait(10)
        connections.close_all()

    opening = threading.Thread(target=open_slowly)
    opening.start()
    assert written.wait(10)
    remove_member(project=project, actor=project.created_by, member=editor, at=clock())
    removed.set()
    opening.join()
    upload = Upload.objects.get()
    assert upload.grants.get().desired == GrantState.GRANTED, "the removal did not see the row"

    prepare_upload(upload, at=clock())

    assert not globus.rules
    assert "grant_access" not in globus.calls


def test_a_rule_whose_reason_ended_without_a_sign_is_not_asked_for(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    project, editor = a_project(), a_globus_member(globus)
    a_membership(project, editor, Role.EDITOR)
    upload = open_upload(project=project, actor=editor, name="Scan", at=clock())
    Membership.objects.filter(member=editor).update(role=Role.VIEWER)

    ask_for_rule(upload.grants.get(), at=clock())

    assert not globus.calls
    assert upload.grants.get().desired == GrantState.REVOKED


def test_a_rule_that_globus_refuses_does_not_keep_the_others_waiting(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    uploads = [an_open_upload(globus, owner=a_member()) for _ in range(3)]
    for upload in uploads:
        a_linked_identity(upload.owner, globus.add_identity(upload.owner.email))
    globus.fail_next("grant_access", error=GlobusRefusedError("Globus refused this (403)."))

    reconcile(clock())

    assert len(globus.rules) == 2
    assert overview(uploads[0], viewer=uploads[0].owner).globus_trouble == "Globus refused this (403)."
    reconcile(clock.advance(seconds=5))
    assert len(globus.rules) == 3
