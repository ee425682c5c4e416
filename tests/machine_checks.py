"""What must be true of a commons after every step of the state machine, and when all has come to rest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine, invariant

from moorage.backends import backends
from moorage.files.models import Revision, RevisionKind, RevisionState
from moorage.files.registering import UNFINISHED
from moorage.importer.models import ManifestEntry
from moorage.transfers.models import Upload
from stepped_world import WAITS, SteppedWorld, Worker
from upload_model import ProjectModel, Refused, Tree, UploadModel, imported

ENDS = (RevisionState.PUBLISHED, RevisionState.FAILED)
ROUNDS = 20
LOOKS_PER_READER = 8
LONGEST_WAIT = 3  # so often in a row a worker may wait before others have their turn


@dataclass(frozen=True)
class Asked:
    """A revision that waits: what it makes of a tree, and the head when it was asked for."""

    number: int
    change: Callable[[Tree], Tree]
    undoes: int = 0

    def is_refused(self, tree: Tree) -> bool:
        try:
            self.change(tree)
        except Refused:
            return True
        return False


class CheckedMachine(RuleBasedStateMachine):
    """The engine and the model beside each other, and how they are compared."""

    def __init__(self, folders: Iterator[Path]) -> None:
        super().__init__()
        self.stepped = SteppedWorld(next(folders))
        self.world, self.clock, self.project = self.stepped.world, self.stepped.clock, self.stepped.project
        self.model = ProjectModel()
        self.uploads: dict[UUID, UploadModel] = {}
        self.asked: dict[UUID, Asked] = {}
        self.settled: set[UUID] = set()
        self.published_at: dict[int, datetime] = {}
        self.in_trash_since: dict[UUID, datetime] = {}
        self.looks = 0

    @property
    def now(self) -> datetime:
        return self.clock()

    def in_state(self, *states: str) -> list[UploadModel]:
        return [upload for upload in self.uploads.values() if upload.state in states]

    def at_work(self) -> list[Worker]:
        return self.stepped.alive()

    def imports(self) -> list[tuple[int, UploadModel]]:
        """What can be undone: the newest import first."""
        return sorted(((number, one) for one in self.uploads.values() for number in one.published), key=lambda x: -x[0])

    def paths(self) -> list[str]:
        return sorted({*self.model.head.files, *self.model.head.folders})

    def id_of(self, upload: UploadModel) -> UUID:
        return next(pk for pk, one in self.uploads.items() if one is upload)

    def row_of(self, upload: UploadModel) -> Upload:
        return Upload.objects.select_related("project", "owner").get(pk=self.id_of(upload))

    def area_of(self, upload: UploadModel) -> Path:
        return self.world.store.collection / self.row_of(upload).area_name

    def adopt(self, upload: UploadModel, allowed: set[str]) -> None:
        """Where somebody died in the middle, both of two states are right."""
        state = self.row_of(upload).state
        assert state in allowed
        upload.state = state

    # Steps of workers, and what comes of them

    def _run(self, worker: Worker, *, most: int, dies: int | None = None) -> None:
        waited = 0
        for _ in range(most):
            is_late = worker.is_late and worker.process.at != "published"
            before = self.stepped.rows() if is_late else None
            worker.process.go_on(dies_before=dies)
            if before is not None:
                assert self.stepped.rows() == before, f"{worker.process.name} was too late and has written"
            self._settle()
            waited = waited + 1 if worker.process.at == WAITS else 0
            if worker.process.is_over or waited >= LONGEST_WAIT:
                return

    def _settle(self) -> None:
        """Tell the model of what has ended."""
        ended = Revision.objects.filter(project=self.project, state__in=ENDS).exclude(pk__in=self.settled)
        for revision in ended.select_related("undoes").order_by("number"):
            self.settled.add(revision.pk)
            if revision.state == RevisionState.PUBLISHED:
                self._published(revision)
            else:
                self._failed(revision)

    def _published(self, revision: Revision) -> None:
        assert revision.number == self.model.number + 1
        if revision.kind == RevisionKind.IMPORT:
            assert revision.upload_id is not None
            upload = self.uploads[revision.upload_id]
            assert not upload.is_cancelled
            result = imported(upload, self.model.head, self._read(upload))
            assert not result.why_not
            tree, self.model.held[revision.number] = result.tree, result.held
            upload.published.append(revision.number)
            upload.registered |= result.good
            upload.problems, upload.state = result.problems, "imported"
        else:
            asked = self.asked.pop(revision.pk)
            tree = asked.change(self.model.head)
            if asked.undoes:
                self.model.undoes[revision.number] = asked.undoes
        self.model.revisions.append(tree)
        self.published_at[revision.number] = self.now

    def _read(self, upload: UploadModel) -> set[str]:
        """Staged files of which this run, or an earlier one, knows the digest."""
        entries = ManifestEntry.objects.filter(upload_id=self.id_of(upload)).exclude(digest="")
        return {bytes(path).decode() for path in entries.values_list("path", flat=True)}

    def _failed(self, revision: Revision) -> None:
        if revision.kind != RevisionKind.IMPORT:
            asked = self.asked.pop(revision.pk)
            assert any(asked.is_refused(tree) for tree in self.model.revisions[asked.number :])
            return
        assert revision.upload_id is not None
        upload = self.uploads[revision.upload_id]
        if revision.reason == "cancelled":
            assert upload.is_cancelled
            upload.problems = self.row_of(upload).problems
        else:
            result = imported(upload, self.model.head, self._read(upload))
            assert revision.reason == result.why_not
            upload.problems = max(upload.problems, result.problems) if upload.published else result.problems
        upload.state = "imported" if upload.published else "failed"

    # What must be true

    @invariant()
    def all_is_well(self) -> None:
        assert not self.stepped.unforeseen()
        assert self.stepped.head() == self.model.number
        self.stepped.rows_show(self.model.revisions)
        self.looks += 1
        if self.looks % LOOKS_PER_READER == 0:
            self.readers_see_whole_revisions(self.looks // LOOKS_PER_READER)
        rows = {row.pk: row for row in Upload.objects.filter(project=self.project)}
        for pk, upload in self.uploads.items():
            self._is_in_its_state(upload, rows[pk])
            self._has_lost_nothing(upload, rows[pk])
        # What is asked for at one moment comes in an order that nobody chooses.
        self.clock.now += timedelta(seconds=1)

    def readers_see_whole_revisions(self, which: int) -> None:
        """The head and one older revision, as pages and downloads read them: nothing of what is being registered."""
        self.stepped.sees(self.model.number, self.model.head)
        everything = {path for tree in self.model.revisions for path in (*tree.files, *tree.folders)}
        self.stepped.stands(self.model.number, self.model.head, everything)
        old = which % (self.model.number + 1)
        self.stepped.sees(old, self.model.revisions[old])

    def _is_in_its_state(self, upload: UploadModel, row: Upload) -> None:
        assert row.state == upload.state
        if upload.state in {"imported", "failed", "discarded"}:
            assert (row.problems, row.held_by) == (upload.problems, "")
        assert row.published_revision == (upload.published[-1] if upload.published else None)

    def _has_lost_nothing(self, upload: UploadModel, row: Upload) -> None:
        """What is staged is in the area, or registered, or in the trash until its time has passed."""
        if row.remnants_gone_at is not None or upload.state in {"discarding", "discarded"}:
            since = self.in_trash_since.setdefault(row.pk, self.now)
            if self.now >= since + backends().policies.trash_kept:
                return
        wanted = {(path, content) for path, content in upload.files.items() if path not in upload.registered}
        assert not wanted - self.stepped.staged_files(row)

    def come_to_rest(self) -> None:
        """If all went well so far: everything ends that somebody waits for, and every revision is as it was."""
        if sys.exc_info()[0] is not None:
            return
        for _ in range(ROUNDS):
            if not (self.asked or self.at_work() or self.in_state("sealing", "sealed", "importing", "discarding")):
                break
            self.rest_once()
            self.all_is_well()
        else:
            raise AssertionError("something never ends")
        assert not Revision.objects.filter(project=self.project, state__in=UNFINISHED).exists()
        for number, tree in enumerate(self.model.revisions):
            self.stepped.sees(number, tree)

    def rest_once(self) -> None:
        raise NotImplementedError
