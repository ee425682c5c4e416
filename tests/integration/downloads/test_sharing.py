"""Several at once at one tree: members who ask and delete, expiry, and workers that take it from each other."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from typing import IO, Any

import pytest
from django.db import transaction

from builders import a_globus_member, a_linked_identity, a_membership
from downloading import Harbour, tree_of
from kill_matrix import Inline
from moorage.backends import backends
from moorage.jobs.downloads import claim_next, work
from moorage.jobs.sweeps.downloads import warn_and_expire
from moorage.leases import LeaseWatch, take, this_process
from moorage.projects.models import Project, Role
from moorage.transfers.downloads import building
from moorage.transfers.downloads.asking import extend_download
from moorage.transfers.downloads.ending import delete_download, expire_download
from moorage.transfers.downloads.linking import Linked, LinkOrder, link_batch
from moorage.transfers.downloads.models import DownloadTree
from moorage.transfers.downloads.states import DownloadTransitionError
from moorage.transfers.models import Download

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("small_batches")]

InThread = Callable[..., Future[Any]]
FILES = {f"raw/{number}.tif": f"counts {number}".encode() for number in range(12)}
ROUNDS = 6


def delete(download: Download) -> None:
    delete_download(download=download, actor=download.owner, at=backends().clock())


def check_trees_are_what_is_wanted(harbour: Harbour) -> None:
    """Every live download is READY and its tree whole; every other tree has gone."""
    while harbour.work():
        pass
    live = list(Download.objects.live().select_related("tree"))
    for download in live:
        assert (download.state, download.tree.state) == ("ready", "ready"), download.reason_text
        assert FILES.items() <= tree_of(harbour.served(download)).items()
    assert set(os.listdir(harbour.store.collection)) == {download.tree.name for download in live}
    assert os.listdir(harbour.store.trees) == []
    assert not DownloadTree.objects.exclude(state="gone").exclude(downloads__in=live).exists()


def test_two_requests_at_once_share_a_tree(harbour: Harbour, in_thread: InThread) -> None:
    project = harbour.a_project(FILES)
    for turn in range(ROUNDS):
        start = threading.Barrier(4)

        def ask(number: int, start: threading.Barrier = start, turn: int = turn) -> Download:
            start.wait(10)
            return harbour.asked(project, name=f"{turn} {number}")

        asked = [future.result(30) for future in [in_thread(ask, number) for number in range(4)]]
        assert len({download.tree_id for download in asked}) == 1
        for download in asked:
            delete(download)
    check_trees_are_what_is_wanted(harbour)


def test_a_request_while_the_last_download_ends_gets_a_tree_that_stays(harbour: Harbour, in_thread: InThread) -> None:
    project = harbour.a_project(FILES)
    former = harbour.ready(project)
    for turn in range(ROUNDS):
        start = threading.Barrier(3)

        def together(act: Callable[[], Any], start: threading.Barrier = start) -> Any:
            start.wait(10)
            return act()

        last = former
        acts: list[Callable[[], Any]] = [lambda last=last: delete(last)]  # type: ignore[misc]
        acts += [lambda turn=turn, which=which: harbour.asked(project, name=f"{turn} {which}") for which in "ab"]  # type: ignore[misc]
        _, first, second = [future.result(30) for future in [in_thread(together, act) for act in acts]]
        assert first.tree_id == second.tree_id
        check_trees_are_what_is_wanted(harbour)
        delete(first)
        former = second
    check_trees_are_what_is_wanted(harbour)


def test_members_who_ask_and_delete_beside_workers_leave_what_is_wanted(harbour: Harbour, in_thread: InThread) -> None:
    project = harbour.a_project(FILES)
    over = threading.Event()

    def works() -> None:
        while not over.is_set():
            lease = claim_next(LeaseWatch())
            if lease is not None:
                work(lease, executor=Inline())

    def member(number: int) -> None:
        for turn in range(ROUNDS):
            download = harbour.asked(project, name=f"{number} {turn}")
            over.wait(0.02 * number)
            if turn % 3:
                delete(download)

    workers = [in_thread(works) for _ in range(2)]
    try:
        for future in [in_thread(member, number) for number in range(3)]:
            future.result(60)
    finally:
        over.set()
    for future in workers:
        future.result(30)
    DownloadTree.objects.update(not_before=None)
    check_trees_are_what_is_wanted(harbour)
    assert not Download.objects.filter(state="failed").exists()


def test_what_is_extended_beside_its_expiry_either_lives_or_says_that_it_has_ended(
    harbour: Harbour, in_thread: InThread
) -> None:
    download = harbour.ready(harbour.a_project(FILES))
    end = download.expires_at
    as_read = Download.objects.get(pk=download.pk)
    has_extended, may_commit = threading.Event(), threading.Event()

    def extend() -> None:
        with transaction.atomic():
            extend_download(download=download, actor=download.owner, at=end - timedelta(seconds=1))
            has_extended.set()
            may_commit.wait(10)

    def expire() -> bool:
        with transaction.atomic():
            return expire_download(as_read, at=end)

    extending = in_thread(extend)
    assert has_extended.wait(10)
    expiring = in_thread(expire)
    threading.Event().wait(0.3)
    may_commit.set()
    extending.result(20)
    assert expiring.result(20) is False
    download.refresh_from_db()
    assert (download.state, download.expires_at > end) == ("ready", True)
    warn_and_expire(download.expires_at)
    with pytest.raises(DownloadTransitionError):
        extend_download(download=download, actor=download.owner, at=end)


def test_a_member_with_two_identities_has_a_rule_for_each_and_loses_both(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    viewer = a_globus_member(harbour.globus)
    second = harbour.globus.add_identity(f"other-{viewer.email}")
    a_linked_identity(viewer, second)
    a_membership(project, viewer, Role.VIEWER)
    download = harbour.ready(project, viewer)
    found = {str(rule.identity) for rule in harbour.globus.list_access()}
    assert found == {str(one.identity_id) for one in viewer.globus_identities.all()}
    assert len(found) == 2
    viewer.globus_identities.get(identity_id=second.id).delete()
    harbour.reconcile()
    assert len(harbour.globus.list_access()) == 1
    delete(download)
    harbour.reconcile()
    assert harbour.globus.list_access() == []


def between_batches(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None], *, number: int = 2) -> None:
    """`act` happens once, before the batch of that number is linked."""
    batches: list[LinkOrder] = []

    def linked(order: LinkOrder) -> Linked:
        batches.append(order)
        if len(batches) == number:
            act()
        return link_batch(order)

    monkeypatch.setattr(building, "link_batch", linked)


def after_the_first_lines(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """`act` happens once, when there are lines that are not on disk yet."""
    real, calls = building._write_lines, list[Linked]()

    def written(files: Sequence[IO[bytes]], linked: Linked) -> None:
        real(files, linked)
        if linked.digests and not calls:
            calls.append(linked)
            act()

    monkeypatch.setattr(building, "_write_lines", written)


def test_a_tree_whose_last_download_ends_while_it_is_made_goes(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    harbour.executor = Inline()
    download = harbour.asked(harbour.a_project(FILES))
    between_batches(monkeypatch, lambda: delete(download))
    assert harbour.work()
    assert not harbour.served(download).exists()
    check_trees_are_what_is_wanted(harbour)


def robbed(harbour: Harbour, project: Project, monkeypatch: pytest.MonkeyPatch, *, ends: bool) -> tuple[Download, str]:
    """A worker that loses its lease between two batches to one that has it until the end, or makes the tree first."""
    harbour.executor = Inline()
    download = harbour.asked(project)
    robber = str(replace(this_process(), host="another"))

    def rob() -> None:
        tree = DownloadTree.objects.get(pk=download.tree_id)
        lease = take(tree, holder=robber)
        assert lease is not None
        if ends:
            work(lease, executor=Inline())

    if not ends:
        between_batches(monkeypatch, rob)
    else:
        after_the_first_lines(monkeypatch, rob)
    assert harbour.work()
    return download, robber


def test_a_worker_that_has_lost_its_lease_writes_nothing(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    download, robber = robbed(harbour, harbour.a_project(FILES), monkeypatch, ends=False)
    download.refresh_from_db()
    assert (download.state, download.tree.state, download.tree.held_by) == ("preparing", "wanted", robber)
    assert not harbour.served(download).exists()
    DownloadTree.objects.update(held_by="")
    check_trees_are_what_is_wanted(harbour)


def test_a_worker_that_is_overtaken_leaves_the_tree_of_the_quicker_one_alone(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    download, _ = robbed(harbour, harbour.a_project(FILES), monkeypatch, ends=True)
    download.refresh_from_db()
    assert download.state == "ready"
    served = harbour.served(download)
    assert len((served / "manifest.jsonl").read_bytes().splitlines()) == len(FILES)
    assert len((served / "manifest-sha256.txt").read_bytes().splitlines()) == len(FILES)
    check_trees_are_what_is_wanted(harbour)
    assert harbour.ready(download.project, name="Second").tree_id == download.tree_id
    assert DownloadTree.objects.get().built_at == download.tree.built_at, "what it wrote late was taken for damage"
