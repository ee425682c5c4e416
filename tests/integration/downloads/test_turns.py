"""Whose turn it is: what holds nobody else up, what waits for whom, and for how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import a_globus_member, a_membership
from downloading import Harbour
from losing import lose_the_connection, needs_postgresql
from moorage.backends import backends, using
from moorage.files.models import StoredObject
from moorage.globus.failures import GlobusRefusedError
from moorage.globus.service import CollectionId, CollectionPath, IdentityId
from moorage.jobs import downloads
from moorage.jobs.downloads import claim_next
from moorage.jobs.sweeps.downloads import warn_and_expire
from moorage.leases import LeaseWatch
from moorage.projects.models import Membership, Role
from moorage.transfers.downloads.ending import delete_download
from moorage.transfers.downloads.leaving import LONGEST_WAIT
from moorage.transfers.downloads.models import DownloadTree
from moorage.transfers.models import Download

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {"raw/a.tif": b"counts", "raw/b.tif": b"other counts", "notes.txt": b"nothing\n"}


def identity_of(download: Download) -> IdentityId:
    return IdentityId(str(download.owner.globus_identities.get().identity_id))


def test_what_globus_refuses_of_one_tree_holds_no_other_up(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    leaving = harbour.ready(project)
    delete_download(download=leaving, actor=leaving.owner, at=backends().clock())
    other = harbour.asked(project, name="another", paths=["raw"])
    harbour.globus.fail_next("list_access", error=GlobusRefusedError("We may not (as the test wants it)."))
    assert harbour.work()
    assert harbour.work()
    other.refresh_from_db()
    assert other.state == "ready"
    leaving.tree.refresh_from_db()
    assert (leaving.tree.state, leaving.tree.tries) == ("leaving", 1)
    assert not harbour.work()  # it rests
    DownloadTree.objects.update(not_before=None)
    assert harbour.work()
    leaving.tree.refresh_from_db()
    assert leaving.tree.state == "gone"


def test_a_quick_worker_takes_only_what_is_there_and_need_not_be_read(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    harbour.asked(project)
    assert claim_next(LeaseWatch(), only_quick=True) is None
    assert harbour.work()
    harbour.asked(project, name="reads everything", verify_first=True)
    assert claim_next(LeaseWatch(), only_quick=True) is None
    assert harbour.work()
    harbour.asked(project, name="at once")
    assert claim_next(LeaseWatch(), only_quick=True) is not None


def test_looking_at_a_tree_again_keeps_how_many_files_it_holds(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    harbour.ready(project)
    StoredObject.objects.filter(size_bytes=6).update(verified_at=None)
    again = harbour.ready(project, name="again")
    assert (again.tree.files_done, again.tree.files_total) == (len(FILES), len(FILES))


def test_a_selection_of_another_collection_has_a_tree_of_its_own(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    first = harbour.ready(project)
    other = type(harbour.globus)(collection_id=CollectionId("00000000-0000-4000-8000-00000000beef"))
    with using(replace(backends(), globus=other)):
        second = harbour.asked(project, name="there")
    assert second.tree_id != first.tree_id
    assert second.tree.collection_id != first.tree.collection_id


def test_what_was_asked_for_as_a_membership_ended_ends_with_the_next_look(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    viewer = a_globus_member(harbour.globus)
    a_membership(project, viewer, Role.VIEWER)
    stays, download = harbour.ready(project), harbour.ready(project, viewer)
    # No signal: as where a worker made it READY beside the transaction that ended the membership.
    Membership.objects.filter(member=viewer)._raw_delete("default")
    warn_and_expire(backends().clock())
    for one, state in ((download, "cancelled"), (stays, "ready")):
        one.refresh_from_db()
        assert one.state == state
    harbour.reconcile()
    assert [rule.identity for rule in harbour.globus.list_access()] == [identity_of(stays)]


def test_an_expiry_waits_for_its_own_members_transfers_and_not_for_anothers(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    viewer = a_globus_member(harbour.globus)
    a_membership(project, viewer, Role.VIEWER)
    first, second = harbour.ready(project), harbour.ready(project, viewer)
    harbour.globus.add_reading_task(identity_of(second), CollectionPath(f"/{second.tree.name}/"))
    end = max(first.expires_at, second.expires_at)
    warn_and_expire(end)
    for one, state in ((first, "expired"), (second, "ready")):
        one.refresh_from_db()
        assert one.state == state


def test_an_expiry_does_not_wait_for_ever(harbour: Harbour) -> None:
    download = harbour.ready(harbour.a_project(FILES))
    harbour.globus.add_reading_task(identity_of(download), CollectionPath(f"/{download.tree.name}/"))
    now = download.expires_at
    warn_and_expire(now)
    download.refresh_from_db()
    assert download.state == "ready"
    warn_and_expire(now + LONGEST_WAIT - timedelta(minutes=30))
    download.refresh_from_db()
    assert download.state == "ready"
    warn_and_expire(now + LONGEST_WAIT)
    download.refresh_from_db()
    assert download.state == "expired"


@pytest.mark.parametrize("how", ["swapped", "moved", "opened"])
def test_a_tree_whose_names_or_modes_were_touched_is_made_anew(harbour: Harbour, how: str) -> None:
    project = harbour.a_project(FILES)
    served = harbour.served(harbour.ready(project))
    if how == "swapped":
        (served / "raw/a.tif").rename(served / "aside")
        (served / "raw/b.tif").rename(served / "raw/a.tif")
        (served / "aside").rename(served / "raw/b.tif")
    elif how == "moved":
        (served / "raw/a.tif").rename(served / "a.tif")
    else:
        (served / "raw/a.tif").chmod(0o666)
    again = harbour.served(harbour.ready(project, name="again"))
    assert {path: (again / path).read_bytes() for path in FILES} == FILES
    assert not (again / "a.tif").exists()
    assert {(again / path).stat().st_mode & 0o777 for path in FILES} == {0o444}


@needs_postgresql
def test_a_download_whose_connection_is_lost_gives_its_lease_back(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    harbour.asked(harbour.a_project(FILES))

    def loses(*_: object) -> None:
        lose_the_connection()
        DownloadTree.objects.get()

    with monkeypatch.context() as patch:
        patch.setattr(downloads, "take_on", loses)
        assert harbour.work()
    assert DownloadTree.objects.get().held_by == ""

    DownloadTree.objects.update(not_before=None)
    assert harbour.work()
    assert DownloadTree.objects.get().state == "ready"
