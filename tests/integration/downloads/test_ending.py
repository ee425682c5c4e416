"""Downloads end: deleted, expired after warnings, and never while a transfer reads from the tree."""

from __future__ import annotations

from datetime import timedelta

import pytest

from builders import a_globus_member, a_membership
from downloading import Harbour
from moorage.backends import backends
from moorage.globus.service import CollectionPath, TaskId
from moorage.jobs.sweeps.downloads import warn_and_expire
from moorage.notices.models import Notice
from moorage.projects.models import Role
from moorage.transfers.downloads.asking import ExpiryError, ask_again, extend_download
from moorage.transfers.downloads.ending import delete_download
from moorage.transfers.downloads.leaving import LONGEST_WAIT
from moorage.transfers.downloads.models import DownloadTree
from moorage.transfers.downloads.overview import download_overview
from moorage.transfers.downloads.rules import DownloadRoleError
from moorage.transfers.models import Download

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {"raw/a.tif": b"counts", "notes.txt": b"nothing\n"}


def delete(download: Download) -> None:
    delete_download(download=download, actor=download.owner, at=backends().clock())


def soon(tree: DownloadTree) -> None:
    """The pause until the next look is over."""
    DownloadTree.objects.filter(pk=tree.pk).update(not_before=None)


def start_reading(harbour: Harbour, path: str, *, is_shown: bool = True) -> TaskId:
    harbour.globus.shows_paths = is_shown
    return harbour.globus.add_reading_task(harbour.globus.list_access()[0].identity, CollectionPath(path))


def test_deleting_takes_the_tree_and_leaves_the_project(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    download = harbour.ready(project)
    objects = {path: path.read_bytes() for path in harbour.store.objects.glob("*/*")}
    delete(download)
    assert harbour.work()
    assert not harbour.served(download).exists()
    assert {path: path.read_bytes() for path in harbour.store.objects.glob("*/*")} == objects
    assert all(path.stat().st_nlink == 1 for path in objects)
    download.refresh_from_db()
    assert download.tree.state == "gone"


def test_deleting_twice_is_the_same_and_another_member_may_not(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    editor = a_globus_member(harbour.globus)
    a_membership(project, editor, Role.EDITOR)
    download = harbour.ready(project)
    with pytest.raises(DownloadRoleError):
        delete_download(download=download, actor=editor, at=backends().clock())
    delete(download)
    delete(download)
    assert download.state == "cancelled"


def test_deleting_what_waits_leaves_nothing(harbour: Harbour) -> None:
    download = harbour.asked(harbour.a_project(FILES))
    delete(download)
    while harbour.work():
        pass
    assert list(harbour.store.trees.iterdir()) == []
    assert list(harbour.store.collection.iterdir()) == []


@pytest.mark.parametrize("hidden", [False, True])
def test_a_tree_stays_while_a_transfer_reads_from_it(harbour: Harbour, hidden: bool) -> None:
    download = harbour.ready(harbour.a_project(FILES))
    task = start_reading(harbour, f"/{download.tree.name}/raw/", is_shown=not hidden)
    delete(download)
    assert harbour.work()
    assert harbour.served(download).is_dir()
    assert harbour.globus.list_access() == []
    download.refresh_from_db()
    assert "still reading" in download_overview(download, viewer=download.owner).state_text
    harbour.globus.finish_task(task)
    soon(download.tree)
    assert harbour.work()
    assert not harbour.served(download).exists()


def test_a_transfer_that_reads_elsewhere_holds_nothing_up(harbour: Harbour) -> None:
    download = harbour.ready(harbour.a_project(FILES))
    start_reading(harbour, "/another-r7-aaaabbbbccccdddd/")
    delete(download)
    assert harbour.work()
    assert not harbour.served(download).exists()


def test_a_transfer_that_never_ends_does_not_keep_the_tree_for_ever(harbour: Harbour) -> None:
    download = harbour.ready(harbour.a_project(FILES))
    start_reading(harbour, f"/{download.tree.name}/")
    delete(download)
    DownloadTree.objects.update(state_changed_at=backends().clock() - LONGEST_WAIT)
    assert harbour.work()
    assert not harbour.served(download).exists()


def test_while_globus_does_not_answer_the_tree_stays_and_goes_later(harbour: Harbour) -> None:
    download = harbour.ready(harbour.a_project(FILES))
    delete(download)
    harbour.globus.fail_next("revoke_access")
    assert harbour.work()
    assert harbour.served(download).is_dir()
    soon(download.tree)
    assert harbour.work()
    assert not harbour.served(download).exists()


def test_it_is_warned_of_and_expires(harbour: Harbour) -> None:
    download = harbour.ready(harbour.a_project(FILES))
    end = download.expires_at
    for before in (8, 6.9, 6.8, 0.9, 0.8):
        warn_and_expire(end - timedelta(days=before))
    assert list(Notice.objects.order_by("pk").values_list("kind", flat=True)) == ["download.expires"] * 2
    warn_and_expire(end)
    download.refresh_from_db()
    assert download.state == "expired"
    assert Notice.objects.filter(kind="download.expired").count() == 1
    assert harbour.work()
    assert not harbour.served(download).exists()


def test_it_does_not_expire_while_a_transfer_reads_from_it(harbour: Harbour) -> None:
    download = harbour.ready(harbour.a_project(FILES))
    task = start_reading(harbour, f"/{download.tree.name}/")
    end = download.expires_at
    warn_and_expire(end)
    download.refresh_from_db()
    assert (download.state, download.expires_at > end) == ("ready", True)
    harbour.globus.finish_task(task)
    warn_and_expire(download.expires_at)
    download.refresh_from_db()
    assert download.state == "expired"


def test_it_is_extended_and_warned_of_again(harbour: Harbour) -> None:
    download = harbour.ready(harbour.a_project(FILES))
    later = download.expires_at - timedelta(days=5)
    warn_and_expire(later)
    extend_download(download=download, actor=download.owner, at=later)
    assert download.expires_at == later + backends().policies.downloads_kept
    warn_and_expire(download.expires_at - timedelta(days=6))
    assert Notice.objects.filter(kind="download.expires").count() == 2
    for wrong in (later, later + timedelta(days=31)):
        with pytest.raises(ExpiryError):
            extend_download(download=download, actor=download.owner, expires_at=wrong, at=later)


def test_what_has_expired_can_be_asked_for_again(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    download = harbour.ready(project)
    former = download.tree_id
    warn_and_expire(download.expires_at)
    download.refresh_from_db()
    harbour.publish(project, {"new.txt": b"since then"})
    ask_again(download=download, actor=download.owner, at=backends().clock())
    while harbour.work():
        pass
    download.refresh_from_db()
    assert (download.state, download.tree.revision) == ("ready", 1)
    assert download.tree_id != former
    assert (harbour.served(download) / "notes.txt").exists()
    assert not (harbour.served(download) / "new.txt").exists()
