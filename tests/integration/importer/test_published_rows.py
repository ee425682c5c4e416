"""Of a published version only `until` changes, and never again once the head has reached it (design §9, 5)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models

from builders import a_project, an_undo_is_carried_out
from importing import World
from moorage.backends import backends
from moorage.files.models import Directory, DirectoryVersion, FileVersion, StoredObject
from moorage.projects.models import Project
from moorage.transfers.models import Upload
from moorage.transfers.undoing import redo_import, undo_import

pytestmark = pytest.mark.django_db(transaction=True)

Rows = dict[tuple[type[models.Model], Any], dict[str, Any]]


def published_rows(project: Project) -> Rows:
    """Every column of every row that says what the project held up to its head."""
    project.refresh_from_db()
    rows: Rows = {}
    held = FileVersion.objects.filter(project=project).values("stored_object")
    for found in (
        FileVersion.objects.filter(project=project, since__lte=project.head).values(),
        DirectoryVersion.objects.filter(project=project, since__lte=project.head).values(),
        Directory.objects.filter(project=project).values(),
        StoredObject.objects.filter(pk__in=held).values("id", "digest", "size_bytes", "crc32"),
    ):
        rows |= {(found.model, row["id"]): dict(row) for row in found}
    return rows


def check_history_stands(before: Rows, after: Rows, head_before: int) -> None:
    for key, row in before.items():
        now = after[key]
        if row.get("until", 0) is None and now["until"] is not None:
            assert now["until"] > head_before
            now = {**now, "until": None}
        assert now == row


def test_no_import_and_no_undo_changes_what_was_published_before(world: World) -> None:
    project = a_project()
    first = world.imported({"a": b"one", "b": b"two", "deep/inner/c": b"three", "empty/": b""}, project)

    def undo(upload: Upload) -> None:
        undo_import(upload=upload, actor=upload.owner, at=backends().clock())
        an_undo_is_carried_out()

    def redo(upload: Upload) -> None:
        redo_import(upload=upload, actor=upload.owner, at=backends().clock())
        an_undo_is_carried_out()

    ended = 0
    for act in (
        lambda: world.imported({"a": b"one, again", "deep/d": b"four"}, project),
        lambda: world.imported({"a": b"one, again", "b": b"two"}, project),
        lambda: undo(first),
        lambda: world.imported({"a": b"one", "deep/e": b"five"}, project),
        lambda: redo(first),
    ):
        before, head = published_rows(project), project.head
        act()
        after = published_rows(project)
        assert project.head == head + 1
        check_history_stands(before, after, head)
        ended += sum(row.get("until", 0) is None and after[key]["until"] is not None for key, row in before.items())
    assert ended > 5, "nothing has ended, so nothing was put to the test"
