"""The design's invariants 1, 7 and 9, for an upload's life (8 is in test_access)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from builders import a_file_arrives, a_globus_member, a_linked_identity, a_member, a_project, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.audit.models import AuditRecord
from moorage.backends import Backends, Policies, using
from moorage.globus.links import GlobusLinks
from moorage.globus.service import IdentityId, TaskStatus
from moorage.jobs.schedule import Plan
from moorage.jobs.sweeps.plans import all_plans
from moorage.storage.layout import StoreLayout
from moorage.transfers.discarding import start_discarding
from moorage.transfers.models import AccessGrant, Belonging, GlobusTask, GrantState, Upload
from moorage.transfers.naming import area_path
from moorage.transfers.opening import open_upload
from moorage.transfers.renaming import rename_upload
from moorage.transfers.retrying import retry_upload
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import OUTSTANDING, UploadState
from moorage.transfers.tasks import claim_task
from moorage.transfers.wishing import take_wish_back, wish_quiet
from moorage.transfers.wording import Turn, whose_turn

from .conftest import Clock


class WatchfulGlobus(InMemoryTransferService):
    """Notices what is not on disk yet when it is asked, and who asks inside a transaction."""

    def _call(self, name: str):  # type: ignore[no-untyped-def]
        assert not connection.in_atomic_block, f"{name} inside a transaction"
        if name == "grant_access":
            assert AccessGrant.objects.filter(actual=GrantState.UNKNOWN).exists(), "the row comes first"
        if name == "cancel_task":
            assert GlobusTask.objects.exclude(cancel_asked_at=None).exists(), "the row comes first"
        return super()._call(name)


@pytest.fixture
def watchful(clock: Clock, store: StoreLayout, policies: Policies) -> Iterator[WatchfulGlobus]:
    service = WatchfulGlobus()
    links = GlobusLinks("https://globus.example")
    with using(Backends(globus=service, links=links, store=store, clock=clock, policies=policies)):
        yield service


@pytest.mark.django_db(transaction=True)
def test_rows_are_committed_before_globus_is_asked_and_nothing_asks_it_inside_a_transaction(
    watchful: WatchfulGlobus, clock: Clock, policies: Policies
) -> None:
    plans = all_plans(policies)
    owner = a_globus_member(watchful)
    project = a_project(owner)
    sealed = an_open_upload(watchful, project=project, owner=owner)
    a_file_arrives(sealed, "a")
    discarded = an_open_upload(watchful, owner=a_globus_member(watchful))
    late = an_open_upload(watchful, owner=a_member())
    a_linked_identity(late.owner, watchful.add_identity(late.owner.email))
    requested = open_upload(project=project, actor=owner, name="by the sweep", at=clock())
    for upload in (sealed, discarded):
        watchful.add_task(_principal(upload), area_path(upload.area_name))
    _run(plans, clock)

    start_sealing(upload=sealed, actor=owner, at=clock())
    start_discarding(upload=discarded, actor=discarded.owner, at=clock())
    clock.now += policies.rule_lifetime * 3 / 4
    for _ in range(4):
        _run(plans, clock)

    states = {upload.pk: upload.state for upload in Upload.objects.all()}
    assert states[sealed.pk] == UploadState.SEALED
    assert states[discarded.pk] == UploadState.DISCARDED
    assert states[requested.pk] == UploadState.OPEN
    asked = {"grant_access", "renew_access", "revoke_access", "list_access", "tasks_of", "cancel_task", "task"}
    assert asked <= set(watchful.calls), "the test has met every call"


@pytest.mark.django_db
def test_every_act_of_a_member_leaves_a_record_with_her_name(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    me = upload.owner
    a_file_arrives(upload, "a")
    task = GlobusTask.objects.create(
        task_id="c0111ec7-0000-4000-8000-00000000000a",
        collection_id=upload.collection_id,
        status=TaskStatus.ACTIVE,
        requested_at=clock(),
        as_of=clock(),
    )
    task.upload_tasks.create(upload=upload, belonging=Belonging.PERHAPS)

    rename_upload(upload=upload, actor=me, at=clock(), name="Another")
    claim_task(upload=upload, task_id=task.task_id, mine=False, actor=me, at=clock())
    wish_quiet(upload=upload, actor=me, at=clock())
    take_wish_back(upload=upload, actor=me, at=clock())
    start_sealing(upload=upload, actor=me, at=clock())
    for state in (UploadState.SEALED, UploadState.IMPORTING, UploadState.FAILED):
        upload.transition_to(state, at=clock())
    retry_upload(upload=upload, actor=me, at=clock())
    start_discarding(upload=upload, actor=me, at=clock())

    acts = AuditRecord.objects.filter(object_id=str(upload.pk), actor=me).order_by("id")
    assert [record.act for record in acts] == [
        "upload.requested",
        "upload.renamed",
        "upload.task_denied",
        "upload.wished",
        "upload.wish_taken_back",
        "upload.done",
        "upload.retried",
        "upload.discarded",
    ]
    assert {record.project_id for record in acts} == {upload.project_id}


# Which sweep or queue takes an upload on that rests in this state.
TAKEN_ON_BY = {
    UploadState.REQUESTED: "requests",
    UploadState.OPEN: "wishes",
    UploadState.SEALING: "sealing",
    UploadState.DISCARDING: "discarding",
}
# Taken by `jobs.imports`, whose queue is the state itself.
QUEUES = {UploadState.SEALED, UploadState.IMPORTING}


@pytest.mark.parametrize("state", sorted(OUTSTANDING))
def test_an_upload_rests_only_where_a_person_a_queue_or_a_sweep_takes_it_on(state: UploadState) -> None:
    names = {plan.name for plan in all_plans(Policies())}
    turn = whose_turn(Upload(state=state.value))

    if turn is Turn.MOORAGE:
        assert state in QUEUES or TAKEN_ON_BY[state] in names
    else:
        assert turn is Turn.MEMBER


def _run(plans: list[Plan], clock: Clock) -> None:
    clock.advance(seconds=11)
    for plan in plans:
        plan.run(clock())


def _principal(upload: Upload) -> IdentityId:
    return IdentityId(str(upload.owner.globus_identities.get().identity_id))
