"""What imports of the first version have written is still there, and goes on, after the tables have changed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4
from zlib import crc32

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from fakes.globus import InMemoryTransferService
from importing import World, contents, fill
from migrating import an_empty_database
from moorage.backends import Backends, Policies, using
from moorage.files.models import FileVersion, StoredObject
from moorage.files.paths import path_key
from moorage.globus.links import GlobusLinks
from moorage.importer.ledger.runs import registered
from moorage.importer.models import ManifestEntry
from moorage.importer.shown.entries import entries_page
from moorage.importer.shown.receipt_files import imported_files
from moorage.importer.shown.receipts import problems, receipts
from moorage.importer.shown.remnants import kept_until
from moorage.storage.layout import StoreLayout
from moorage.transfers.models import DeliveredFile, Upload
from moorage.transfers.states import UploadState

THE_FIRST: Final = [("importer", "0001_initial")]
AT: Final = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
KEPT: Final = datetime(2026, 4, 13, 12, 0, tzinfo=UTC)
SENTENCE: Final = "The name is not valid UTF-8."


def digest_of(content: bytes) -> str:
    return sha256(content).hexdigest()


@dataclass
class Before:
    """A project and its uploads as the first version has written them, by its models."""

    apps: Any
    store: StoreLayout

    def __post_init__(self) -> None:
        self.member = self.model("accounts", "Member").objects.create(email="ada@example.org", name="Ada")
        self.project = self.model("projects", "Project").objects.create(name="Beamline 7", created_by=self.member)
        self.root = self.model("files", "Directory").objects.create(project=self.project)

    def model(self, app: str, name: str) -> Any:
        return self.apps.get_model(app, name)

    def an_upload(self, state: str, **fields: Any) -> Any:
        return self.model("transfers", "Upload").objects.create(
            name=f"Scan, {state}",
            state=state,
            project=self.project,
            owner=self.member,
            done_by=self.member,
            collection_id=uuid4(),
            area_name=str(uuid4()),
            expires_at=KEPT,
            sealed_at=AT,
            **fields,
        )

    def a_run(self, upload: Any, number: int, *, revision: int | None, **fields: Any) -> Any:
        state = "published" if revision else "failed" if fields.get("outcome") else "registering"
        asked = self.model("files", "Revision").objects.create(
            project=self.project, number=revision, kind="import", state=state, upload_id=upload.pk, by=self.member
        )
        return self.model("importer", "ImportRun").objects.create(
            upload=upload, project=self.project, revision=asked, number=number, started_at=AT, scanned_at=AT, **fields
        )

    def an_object(self, content: bytes) -> Any:
        digest = digest_of(content)
        path = self.store.objects / digest[:2] / digest
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_bytes(content)
            path.chmod(0o444)
        status = path.stat()
        return self.model("files", "StoredObject").objects.get_or_create(
            digest=digest,
            defaults={
                "size_bytes": len(content),
                "crc32": crc32(content),
                "modified_ns": status.st_mtime_ns,
                "changed_ns": status.st_ctime_ns,
            },
        )[0]

    def an_entry(self, upload: Any, number: int, path: bytes, **fields: Any) -> Any:
        content = fields.pop("content", None)
        if content is not None:
            stored = self.an_object(content)
            fields |= {"digest": stored.digest, "crc32": stored.crc32, "stored_object": stored}
            fields |= {"size_bytes": len(content), "version_id": uuid4(), "modified_at": AT}
        return self.model("importer", "ManifestEntry").objects.create(
            upload=upload,
            number=number,
            path=path,
            path_digest=sha256(path).digest(),
            name=path.rpartition(b"/")[2].decode(errors="ignore"),
            folded=number,
            **{"kind": "file", "verdict": "new"} | fields,
        )

    def a_version(self, entry: Any, since: int) -> None:
        self.model("files", "FileVersion").objects.create(
            id=entry.version_id,
            project=self.project,
            directory=self.root,
            name=entry.name,
            stored_object=entry.stored_object,
            size_bytes=entry.size_bytes,
            modified_at=AT,
            since=since,
        )

    def a_problem(self, run: Any, entry: Any) -> None:
        self.model("importer", "ImportProblem").objects.create(
            run=run, entry=entry, code=entry.reason, sentence=entry.reason_text
        )

    def publish(self, revision: int) -> None:
        self.project.head = revision
        self.project.save()


NOT_UTF8: Final = {"verdict": "rejected", "reason": "path.not_utf8", "reason_text": SENTENCE, "remnant_until": KEPT}


def an_imported_upload(before: Before) -> UUID:
    """Imported by a run that left two files out, and a retry that could bring one of them."""
    upload = before.an_upload("imported", published_revision=2)
    first = before.a_run(upload, 1, revision=1, outcome="imported", ended_at=AT, register_fence=5, problem_count=2)
    second = before.a_run(upload, 2, revision=2, outcome="imported", ended_at=AT, register_fence=9, problem_count=1)
    by_first, by_second = ({"state": "registered", "registered_fence": fence} for fence in (5, 9))
    before.an_entry(upload, 0, b"d", kind="directory", registered_revision=1, **by_first)
    one = before.an_entry(upload, 1, b"one", content=b"one", registered_revision=1, **by_first)
    before.an_entry(upload, 2, b"same", content=b"one", verdict="identical", registered_revision=1, **by_first)
    bad = before.an_entry(upload, 3, b"bad\xff", inode=-5, **NOT_UTF8)
    late = before.an_entry(
        upload,
        4,
        b"late",
        content=b"late",
        registered_revision=2,
        reason="entry.still_open",
        reason_text="It was open.",
        remnant_until=KEPT,
        **by_second,
    )
    before.a_version(one, 1)
    before.a_version(late, 2)
    for run, entry in ((first, bad), (first, late), (second, bad)):
        before.a_problem(run, entry)
    before.publish(2)
    before.model("files", "DirectoryVersion").objects.create(
        project=before.project, directory=before.root, since=1, file_count=2, total_bytes=7
    )
    return UUID(str(upload.pk))


def a_failed_upload(before: Before) -> UUID:
    upload = before.an_upload("failed", reason="import.nothing_good")
    run = before.a_run(upload, 1, revision=None, outcome="failed", ended_at=AT, problem_count=1)
    before.a_problem(run, before.an_entry(upload, 0, b"bad\xff", **NOT_UTF8))
    # Registered under a right that was lost before the run failed.
    before.an_entry(upload, 1, b"one", content=b"one", state="registered", registered_fence=3)
    return UUID(str(upload.pk))


FILES: Final = {"d/placed": b"placed", "d/planned": b"planned", "registered": b"registered", "late": b"late"}


def an_upload_in_the_middle(before: Before) -> UUID:
    """Its worker died while it registered: one version stands above the head already."""
    upload = before.an_upload("importing", step="register", fence=4, is_cleared=False)
    run = before.a_run(upload, 1, revision=None, planned_revision=2)
    area = before.store.sealed / str(upload.pk)
    fill(area, FILES)
    stored = before.an_object(b"placed")
    # As place leaves it: the object is the staged inode.
    placed = area / "d/placed"
    placed.unlink()
    placed.hardlink_to(before.store.objects / stored.digest[:2] / stored.digest)
    status = placed.stat()
    seen = {"inode": status.st_ino, "modified_ns": status.st_mtime_ns, "changed_ns": status.st_ctime_ns}
    before.an_entry(upload, 0, b"d", kind="directory")
    before.an_entry(upload, 1, b"d/placed", content=b"placed", state="placed", **seen)
    before.an_entry(upload, 2, b"d/planned", size_bytes=7)
    half = before.an_entry(upload, 3, b"registered", content=b"registered", state="registered", registered_fence=3)
    before.an_entry(upload, 4, b"gone since", size_bytes=3)
    before.a_version(half, 3)
    before.project.registering_revision, before.project.register_fence = run.revision_id, 3
    before.project.save()
    return UUID(str(upload.pk))


def a_delivered_file(before: Before, upload_id: UUID, path: bytes) -> None:
    """That a Globus task delivered a file of an upload, found by the SHA-256 of its path."""
    task = before.model("transfers", "GlobusTask").objects.create(
        task_id=uuid4(), collection_id=uuid4(), status="FAILED", requested_at=AT, as_of=AT
    )
    before.model("transfers", "DeliveredFile").objects.create(
        task=task, upload_id=upload_id, path=path, path_digest=sha256(path).digest()
    )


@dataclass(frozen=True)
class After:
    """What was there before, in the tables of today."""

    imported: UUID
    failed: UUID
    in_the_middle: UUID
    store: StoreLayout


@pytest.fixture(scope="module")
def after(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[After]:
    folder = tmp_path_factory.mktemp("before")
    store = StoreLayout(folder / "store")
    store.make()
    with django_db_blocker.unblock(), an_empty_database(folder):
        executor = MigrationExecutor(connection)
        executor.migrate(THE_FIRST)
        before = Before(executor.loader.project_state(THE_FIRST).apps, store)
        written = an_imported_upload(before), a_failed_upload(before), an_upload_in_the_middle(before)
        a_delivered_file(before, written[2], b"d/placed")
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
        yield After(*written, store)


def test_an_imported_upload_keeps_its_manifest_its_receipts_and_their_problems(after: After) -> None:
    upload_id = after.imported
    assert [receipt.revision for receipt in receipts(upload_id)] == [2, 1]
    assert [file.path for file in imported_files(upload_id, 1)] == ["one", "same"]
    assert [file.path for file in imported_files(upload_id, 2)] == ["late"]
    told = {
        run: [(one.path, one.code, one.sentence, one.kept_until) for one in problems(upload_id, run)] for run in (1, 2)
    }
    bad = (r"bad\xff", "path.not_utf8", SENTENCE, KEPT)
    assert told == {1: [bad, ("late", "entry.still_open", "It was open.", KEPT)], 2: [bad]}
    assert kept_until(upload_id) == KEPT
    items = entries_page(upload_id).items
    assert [(item.path, item.state, item.revision) for item in items] == [
        ("d", "registered", 1),
        ("one", "registered", 1),
        ("same", "registered", 1),
        (r"bad\xff", "planned", None),
        ("late", "registered", 2),
    ]


def test_digests_are_the_same_and_found_by_them_and_paths_by_their_keys(after: After) -> None:
    upload_id = after.imported
    assert {digest_of(b"one"), digest_of(b"late")} <= {row.digest for row in StoredObject.objects.all()}
    assert StoredObject.objects.get(digest=digest_of(b"late")).size_bytes == 4
    ours = ManifestEntry.objects.filter(upload_id=upload_id)
    for path, digest in ((b"one", digest_of(b"one")), (b"same", digest_of(b"one")), (b"d", ""), (b"bad\xff", "")):
        assert ours.get(path_key=path_key(path)).digest == digest
    assert ours.get(path_key=path_key(b"bad\xff")).inode == -5
    with connection.cursor() as cursor:
        for table in ("files_storedobject", "importer_manifestentry"):
            cursor.execute(f"SELECT DISTINCT length(digest) FROM {table} WHERE length(digest) > 0")  # noqa: S608
            assert cursor.fetchall() == [(32,)]
    version = FileVersion.objects.select_related("stored_object").get(name="late")
    assert version.stored_object.digest == digest_of(b"late")


def test_what_a_task_has_delivered_is_found_by_the_key_of_its_path(after: After) -> None:
    delivered = DeliveredFile.objects.get(upload=after.in_the_middle)
    assert (bytes(delivered.path), bytes(delivered.path_digest)) == (b"d/placed", path_key(b"d/placed"))


def test_a_failed_upload_keeps_why_and_until_when(after: After) -> None:
    [receipt] = receipts(after.failed)
    assert (receipt.outcome, receipt.revision) == ("failed", None)
    assert [(one.path, one.kept_until) for one in problems(after.failed, 1)] == [(r"bad\xff", KEPT)]
    assert kept_until(after.failed) == KEPT
    assert ManifestEntry.objects.get(upload_id=after.failed, path=b"bad\xff").unsolved == ["path.not_utf8", SENTENCE]
    assert not registered(after.failed).exists()


def test_an_import_in_the_middle_goes_on_to_what_it_would_have_been(after: After, policies: Policies) -> None:
    globus = InMemoryTransferService()
    links = GlobusLinks("https://globus.example")
    object_id = StoredObject.objects.get(digest=digest_of(b"placed")).pk
    outside = Backends(globus=globus, links=links, store=after.store, clock=timezone.now, policies=policies)
    with using(outside), ThreadPoolExecutor(2) as threads:
        world = World(globus, after.store, threads)

        upload = world.work(Upload.objects.get(pk=after.in_the_middle))

        assert upload.current_state is UploadState.IMPORTED
        project = upload.project
        assert project.head == upload.published_revision == 3
        assert contents(world, project) == {**FILES, "one": b"one"}
        assert contents(world, project, 2) == {"one": b"one", "late": b"late"}
    assert [receipt.run for receipt in receipts(upload.pk)] == [1]
    assert [(one.path, one.code) for one in problems(upload.pk, 1)] == [("gone since", "entry.vanished")]
    assert {bytes(entry.path): entry.verdict for entry in registered(upload.pk)} == {
        b"d": "new",
        b"d/placed": "new",
        b"d/planned": "new",
        b"registered": "new",
        b"late": "identical",
    }
    # What was placed was not placed again.
    assert ManifestEntry.objects.get(path=b"d/placed").stored_object_id == object_id
    assert StoredObject.objects.filter(digest=digest_of(b"placed")).count() == 1
