"""Few of a million entries are asked for often: an index has them."""

from __future__ import annotations

import pytest
from django.db import connection

from importing import World
from moorage.importer.models import ManifestEntry
from moorage.importer.shown.entries import entries_page
from moorage.importer.words.verdicts import EntryState, Verdict

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL chooses by how many rows there are.")
def test_what_few_entries_are_is_found_without_looking_through_the_manifest(world: World) -> None:
    upload = world.imported({"a": b"a", ".DS_Store": b"left out"})
    entries = ManifestEntry.objects.filter(upload=upload).order_by("number")

    assert "entries_to_do" in entries.without_place().filter(state=EntryState.FAILED).explain()
    assert "entries_not_new" in entries.not_new().filter(verdict=Verdict.SKIPPED).explain()


@pytest.mark.parametrize(
    ("asked", "paths"),
    [
        ({}, {"a", ".DS_Store"}),
        ({"verdict": "new"}, {"a"}),
        ({"verdict": "skipped"}, {".DS_Store"}),
        ({"state": "registered"}, {"a"}),
        ({"state": "planned"}, {".DS_Store"}),
        ({"state": "placed"}, set()),
    ],
)
def test_pages_of_the_manifest_have_what_was_asked_for(world: World, asked: dict[str, str], paths: set[str]) -> None:
    upload = world.imported({"a": b"a", ".DS_Store": b"left out"})

    assert {item.path for item in entries_page(upload.pk, **asked).items} == paths  # type: ignore[arg-type]
