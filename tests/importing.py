"""Moves of an upload from its staging area into its project, for tests of the import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from builders import a_project, an_open_upload, read_whole
from fakes.globus import InMemoryTransferService
from moorage.backends import backends
from moorage.importer.models import ManifestEntry
from moorage.importer.publish.clear import clear_published
from moorage.importer.run import run_import
from moorage.jobs.imports import claim_next, job_of, work
from moorage.leases import LeaseWatch
from moorage.projects.models import Project
from moorage.storage.layout import StoreLayout
from moorage.transfers.arrivals import look_at_area
from moorage.transfers.freezing import continue_sealing
from moorage.transfers.models import Upload
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState


class Crash(BaseException):
    """The process dies here: nothing may catch it."""


@dataclass
class World:
    """A Globus, a store, and an executor for batches."""

    globus: InMemoryTransferService
    store: StoreLayout
    executor: Executor

    def an_area(self, project: Project | None = None, *, name: str = "Scan 42") -> tuple[Upload, Path]:
        """An open upload, and the folder that its files arrive in."""
        project = project or a_project()
        upload = an_open_upload(self.globus, project=project, owner=project.created_by, name=name)
        return upload, self.store.collection / upload.area_name

    def a_sealed_upload(self, files: Mapping[str, bytes], project: Project | None = None) -> Upload:
        """An upload whose files have arrived and whose area is sealed."""
        upload, area = self.an_area(project)
        fill(area, files)
        self.seal(upload)
        return upload

    def seal(self, upload: Upload) -> Path:
        """DONE, and the freeze that follows. Returns the sealed area."""
        look_at_area(upload, at=backends().clock())
        upload.refresh_from_db()
        start_sealing(upload=upload, actor=upload.owner, at=backends().clock())
        for _ in range(10):
            if upload.current_state is UploadState.SEALED:
                break
            continue_sealing(upload, at=backends().clock())
            upload.refresh_from_db()
        assert upload.current_state is UploadState.SEALED
        return self.store.sealed / str(upload.pk)

    def work(self, upload: Upload) -> Upload:
        """A worker that finds the upload and imports it."""
        lease = claim_next(LeaseWatch())
        assert lease is not None
        assert lease.pk == upload.pk
        work(lease, executor=self.executor)
        upload.refresh_from_db()
        return upload

    def imported(self, files: Mapping[str, bytes], project: Project | None = None) -> Upload:
        """An upload that has been through all of it."""
        return self.work(self.a_sealed_upload(files, project))

    def work_until(self, upload: Upload, seam: Callable[[str], None]) -> None:
        """A worker that meets `seam` between its steps, without the care that a real one takes of what it raises."""
        lease = claim_next(LeaseWatch())
        assert lease is not None
        assert lease.pk == upload.pk
        row = Upload.objects.select_related("project", "owner", "done_by").get(pk=lease.pk)
        job = job_of(row, lease, should_stop=lambda: False, executor=self.executor)
        job.seam = seam
        try:
            if run_import(job) is not None:
                clear_published(upload_id=upload.pk, store=self.store)
        finally:
            # Its process is gone, so anyone may see that; a test's process is not.
            lease.release()


def fill(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files below a folder; a path that ends with a slash is an empty folder."""
    for path, content in files.items():
        target = folder / path
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def contents(world: World, project: Project, revision: int | None = None) -> dict[str, bytes]:
    """Every file that a reader of the project sees, by path, with its bytes as they are in the store."""
    whole = read_whole(project.pk, revision, limit=100)
    found = {}
    for path, value in whole.items():
        if isinstance(value, str):
            found[path] = (world.store.objects / value[:2] / value).read_bytes()
    return found


def folders(project: Project, revision: int | None = None) -> dict[str, tuple[int, int]]:
    """Every folder that a reader sees: how many files and bytes it holds."""
    return {path: value for path, value in read_whole(project.pk, revision).items() if not isinstance(value, str)}


def reasons(upload: Upload) -> dict[bytes, str]:
    """Why entries were not imported, by path."""
    entries = ManifestEntry.objects.filter(upload_id=upload.pk).exclude(reason="")
    return {bytes(entry.path): entry.reason for entry in entries}


def staged(area: Path) -> set[str]:
    """Every name that is left below an area (files only)."""
    return {str(path.relative_to(area)) for path in area.rglob("*") if not path.is_dir() or path.is_symlink()}
