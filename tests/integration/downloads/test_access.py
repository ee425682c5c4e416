"""Who may read a tree: each member by a rule of her own, for as long as there is a reason."""

from __future__ import annotations

import pytest

from builders import a_globus_member, a_linked_identity, a_member, a_membership
from downloading import Harbour
from moorage.backends import backends
from moorage.globus.service import CollectionPath, Permissions
from moorage.projects.models import Membership, Role
from moorage.transfers.downloads.ending import delete_download
from moorage.transfers.downloads.overview import download_overview
from moorage.transfers.models import Download
from moorage.transfers.reconciling import reconcile_grants

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {"raw/a.tif": b"counts", "notes.txt": b"nothing\n"}


def rules_on(harbour: Harbour, download: Download) -> list[tuple[str, Permissions]]:
    path = CollectionPath(f"/{download.tree.name}/")
    return [(rule.identity, rule.permissions) for rule in harbour.globus.list_access() if rule.path == path]


def identity_of(download: Download) -> str:
    return str(download.owner.globus_identities.get().identity_id)


def test_its_member_may_read_the_tree_and_nothing_more(harbour: Harbour) -> None:
    download = harbour.ready(harbour.a_project(FILES))
    assert rules_on(harbour, download) == [(identity_of(download), Permissions.READ)]
    assert len(harbour.globus.list_access()) == 1


def test_there_is_no_rule_before_the_tree_is_complete(harbour: Harbour) -> None:
    download = harbour.asked(harbour.a_project(FILES))
    harbour.reconcile()
    assert harbour.work(should_stop=lambda: True)
    harbour.reconcile()
    assert rules_on(harbour, download) == []


def test_goto_globus_is_shown_when_the_rule_was_seen_and_to_its_member_only(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    other = a_globus_member(harbour.globus)
    a_membership(project, other, Role.OWNER)
    download = harbour.asked(project)
    harbour.work()
    download.refresh_from_db()
    assert (way := download_overview(download, viewer=download.owner).way)
    assert (way.goto_url, way.waits_for_rule) == (None, True)
    harbour.reconcile()
    assert (way := download_overview(download, viewer=download.owner).way)
    assert way.goto_url is not None
    assert f"origin_path=%2F{download.tree.name}%2F" in way.goto_url
    assert way.sign_in_as == download.owner.globus_identities.get().username
    assert download_overview(download, viewer=other).way is None


def test_each_member_gets_a_rule_on_the_same_tree_which_goes_with_the_last(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    viewer = a_globus_member(harbour.globus)
    a_membership(project, viewer, Role.VIEWER)
    first, second = harbour.ready(project), harbour.ready(project, viewer)
    assert first.tree_id == second.tree_id
    assert len(rules_on(harbour, first)) == 2
    delete_download(download=first, actor=first.owner, at=backends().clock())
    harbour.reconcile()
    assert rules_on(harbour, second) == [(identity_of(second), Permissions.READ)]
    assert not harbour.work()
    assert harbour.served(second).is_dir()
    delete_download(download=second, actor=viewer, at=backends().clock())
    assert harbour.work()
    assert harbour.globus.list_access() == []
    assert not harbour.served(second).exists()
    assert list(harbour.store.trees.iterdir()) == []


def test_two_downloads_of_one_member_share_a_rule(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    first, second = harbour.ready(project), harbour.ready(project, name="Once more")
    assert len(rules_on(harbour, first)) == 1
    delete_download(download=first, actor=first.owner, at=backends().clock())
    harbour.reconcile()
    assert len(rules_on(harbour, second)) == 1


def test_a_member_who_is_removed_loses_her_rule_and_her_download_at_once(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    viewer = a_globus_member(harbour.globus)
    a_membership(project, viewer, Role.VIEWER)
    download = harbour.ready(project, viewer)
    Membership.objects.get(member=viewer).delete()
    download.refresh_from_db()
    assert (download.state, download.reason) == ("cancelled", "cancelled.membership_ended")
    reconcile_grants(at=backends().clock())
    assert harbour.globus.list_access() == []
    assert harbour.work()
    assert not harbour.served(download).exists()


def test_a_member_who_is_removed_while_it_is_prepared_gets_no_rule(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    viewer = a_globus_member(harbour.globus)
    a_membership(project, viewer, Role.VIEWER)
    download = harbour.asked(project, viewer)
    harbour.work(should_stop=lambda: True)
    Membership.objects.get(member=viewer).delete()
    while harbour.work():
        pass
    harbour.reconcile()
    download.refresh_from_db()
    assert download.state == "cancelled"
    assert harbour.globus.list_access() == []
    assert list(harbour.store.trees.iterdir()) == []


def test_an_identity_that_is_linked_later_gets_a_rule(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    late = a_member()
    a_membership(project, late, Role.VIEWER)
    download = harbour.ready(project, late)
    assert rules_on(harbour, download) == []
    a_linked_identity(late, harbour.globus.add_identity(late.email))
    harbour.reconcile()
    assert rules_on(harbour, download) == [(identity_of(download), Permissions.READ)]


def test_a_rule_that_somebody_else_has_made_writable_goes(harbour: Harbour) -> None:
    download = harbour.ready(harbour.a_project(FILES))
    rule = harbour.globus.list_access()[0]
    harbour.globus.revoke_access(rule.id)
    path, expires_at = rule.path, backends().clock() + backends().policies.rule_lifetime
    harbour.globus.grant_access(path, identity=rule.identity, permissions=Permissions.READ_WRITE, expires_at=expires_at)
    harbour.reconcile()
    assert rules_on(harbour, download) == [(identity_of(download), Permissions.READ)]


def test_an_expiring_rule_is_renewed_while_the_download_lives(harbour: Harbour) -> None:
    harbour.ready(harbour.a_project(FILES))
    later = backends().clock() + backends().policies.rule_lifetime * 0.6
    reconcile_grants(at=later)
    expires_at = harbour.globus.list_access()[0].expires_at
    assert expires_at is not None
    assert expires_at >= later + backends().policies.rule_lifetime * 0.9
