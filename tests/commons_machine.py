"""The state machine: what members, workers, crashes and time do, to the engine and to the model alike.

The rules are here; what of it must be true after every step is in `machine_checks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from builders import an_open_upload
from importing import Crash, fill
from machine_checks import Asked, CheckedMachine
from moorage.backends import backends
from moorage.files.change_refusals import ChangeRefusedError
from moorage.files.change_requests import ChangeRequest, InvalidChangeError, read_request
from moorage.files.changing import ask_change
from moorage.files.choosing import InvalidChoiceError
from moorage.files.models import RevisionKind
from moorage.files.orphans import Orphans
from moorage.files.paths import PathNotFoundError
from moorage.jobs.sweeps import clearing, closing, collecting, expiry, tasks, tidying, wishes
from moorage.projects.choices import ImportChoices
from moorage.storage.fixity import Throttle
from moorage.transfers.arrivals import look_at_area
from moorage.transfers.cancelling import NothingToCancelError, cancel_import
from moorage.transfers.discarding import start_discarding
from moorage.transfers.retrying import NothingToRetryError, retry_upload
from moorage.transfers.rules import EmptyUploadError, UploadImportedError, UploadImportingError
from moorage.transfers.sealing import start_sealing
from moorage.transfers.undoing import NothingToUndoError, UndoTooLateError, redo_import, undo_import
from moorage.transfers.wishing import take_wish_back, wish_quiet
from stepped_world import WAITS, Worker
from suspects import a_task_fails
from upload_model import UploadModel, above, is_no_folder, moved, removed, restored

Thing = TypeVar("Thing")

PATHS: Final = st.sampled_from(["a", "b", "d", "d/a", "d/b", "d/e/a", "e", "e/a", "f/g/h"])
FILES: Final = st.dictionaries(PATHS, st.sampled_from([b"", b"one", b"two", b"three"]), min_size=1, max_size=5)
TARGETS: Final = st.sampled_from(["", "", "", "d", "e", "landing/x"])
NEW_PATHS: Final = st.sampled_from(["/", "d/", "e/", "m", "m/n", "a", "f/g"])
CONFLICTS: Final = st.sampled_from(["version", "version", "skip", "fail"])
INCLUDES: Final = st.sampled_from([(), (), ("doubtful",)])
WHICH: Final = st.integers(0, 5)
DIES: Final = st.none() | st.integers(0, 12)  # before which of its acts that last
MOST_UPLOADS: Final = 5
MOST_ASKED: Final = 3


def pick(things: Sequence[Thing], which: int) -> Thing:
    return things[which % len(things)]


class CommonsMachine(CheckedMachine):
    """Rules by who does something: members with uploads, members with files, workers, and time."""

    # Members and their uploads

    @initialize(files=FILES)
    def the_project_holds_something(self, files: dict[str, bytes]) -> None:
        upload = self._opened()
        self._put(upload, files)
        self._seal(upload, ImportChoices(), dies=None)
        self._take_import(upload)
        self._run(self.at_work()[0], most=300)
        assert upload.state == "imported"

    def _opened(self) -> UploadModel:
        row = an_open_upload(self.world.globus, project=self.project, owner=self.project.created_by)
        self.uploads[row.pk] = UploadModel()
        return self.uploads[row.pk]

    @precondition(lambda self: len(self.uploads) < MOST_UPLOADS)
    @rule(files=FILES, is_done=st.booleans(), on_conflict=CONFLICTS, into=TARGETS)
    def open(self, files: dict[str, bytes], is_done: bool, on_conflict: str, into: str) -> None:
        upload = self._opened()
        self._put(upload, files)
        if is_done:
            self._seal(upload, ImportChoices(on_conflict=on_conflict, target=into), dies=None)
        if upload.state == "sealed":
            self._take_import(upload)

    @precondition(lambda self: len(self.uploads) < MOST_UPLOADS)
    @rule(files=FILES, late=FILES, which=WHICH, on_conflict=CONFLICTS, include=INCLUDES)
    def open_and_have_a_transfer_fail(
        self, files: dict[str, bytes], late: dict[str, bytes], which: int, on_conflict: str, include: tuple[str, ...]
    ) -> None:
        """Of what arrives while it runs, another one has delivered a file."""
        upload, whole = self._opened(), pick(sorted(late), which)
        self._put(upload, files)
        with a_task_fails(self.row_of(upload), delivered=[whole]):
            upload.is_suspected = True
            self._put(upload, late)
        upload.doubtful.discard(whole)
        self._seal(upload, ImportChoices(on_conflict=on_conflict, include=include), dies=None)
        self._take_import(upload)

    @precondition(lambda self: self.in_state("open"))
    @rule(which=WHICH, files=FILES)
    def put_or_overwrite(self, which: int, files: dict[str, bytes]) -> None:
        self._put(pick(self.in_state("open"), which), files)

    def _put(self, upload: UploadModel, files: dict[str, bytes]) -> None:
        for path, content in files.items():
            if path in upload.folders or any(folder in upload.files for folder in above(path)):
                continue  # a file system has no file and folder of one name
            if content == b"" and path not in upload.files:
                upload.folders |= {path, *above(path)}
                fill(self.area_of(upload), {f"{path}/": content})
                continue
            upload.files[path] = content
            upload.folders |= {*above(path)}
            if upload.is_suspected:
                upload.doubtful.add(path)
            fill(self.area_of(upload), {path: content})

    @precondition(lambda self: any(upload.files for upload in self.in_state("open")))
    @rule(which=WHICH, path=WHICH)
    def delete_a_staged_file(self, which: int, path: int) -> None:
        upload = pick([upload for upload in self.in_state("open") if upload.files], which)
        gone = pick(sorted(upload.files), path)
        del upload.files[gone]
        upload.doubtful.discard(gone)
        (self.area_of(upload) / gone).unlink()

    @precondition(lambda self: self.in_state("open"))
    @rule(which=WHICH, on_conflict=CONFLICTS, into=TARGETS, include=INCLUDES, dies=DIES)
    def done(self, which: int, on_conflict: str, into: str, include: tuple[str, ...], dies: int | None) -> None:
        choices = ImportChoices(on_conflict=on_conflict, target=into, include=include)
        self._seal(pick(self.in_state("open"), which), choices, dies=dies)

    def _seal(self, upload: UploadModel, choices: ImportChoices, *, dies: int | None) -> None:
        row = self.row_of(upload)
        look_at_area(row, at=self.now)
        row.refresh_from_db()
        if not (upload.files or upload.folders):
            with pytest.raises(EmptyUploadError):
                start_sealing(upload=row, actor=row.owner, at=self.now, choices=choices)
            return
        if is_no_folder(self.model.head, choices.target):
            with pytest.raises(InvalidChoiceError):
                start_sealing(upload=row, actor=row.owner, at=self.now, choices=choices)
            return
        start_sealing(upload=row, actor=row.owner, at=self.now, choices=choices)
        upload.state = "sealing"
        self._choose(upload, choices)
        self._close(dies)

    def _choose(self, upload: UploadModel, choices: ImportChoices) -> None:
        upload.on_conflict, upload.target = choices.on_conflict or "version", choices.target
        upload.takes_doubtful = choices.include_doubtful
        upload.is_cancelled = upload.is_wished = False

    def _close(self, dies: int | None) -> None:
        """The sweep that seals and discards, which may die in the middle."""
        for sweep, before, after in ((closing.seal, "sealing", "sealed"), (closing.discard, "discarding", "discarded")):
            self.stepped.does(lambda sweep=sweep: sweep(self.now), dies_before=dies)  # type: ignore[misc]
            for upload in self.in_state(before):
                self.adopt(upload, {after} if dies is None else {before, after})

    @precondition(lambda self: self.in_state("sealing", "discarding"))
    @rule()
    def uploads_are_closed(self) -> None:
        self._close(None)

    @precondition(lambda self: self.in_state("open"))
    @rule(which=WHICH, on_conflict=CONFLICTS)
    def wish(self, which: int, on_conflict: str) -> None:
        upload = pick(self.in_state("open"), which)
        choices = ImportChoices(on_conflict=on_conflict)
        wish_quiet(upload=self.row_of(upload), actor=self.project.created_by, at=self.now, choices=choices)
        self._choose(upload, choices)
        upload.is_wished = True

    @precondition(lambda self: any(upload.is_wished for upload in self.in_state("open")))
    @rule(which=WHICH)
    def take_the_wish_back(self, which: int) -> None:
        upload = pick([upload for upload in self.in_state("open") if upload.is_wished], which)
        take_wish_back(upload=self.row_of(upload), actor=self.project.created_by, at=self.now)
        upload.is_wished = False

    @precondition(lambda self: any(upload.is_wished for upload in self.in_state("open")))
    @rule(dies=DIES)
    def it_is_quiet_for_a_while(self, dies: int | None) -> None:
        for _ in range(2):
            for upload in self.in_state("open"):
                look_at_area(self.row_of(upload), at=self.now)
            self.clock.moves(hours=0.1)
        tasks.read_tasks(self.now)
        self.stepped.does(lambda: wishes.fulfil_wishes(self.now), dies_before=dies)
        for upload in self.in_state("open"):
            is_ripe = upload.is_wished and bool(upload.files)
            expected = "sealing" if is_ripe else "open"
            self.adopt(upload, {expected} if dies is None else {"open", expected})
        self._close(dies)

    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        upload = pick(list(self.uploads.values()), which)
        row, actor = self.row_of(upload), self.project.created_by
        if upload.state == "sealed":
            cancel_import(upload=row, actor=actor, at=self.now)
            upload.state = "imported" if upload.published else "failed"
            upload.is_cancelled = True
        elif upload.state == "importing":
            cancel_import(upload=row, actor=actor, at=self.now)
            upload.is_cancelled = True
        elif not (upload.is_cancelled and upload.state in {"failed", "imported"}):
            with pytest.raises(NothingToCancelError):
                cancel_import(upload=row, actor=actor, at=self.now)

    @precondition(lambda self: self.in_state("failed", "imported"))
    @rule(which=WHICH, on_conflict=CONFLICTS, into=TARGETS, include=INCLUDES)
    def retry(self, which: int, on_conflict: str, into: str, include: tuple[str, ...]) -> None:
        upload = pick(self.in_state("failed", "imported"), which)
        row, choices = self.row_of(upload), ImportChoices(on_conflict=on_conflict, target=into, include=include)
        if upload.is_past_retry or (upload.state == "imported" and not upload.problems):
            with pytest.raises(NothingToRetryError):
                retry_upload(upload=row, actor=row.owner, at=self.now, choices=choices)
            return
        if is_no_folder(self.model.head, into):
            with pytest.raises(InvalidChoiceError):
                retry_upload(upload=row, actor=row.owner, at=self.now, choices=choices)
            return
        retry_upload(upload=row, actor=row.owner, at=self.now, choices=choices)
        upload.state = "sealed"
        self._choose(upload, choices)

    @rule(which=WHICH, dies=DIES)
    def discard(self, which: int, dies: int | None) -> None:
        upload = pick(list(self.uploads.values()), which)
        row = self.row_of(upload)
        if upload.state == "importing" or upload.published:
            with pytest.raises(UploadImportingError if upload.state == "importing" else UploadImportedError):
                start_discarding(upload=row, actor=row.owner, at=self.now)
            return
        start_discarding(upload=row, actor=row.owner, at=self.now)
        if upload.state != "discarded":
            upload.state = "discarding"
        self._close(dies)

    # Members and the project's files

    @precondition(lambda self: self.imports() and len(self.asked) < MOST_ASKED)
    @rule(which=WHICH, redo=st.booleans(), soon=st.booleans())
    def undo_or_redo(self, which: int, redo: bool, soon: bool) -> None:
        number, upload = pick(self.imports(), which)
        row, ask = self.row_of(upload), redo_import if redo else undo_import
        tip = self.model.tip_of(number)
        waits = any(asked.undoes == tip for asked in self.asked.values())
        is_undone = self.model.is_undone(number)
        known = len(self.asked)
        try:
            revision = ask(upload=row, actor=row.owner, at=self.now, revision=number)
        except UndoTooLateError:
            assert self.now >= self.published_at[tip] + backends().policies.undo_kept
            return
        except NothingToUndoError:
            assert (waits and is_undone != redo) or (redo and not is_undone and tip == number)
            return
        if revision.pk not in self.asked and revision.pk not in self.settled:
            assert is_undone == redo
            assert not waits
            self.asked[revision.pk] = Asked(self.model.number, lambda _: self.model.undone(tip), undoes=tip)
            self._carry_out(soon)
        else:
            assert len(self.asked) == known

    @precondition(lambda self: self.paths() and len(self.asked) < MOST_ASKED)
    @rule(which=WHICH, other=WHICH, soon=st.booleans())
    def remove(self, which: int, other: int, soon: bool) -> None:
        paths = sorted({pick(self.paths(), which), pick(self.paths(), other)})
        request = read_request(RevisionKind.REMOVE, paths)
        self._ask(request, lambda tree: removed(tree, request.paths), soon)

    @precondition(lambda self: self.paths() and len(self.asked) < MOST_ASKED)
    @rule(which=WHICH, other=WHICH, into=NEW_PATHS, soon=st.booleans())
    def move(self, which: int, other: int, into: str, soon: bool) -> None:
        with suppress(InvalidChangeError):
            paths = sorted({pick(self.paths(), which), pick(self.paths(), other)})
            request = read_request(RevisionKind.MOVE, paths, target=into)
            self._ask(request, lambda tree: moved(tree, request.moves()), soon)

    @precondition(lambda self: len(self.asked) < MOST_ASKED)
    @rule(number=WHICH, which=WHICH, everything=st.booleans(), soon=st.booleans())
    def restore(self, number: int, which: int, everything: bool, soon: bool) -> None:
        revision = 1 + number % self.model.number
        old = self.model.revisions[revision]
        paths = sorted({*old.files, *old.folders})
        chosen = ["/"] if everything or not paths else [pick(paths, which)]
        request = read_request(RevisionKind.RESTORE, chosen, revision=revision)
        self._ask(request, lambda tree: restored(tree, old, request.paths), soon)

    def _ask(self, request: ChangeRequest, change: Any, soon: bool) -> None:
        self.project.refresh_from_db()
        asked = Asked(self.model.number, change)
        try:
            revision = ask_change(project=self.project, actor=self.project.created_by, request=request, at=self.now)
        except (PathNotFoundError, ChangeRefusedError):
            assert asked.is_refused(self.model.head)
            return
        assert not asked.is_refused(self.model.head)
        self.asked[revision.pk] = asked
        self._carry_out(soon)

    def _carry_out(self, soon: bool) -> None:
        """A worker may find at once what was asked for, or what waits before it."""
        worker = self.stepped.takes_revision() if soon else None
        if worker is not None:
            self._run(worker, most=300)

    # Workers

    @precondition(lambda self: self.in_state("sealed", "importing"))
    @rule(which=WHICH)
    def a_worker_takes_an_import(self, which: int) -> None:
        self._take_import(pick(self.in_state("sealed", "importing"), which))

    @precondition(lambda self: self.in_state("importing"))
    @rule(which=WHICH)
    def another_worker_takes_an_import_over(self, which: int) -> None:
        upload = pick(self.in_state("importing"), which)
        if self._take_import(upload) is None:
            self.stepped.leases_run_out()
            assert self._take_import(upload) is not None

    def _take_import(self, upload: UploadModel) -> Worker | None:
        worker = self.stepped.takes_import(self.id_of(upload))
        if worker is not None:
            upload.state = "importing"
        else:
            assert upload.state == "importing"
        return worker

    @precondition(lambda self: self.asked)
    @rule(over=st.booleans())
    def a_worker_takes_a_change(self, over: bool) -> None:
        if self.stepped.takes_revision() is None and over:
            self.stepped.leases_run_out()
            assert self.stepped.takes_revision() is not None

    @precondition(lambda self: self.at_work())
    @rule(which=WHICH, steps=st.integers(1, 8), dies=DIES)
    def a_worker_goes_on(self, which: int, steps: int, dies: int | None) -> None:
        self._run(pick(self.at_work(), which), most=steps, dies=dies)

    @precondition(lambda self: self.at_work())
    @rule(which=WHICH)
    def a_worker_goes_on_to_its_end(self, which: int) -> None:
        self._run(pick(self.at_work(), which), most=300)

    @precondition(lambda self: any(worker.process.at == WAITS for worker in self.at_work()))
    @rule(which=WHICH)
    def the_right_to_register_is_stolen(self, which: int) -> None:
        worker = pick([worker for worker in self.at_work() if worker.process.at == WAITS], which)
        self._run(worker, most=1)
        self.stepped.leases_run_out()
        if not worker.process.is_over:
            self._run(worker, most=2)

    @precondition(lambda self: self.in_state("sealed", "importing") and self.paths() and not self.asked)
    @rule(which=WHICH, path=WHICH, steps=st.integers(2, 8), into=st.none() | NEW_PATHS)
    def an_import_is_overtaken(self, which: int, path: int, steps: int, into: str | None) -> None:
        """What it has planned against is removed or moved meanwhile."""
        upload = pick(self.in_state("sealed", "importing"), which)
        self._take_import(upload)
        worker = next((one for one in self.at_work() if one.upload_id == self.id_of(upload) and not one.is_late), None)
        if worker is None:
            return
        self._run(worker, most=steps)
        meant = [one for one in self.paths() if one in {*upload.files, *upload.folders}]
        if meant or self.paths():
            other = pick(meant or self.paths(), path)
            with suppress(InvalidChangeError):
                kind = RevisionKind.REMOVE if into is None else RevisionKind.MOVE
                request = read_request(kind, [other], target=into)
                change = (
                    (lambda tree: removed(tree, [other])) if into is None else lambda tree: moved(tree, request.moves())
                )
                self._ask(request, change, soon=True)
        if not worker.process.is_over:
            self._run(worker, most=300)

    @precondition(lambda self: self.at_work())
    @rule(which=WHICH)
    def a_worker_crashes(self, which: int) -> None:
        pick(self.at_work(), which).process.kill()

    @precondition(lambda self: self.at_work())
    @rule()
    def the_machine_restarts(self) -> None:
        for worker in self.at_work():
            worker.process.kill()
        self.stepped.leases_run_out()

    # Time

    @rule(days=st.sampled_from([0, 1, 31, 61, 91]), dies=DIES)
    def days_pass(self, days: int, dies: int | None) -> None:
        self.clock.moves(days=days)
        sweeps = (expiry.warn_and_expire, clearing.clear_imported, tidying.remnants, tidying.strays, tidying.trash)
        for sweep in sweeps:
            self.stepped.does(lambda sweep=sweep: sweep(self.now), dies_before=dies)  # type: ignore[misc]
        for upload in self.uploads.values():
            row = self.row_of(upload)
            if upload.state in {"open", "failed"} and not upload.published:
                # Whoever was to discard it before may have died.
                is_overdue = days >= 1 or row.expires_at <= self.now
                self.adopt(upload, {upload.state, "discarding"} if is_overdue else {upload.state})
            if upload.state == "imported":
                upload.is_past_retry = row.remnants_gone_at is not None
        self._close(dies)

    @rule(days=st.sampled_from([0, 1, 31]), dies=DIES, seams=st.none() | st.integers(0, 4))
    def collect(self, days: int, dies: int | None, seams: int | None) -> None:
        self.clock.moves(days=days)
        met: list[str] = []

        def seam(name: str) -> None:
            met.append(name)
            if seams is not None and len(met) > seams:
                raise Crash(name)

        def work() -> None:
            orphans = Orphans(self.world.store, self.clock, Throttle(0))
            for digest in orphans.find():
                orphans.adopt(digest)
            with suppress(Crash):
                replace(collecting.collector(), watch=self.stepped.doomed, seam=seam).collect(at=self.now)

        self.stepped.does(work, dies_before=dies)

    def teardown(self) -> None:
        try:
            self.come_to_rest()
        finally:
            self.stepped.close()

    def rest_once(self) -> None:
        """Whoever is at work ends it, and whoever finds something to do does it."""
        self.stepped.leases_run_out()
        self._close(None)
        collecting.finish_leaving(self.now)
        for upload in self.in_state("sealed", "importing"):
            self._take_import(upload)
        self.stepped.takes_revision()
        for worker in self.at_work():
            self._run(worker, most=300)
