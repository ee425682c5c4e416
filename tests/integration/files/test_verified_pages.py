"""What members and scripts see of fixity checks: when a file was last verified, and that it is damaged."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client

from builders import NOON, a_project, publish_files
from moorage.accounts.tokens import create_token
from moorage.backends import backends, using
from moorage.files.models import ObjectState, StoredObject
from moorage.jobs.schedule import Plan
from moorage.jobs.sweeps.collecting import collect, finish_leaving, look_for_orphans
from moorage.jobs.sweeps.fixity import read_again
from moorage.jobs.sweeps.plans import all_plans
from moorage.notices.models import Notice
from moorage.projects.models import Project
from moorage.storage.layout import StoreLayout
from storekeeping import file_of, flip_a_byte

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("globus")]


@pytest.fixture
def project(client: Client, store: StoreLayout) -> Project:
    project = a_project()
    publish_files(project, {"a.tif": b"first"}, store=store)
    publish_files(project, {"a.tif": b"second", "b.tif": b"b"}, store=store)
    client.force_login(project.created_by)
    return project


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


def test_the_page_of_a_file_says_when_its_bytes_were_last_verified(client: Client, project: Project) -> None:
    address = f"/projects/{project.pk}/file/?path=a.tif"
    assert "Last verified being read again" in text(client, address)

    read_again(NOON)

    assert "Last verified 14 Mar 2026, 12:00 UTC" in text(client, address)


def test_damage_is_said_at_the_file_and_at_the_version_and_neither_is_offered(
    client: Client, project: Project, store: StoreLayout
) -> None:
    folder, file = f"/projects/{project.pk}/files/", f"/projects/{project.pk}/file/?path=a.tif"
    flip_a_byte(file_of(store, b"second"))

    read_again(NOON)

    assert "a.tif damaged" in text(client, folder)
    assert "b.tif damaged" not in text(client, folder)
    page = client.get(file).content.decode()
    assert "Damaged: the stored bytes are no longer what was imported" in text(client, file)
    assert f"/projects/{project.pk}/files/content?path=a.tif" not in page
    assert page.count("/files/content?version=") == 1  # the version before it is whole
    assert client.get(f"/projects/{project.pk}/files/content?path=a.tif").status_code == 500
    assert Notice.objects.get().subject == f"Damaged in {project.name}: 1 file"


def test_scripts_see_when_a_file_was_verified_and_that_it_is_damaged(
    client: Client, project: Project, store: StoreLayout
) -> None:
    flip_a_byte(file_of(store, b"second"))
    read_again(NOON)
    _, secret = create_token(project.created_by, "script", at=NOON)
    client.logout()

    answer = client.get(f"/api/v1/projects/{project.pk}/files", headers={"Authorization": f"Bearer {secret}"})

    damaged, whole = answer.json()["items"]
    assert (damaged["name"], damaged["damaged"], damaged["verified_at"]) == ("a.tif", True, None)
    assert (whole["name"], whole["damaged"], whole["verified_at"]) == ("b.tif", False, "2026-03-14T12:00:00Z")


def test_the_sweep_reads_nothing_when_the_operator_has_switched_it_off(project: Project) -> None:
    outside = backends()
    with using(replace(outside, policies=replace(outside.policies, fixity_within=timedelta(0)))):
        assert read_again(NOON) is None

    assert not StoredObject.objects.filter(verified_at__isnull=False).exists()


def test_the_sweeps_of_the_store_do_no_harm_to_what_is_needed(project: Project, store: StoreLayout) -> None:
    for days in (0, 40, 80):
        for sweep in (look_for_orphans, collect, finish_leaving, read_again):
            sweep(NOON + timedelta(days=days))

    assert set(StoredObject.objects.values_list("state", flat=True)) == {ObjectState.LIVE}
    assert file_of(store, b"first").read_bytes() == b"first"


def test_every_sweep_of_the_store_is_in_the_schedule() -> None:
    plans: dict[str, Plan] = {plan.name: plan for plan in all_plans(backends().policies)}

    assert {plans[name].run for name in ("fixity", "collecting", "leaving", "orphans")} == {
        read_again,
        collect,
        finish_leaving,
        look_for_orphans,
    }
    assert plans["leaving"].every <= timedelta(minutes=1)
