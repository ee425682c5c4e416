"""The design's invariants 1, 7 and 9, for an upload's life (8 is in test_access)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection

from builders import a_file_arrives, a_globus_member, a_linked_identity, a_member, a_project, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.audit.models import AuditRecord
from moorage.backends import Backends, Policies, backends, using
from moorage.globus.links import GlobusLinks
from moorage.globus.service import IdentityId, TaskStatus
from moorage.jobs.imports import claim_next, work
from moorage.jobs.schedule import Plan, claim_due, enter, run_claimed
from moorage.jobs.sweeps.plans import all_plans
from moorage.leases import LeaseWatch, this_process
from moorage.storage.layout import StoreLayout
from moorage.transfers.discarding import start_discarding
from moorage.transfers.freezing import continue_sealing
from moorage.transfers.models import AccessGrant, Belonging, GlobusTask, GrantState, Upload
from moorage.transfers.naming import area_path
from moorage.transfers.opening import open_upload
from moorage.transfers.renaming import rename_upload
from moorage.transfers.retrying import retry_upload
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import OUTSTANDING, UploadState
from moorage.transfers.tasks import claim_task
from moorage.transfers.wishing import take_wish_back, wish_quiet
from moorage.transfers.wording import Turn, state_text, whose_turn

from .conftest import Clock


@pytest.fixture
def policies() -> Policies:
    """The defaults, on a disk that is never too full, and without waiting for files to get old enough to be read."""
    return Policies(free_floor_bytes=0, free_floor_percent=0, digest_min_age=timedelta(0))


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


def _requested(globus: InMemoryTransferService, clock: Clock) -> Upload:
    owner = a_globus_member(globus)
    return open_upload(project=a_project(owner), actor=owner, name="Scan", at=clock())


def _open(globus: InMemoryTransferService, clock: Clock) -> Upload:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    return upload


def _wished(globus: InMemoryTransferService, clock: Clock) -> Upload:
    upload = _open(globus, clock)
    wish_quiet(upload=upload, actor=upload.owner, at=clock())
    return upload


def _sealing(globus: InMemoryTransferService, clock: Clock) -> Upload:
    upload = _open(globus, clock)
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    return upload


def _sealed(globus: InMemoryTransferService, clock: Clock) -> Upload:
    upload = _sealing(globus, clock)
    assert continue_sealing(upload, at=clock())
    return upload


def _importing(globus: InMemoryTransferService, clock: Clock) -> Upload:
    upload = _sealed(globus, clock)
    lease = claim_next(LeaseWatch())
    assert lease is not None
    dead = replace(this_process(), pid=2**22 + 1)
    assert lease.rows().update(held_by=str(dead)), "its worker was killed"
    return upload


def _failed(globus: InMemoryTransferService, clock: Clock) -> Upload:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "no\nname")
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    _a_worker_runs(clock, until=lambda: _state(upload) is UploadState.FAILED)
    return upload


def _discarding(globus: InMemoryTransferService, clock: Clock) -> Upload:
    upload = _open(globus, clock)
    globus.add_task(_principal(upload), area_path(upload.area_name))
    start_discarding(upload=upload, actor=upload.owner, at=clock())
    return upload


World = Callable[[InMemoryTransferService, Clock], Upload]
TAKEN_ON_BY_A_WORKER: dict[UploadState, list[World]] = {
    UploadState.REQUESTED: [_requested],
    UploadState.OPEN: [_wished],
    UploadState.SEALING: [_sealing],
    UploadState.SEALED: [_sealed],
    UploadState.IMPORTING: [_importing],
    UploadState.DISCARDING: [_discarding],
}
WAIT_FOR_A_MEMBER: dict[UploadState, World] = {UploadState.OPEN: _open, UploadState.FAILED: _failed}


def test_every_state_in_which_an_upload_can_rest_is_tried_here() -> None:
    assert TAKEN_ON_BY_A_WORKER.keys() | WAIT_FOR_A_MEMBER.keys() == OUTSTANDING


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("state", "world"), [(state, world) for state, worlds in TAKEN_ON_BY_A_WORKER.items() for world in worlds]
)
def test_a_worker_takes_an_upload_on_that_rests_where_nobody_has_to_act(
    globus: InMemoryTransferService, clock: Clock, state: UploadState, world: World
) -> None:
    upload = world(globus, clock)
    upload.refresh_from_db()
    assert upload.state == state
    assert whose_turn(upload) is Turn.MOORAGE

    ends = {UploadState.OPEN} if state is UploadState.REQUESTED else {UploadState.IMPORTED, UploadState.DISCARDED}
    _a_worker_runs(clock, until=lambda: _state(upload) in ends)

    assert _state(upload) in ends


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", ["goes on", "DELETE"])
@pytest.mark.parametrize("state", sorted(WAIT_FOR_A_MEMBER))
def test_an_upload_that_waits_for_a_member_says_so_and_ends_when_she_acts(
    globus: InMemoryTransferService, clock: Clock, state: UploadState, act: str
) -> None:
    upload = WAIT_FOR_A_MEMBER[state](globus, clock)
    _a_worker_runs(clock, until=lambda: False, rounds=10)
    upload.refresh_from_db()
    assert upload.state == state, "no worker takes it on"
    assert whose_turn(upload) is Turn.MEMBER
    assert "by itself" not in state_text(upload)

    if act == "DELETE":
        start_discarding(upload=upload, actor=upload.owner, at=clock())
    elif state is UploadState.OPEN:
        start_sealing(upload=upload, actor=upload.owner, at=clock())
    else:
        retry_upload(upload=upload, actor=upload.owner, at=clock())
    upload.refresh_from_db()
    assert whose_turn(upload) is Turn.MOORAGE


def _a_worker_runs(clock: Clock, *, until: Callable[[], bool], rounds: int = 50) -> None:
    """What is due in the schedule, and the imports that wait, every few seconds."""
    plans = {plan.name: plan for plan in all_plans(backends().policies)}
    enter(plans.values(), at=clock())
    watch = LeaseWatch()
    with ThreadPoolExecutor(1) as executor:
        for _ in range(rounds):
            if until():
                return
            while claim := claim_due(plans, watch, at=clock()):
                run_claimed(claim, clock=clock)
            while lease := claim_next(watch):
                work(lease, executor=executor)
            clock.advance(seconds=5)


def _state(upload: Upload) -> UploadState:
    return Upload.objects.get(pk=upload.pk).current_state


def _run(plans: list[Plan], clock: Clock) -> None:
    clock.advance(seconds=11)
    for plan in plans:
        plan.run(clock())


def _principal(upload: Upload) -> IdentityId:
    return IdentityId(str(upload.owner.globus_identities.get().identity_id))
