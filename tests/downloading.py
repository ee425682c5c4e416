"""Moves of a download from its form until its tree has gone, for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders import a_globus_member, a_project, publish_files
from fakes.globus import InMemoryTransferService
from moorage.accounts.models import Member
from moorage.backends import backends
from moorage.files.models import StoredObject
from moorage.jobs.downloads import claim_next, waiting, work
from moorage.jobs.looking import Look
from moorage.leases import LeaseWatch
from moorage.projects.models import Project
from moorage.storage.layout import StoreLayout
from moorage.transfers.downloads.asking import request_download
from moorage.transfers.models import Download
from moorage.transfers.reconciling import reconcile_grants


@dataclass
class Harbour:
    """A Globus, a store, and an executor for batches; a project is filled without an import."""

    globus: InMemoryTransferService
    store: StoreLayout
    executor: Executor

    def a_project(self, files: Mapping[str, bytes], *, folders: tuple[str, ...] = ()) -> Project:
        """A project of a member who has signed in with Globus, with these files at its first revision."""
        project = a_project(a_globus_member(self.globus))
        self.publish(project, files, folders=folders)
        return project

    def publish(self, project: Project, files: Mapping[str, bytes], **others: Any) -> int:
        """One more revision. Its objects were read a moment ago."""
        number = publish_files(project, files, store=self.store, **others)
        StoredObject.objects.filter(verified_at=None).update(verified_at=backends().clock())
        return number

    def asked(self, project: Project, actor: Member | None = None, **wish: Any) -> Download:
        """A download that was asked for."""
        actor = actor or project.created_by
        told = {"name": "For the cluster", **wish}
        return request_download(project=project, actor=actor, at=backends().clock(), **told)

    def work(self, *, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """A worker does what there is to do first. False: there was nothing."""
        may_find, lease = Look(waiting)(), claim_next(LeaseWatch())
        if lease is None:
            return False
        assert may_find
        work(lease, executor=self.executor, should_stop=should_stop)
        return True

    def ready(self, project: Project, actor: Member | None = None, **wish: Any) -> Download:
        """A download that a worker has prepared, and whose rule stands."""
        download = self.asked(project, actor, **wish)
        assert self.work()
        download.refresh_from_db()
        assert download.state == "ready", (download.reason, download.reason_text)
        self.reconcile()
        return download

    def reconcile(self) -> None:
        """The sweep that makes rules follow grants, until it has seen them in the list."""
        while reconcile_grants(at=backends().clock()):
            pass

    def served(self, download: Download) -> Path:
        """Where the download's tree lies for Globus."""
        return self.store.collection / download.tree.name


def tree_of(folder: Path) -> dict[str, bytes | None]:
    """Everything in a folder: the bytes of files by path, None for folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
