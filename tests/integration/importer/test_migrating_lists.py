"""Lists of digests that earlier versions kept, with one row for a file whatever named it, compare what they did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from pytest_django import DjangoDbBlocker

from migrating import an_empty_database
from moorage.files.paths import path_key
from moorage.importer.lists.completeness import count_missing, missing_files
from moorage.importer.lists.kept import rows_of, whole_lists
from moorage.importer.lists.overlaps import not_used, said_of
from moorage.importer.models import ExpectedFile, ExpectedList, ListState

BEFORE: Final = [("importer", "0013_unsolved_entries"), ("transfers", "0007_left_out_of_uploads")]
AT: Final = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
SHA: Final = sha256(b"").hexdigest()
MD5: Final = "0" * 32


class Before:
    """An upload, and its lists, by the models of that version."""

    def __init__(self, apps: Any) -> None:
        self.apps = apps
        member = self.model("accounts", "Member").objects.create(email="ada@example.org", name="Ada")
        project = self.model("projects", "Project").objects.create(name="Beamline 7", created_by=member)
        uploads = self.model("transfers", "Upload").objects
        self.upload = uploads.create(
            name="Scan",
            state="open",
            project=project,
            owner=member,
            collection_id=uuid4(),
            area_name=str(uuid4()),
            expires_at=AT,
        )

    def model(self, app: str, name: str) -> Any:
        return self.apps.get_model(app, name)

    def a_list(self, source: str, *paths: bytes, is_whole: bool = True, unused: int = 0, **row: Any) -> None:
        self.model("importer", "ExpectedList").objects.create(
            upload=self.upload,
            source=source,
            name=source or "sent",
            is_whole=is_whole,
            stamp="as it was",
            files=len(paths),
            unused=unused,
            instead=["SHA256SUMS"] if unused else [],
        )
        self.rows(source, *paths, **row)

    def rows(self, source: str, *paths: bytes, **row: Any) -> None:
        for path in paths:
            self.model("importer", "ExpectedFile").objects.create(
                upload=self.upload, path=path, path_digest=path_key(path), source=source, **row
            )


@pytest.fixture(scope="module")
def upload_id(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[UUID]:
    folder = tmp_path_factory.mktemp("before")
    with django_db_blocker.unblock(), an_empty_database(folder):
        executor = MigrationExecutor(connection)
        executor.migrate(BEFORE)
        before = Before(executor.loader.project_state(BEFORE).apps)
        both: dict[str, Any] = {
            "algorithm": "sha256",
            "digest": SHA,
            "other_algorithm": "md5",
            "other_digest": MD5,
            "size_bytes": 7,
        }
        before.a_list("SHA256SUMS", b"a", b"b", **both)
        before.a_list("MD5SUMS", b"c", algorithm="md5", digest=MD5, unused=1)
        before.a_list("", b"d", size_bytes=9)
        before.a_list("half.md5", b"e", is_whole=False, algorithm="md5", digest=MD5)
        before.rows("gone.md5", b"f", algorithm="md5", digest=MD5)
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
        yield UUID(str(before.upload.pk))


def test_what_was_compared_is_compared(upload_id: UUID) -> None:
    said = said_of(rows_of(upload_id), [path_key(path) for path in (b"a", b"b", b"c", b"d", b"e", b"f")])
    assert {key: (one.size_bytes, one.digests, one.source) for key, one in said.items()} == {
        path_key(b"a"): (7, (("sha256", SHA), ("md5", MD5)), "SHA256SUMS"),
        path_key(b"b"): (7, (("sha256", SHA), ("md5", MD5)), "SHA256SUMS"),
        path_key(b"c"): (None, (("md5", MD5),), "MD5SUMS"),
        path_key(b"d"): (9, (), ""),
    }


def test_what_is_told_stays(upload_id: UUID) -> None:
    lists = whole_lists(upload_id)
    assert [(one.source, one.files, one.unused) for one in lists] == [
        ("", 1, 0),
        ("SHA256SUMS", 2, 0),
        ("MD5SUMS", 1, 1),
    ]
    assert not_used(upload_id) == ["1 row of MD5SUMS was not used, because SHA256SUMS names the same file."]
    assert count_missing(upload_id) == 4
    assert {(one.path, one.size_bytes) for one in missing_files(upload_id)} == {
        ("a", 7), ("b", 7), ("c", None), ("d", 9),
    }  # fmt: skip


def test_what_was_found_is_read_again_and_what_was_half_waits_to_be_forgotten(upload_id: UUID) -> None:
    found = ExpectedList.objects.exclude(source="")
    assert set(found.values_list("source", "state", "stamp")) == {
        ("SHA256SUMS", ListState.WHOLE, ""),
        ("MD5SUMS", ListState.WHOLE, ""),
        ("half.md5", ListState.WRITING, ""),
    }
    assert not ExpectedFile.objects.filter(path=b"f").exists()
