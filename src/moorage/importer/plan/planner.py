"""Planning: gives every path of a folder that a scan has listed its entry and its verdict, by asking the planner.

What the planner needs to know is looked up here, folder by folder: what the project has, what is known already, what
lists of digests say, which rules leave it out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from moorage.importer.batches.plain import PlainFolder
from moorage.importer.ledger.entries import Entry
from moorage.importer.ledger.job import ImportJob, Suspicions
from moorage.importer.lists.expectations import Expectations
from moorage.importer.plan.at_head import ProjectAtHead
from moorage.importer.plan.judging import NOTHING, AtHead, Judgement, Policy, Staged, judge
from moorage.importer.plan.known_before import Previous
from moorage.importer.plan.look_alikes import Twins
from moorage.importer.plan.staged_folder import Scene, entries_of, problem_of, scene_of
from moorage.importer.rules.matching import IgnoreRules, is_built_in
from moorage.importer.words import paths, reasons
from moorage.importer.words.selection import Selection
from moorage.importer.words.verdicts import GOOD, Compared, EntryKind, EntryState, Verdict
from moorage.projects.choices import ImportDefaults, OnConflict
from moorage.projects.models import Project
from moorage.storage.walk import FolderPart, Found

_DIRECTORY: Final = EntryKind.DIRECTORY.value
_FILE: Final = EntryKind.FILE.value
_SURELY_SHORT: Final = paths.MAX_PATH_BYTES - paths.MAX_NAME_BYTES - 2
_PLANNED, _PLACED = EntryState.PLANNED.value, EntryState.PLACED.value


@dataclass
class Planner:
    """What an import was asked for, and where it looks things up. `target` is a folder of the project, or empty."""

    at_head: ProjectAtHead
    policy: Policy
    target: str
    selection: Selection
    ignoring: IgnoreRules
    suspicions: Suspicions
    previous: Previous
    expectations: Expectations
    twins: Twins
    _scene: Scene | None = None

    def takes_by_name(self, folder: bytes) -> bool:
        """Whether the names of a folder's files are enough: nothing but a file's own name and bytes matters in it."""
        return not self.previous.exist and self._is_plain(self._enter(folder))

    def plan(self, part: FolderPart) -> tuple[list[Entry], PlainFolder | None]:
        """The entries of a part of a folder, each with its verdict. Paths that were registered before are left out.

        Of files that are told by their names alone, those of which nothing is to be said have no entry, but are plain.
        """
        scene = self._enter(part.path)
        self._expect_folders(scene, part)
        has_twins = self.twins.look_through(part)
        plain = None
        if part.names:
            part, plain = self._plain_part(scene, part, has_twins=has_twins)
        return self._plan(scene, part), plain

    def plan_odd(self, folder: bytes, found: list[Found]) -> list[Entry]:
        """The entries of files that had been taken for plain."""
        entries = list(entries_of(FolderPart(folder, found)))
        self.plan_again(entries)
        return entries

    def _expect_folders(self, scene: Scene, part: FolderPart) -> None:
        """Each folder of this part is looked into later, and asked for then."""
        prefix = len(part.path) + 1 if part.path else 0
        names = [paths.text_of(one.path[prefix:]) for one in part.found if one.kind == _DIRECTORY]
        if names and scene.problem is None:
            self.at_head.learn(scene.place, [name for name in names if name])

    def _plain_part(self, scene: Scene, part: FolderPart, *, has_twins: bool) -> tuple[FolderPart, PlainFolder | None]:
        """What of a part has to be looked at after all, and what not."""
        standing = self.at_head.standing(scene.place, part.names)
        is_told = has_twins or standing is None or (standing and self.policy.on_conflict != OnConflict.VERSION)
        odd = part.names if is_told else self._ignored(part)
        if odd:
            part = part.look_at(set(odd))
        plain = PlainFolder(part.path, scene.place, part.names, standing or {}) if part.names else None
        return part._replace(names=[]), plain

    def _ignored(self, part: FolderPart) -> list[bytes]:
        """Names of a part that a rule leaves out."""
        if not self.ignoring.rules:
            return [name for name in part.names if is_built_in(name)]
        prefix = part.path + b"/" if part.path else b""
        return [name for name in part.names if self.ignoring.ignored_by(prefix + name, is_folder=False)]

    def _plan(self, scene: Scene, part: FolderPart) -> list[Entry]:
        entries = self.previous.carry_over(list(entries_of(part)))
        expected = self.expectations.of(entries)
        standing = self._standing(scene, entries)
        if not (standing or expected or self.twins.wait) and self._is_plain(scene):
            return self._judge_plainly(scene, entries)
        doubtful = self._doubtful(entries)
        for entry in entries:
            self.expectations.compare(entry, expected)
            if entry.kind == _DIRECTORY:
                self._judge_folder(entry)
            else:
                at_head = standing.get(entry.name, NOTHING)
                self._judge(scene, entry, at_head, is_doubtful=entry.key in doubtful)
        return entries

    def _doubtful(self, entries: Iterable[Entry]) -> set[bytes]:
        """The keys of files that a transfer may have left incomplete."""
        if not self.suspicions:
            return set()
        return self.suspicions.doubtful({one.key: one.last_written_ns for one in entries if one.kind == _FILE})

    def _is_plain(self, scene: Scene) -> bool:
        """Whether nothing but a file's own path and kind can matter in this folder."""
        return (
            scene.problem is None
            and scene.is_chosen
            and not (self.suspicions or self.expectations)
            and len(scene.staged) + len(scene.place.encode()) <= _SURELY_SHORT
        )

    def _judge_plainly(self, scene: Scene, entries: list[Entry]) -> list[Entry]:
        """As `_judge` does, for the many files of which nothing is to be said."""
        place, plainly_new = scene.place, Verdict.NEW.value
        for entry in entries:
            is_fine = entry.kind == _FILE and entry.name and not entry.trouble
            if is_fine and not self.ignoring.ignored_by(entry.path, is_folder=False):
                entry.verdict, entry.place = plainly_new, place
            elif entry.kind == _DIRECTORY:
                self._judge_folder(entry)
            else:
                self._judge(scene, entry, NOTHING)
        return entries

    def plan_again(self, entries: Iterable[Entry]) -> None:
        """Give entries a new verdict against another head. Warnings of names that look alike stay."""
        by_folder: dict[bytes, list[Entry]] = {}
        for entry in entries:
            by_folder.setdefault(paths.split(entry.path)[0], []).append(entry)
        for folder, some in by_folder.items():
            scene = self._scene_of(folder)
            standing, doubtful = self._standing(scene, some), self._doubtful(some)
            for entry in some:
                looks_alike = entry.warning == reasons.LOOKS_ALIKE
                if entry.kind == _DIRECTORY:
                    self._judge_folder(entry, looks_alike=looks_alike)
                else:
                    at_head, is_doubtful = standing.get(entry.name, NOTHING), entry.key in doubtful
                    self._judge(scene, entry, at_head, is_doubtful=is_doubtful, looks_alike=looks_alike)

    def _enter(self, folder: bytes) -> Scene:
        if self._scene is None or self._scene.staged != folder:
            self._scene = self._scene_of(folder)
        return self._scene

    def _scene_of(self, folder: bytes) -> Scene:
        return scene_of(folder, target=self.target, selection=self.selection)

    def _standing(self, scene: Scene, entries: Sequence[Entry]) -> dict[str, AtHead]:
        if scene.problem is not None:
            return {}
        return self.at_head.look_up(scene.place, [one.name for one in entries if one.name and one.kind != _DIRECTORY])

    def _judge_folder(self, entry: Entry, *, looks_alike: bool | None = None) -> None:
        scene = self._scene_of(paths.split(entry.path)[0])
        own = self._scene_of(entry.path)
        at_head = NOTHING
        if own.problem is None:
            stands = self.at_head.folder(own.place)
            at_head = AtHead(
                is_folder=stands.is_there,
                is_file=stands.blocked_by == own.place,
                blocked_by="" if stands.blocked_by == own.place else stands.blocked_by,
            )
        self._judge(scene, entry, at_head, looks_alike=looks_alike)
        entry.place = own.place

    def _judge(
        self,
        scene: Scene,
        entry: Entry,
        at_head: AtHead,
        *,
        is_doubtful: bool = False,
        looks_alike: bool | None = None,
    ) -> None:
        problem = scene.problem or problem_of(entry, target=self.target)
        is_chosen = scene.is_chosen or self.selection.holds(entry.path, is_folder=entry.kind == _DIRECTORY)
        staged = Staged(
            entry.path,
            entry.kind,
            entry.digest,
            problem,
            entry.trouble,
            is_doubtful,
            entry.compared == Compared.DIFFERS,
            self.twins.take(entry.path) if looks_alike is None else looks_alike,
            self.ignoring.ignored_by(entry.path, entry.kind == _DIRECTORY),
            is_chosen,
            entry.unsolved,
            is_doubtful and self.suspicions.is_being_written(entry.last_written_ns),
        )
        _apply(entry, judge(staged, at_head, self.policy))
        entry.place, entry.digest_at_head = scene.place, at_head.digest


def _apply(entry: Entry, judgement: Judgement) -> None:
    """Write a verdict into an entry. What was placed and is taken stays placed; a folder needs no placing."""
    verdict, reason, warning = judgement
    entry.verdict, entry.warning = verdict.value, warning
    entry.reason, entry.reason_text = reason or ("", "")
    if entry.kind == _DIRECTORY:
        entry.state = _PLACED if verdict in GOOD else _PLANNED


def planner_for(job: ImportJob, *, head: int, defaults: Mapping[str, str] | None = None) -> Planner:
    """The planner of an import, against the project at a revision, with the `defaults` that the import began with.

    Without them those that the project has now count.

    Raises:
        StoreAwayError: the store is not there, and with it the rules that the upload brings.
    """
    project = Project.objects.get(pk=job.project_id)
    preferred = project.import_defaults if defaults is None else ImportDefaults(**defaults)
    choices = job.choices
    ignoring = IgnoreRules.of_area(preferred.ignore_rules, job.area)
    job.check_area()  # what cannot be seen seems to have no rules
    return Planner(
        at_head=ProjectAtHead(job.project_id, head),
        policy=Policy(
            target=choices.target.strip("/"),
            on_conflict=choices.on_conflict or preferred.on_conflict,
            include_doubtful=choices.include_doubtful,
            include_skipped=choices.include_skipped,
        ),
        target=choices.target.strip("/"),
        selection=Selection.of(choices.paths),
        ignoring=ignoring,
        suspicions=job.suspicions,
        previous=Previous(job.upload_id),
        expectations=Expectations(job.upload_id),
        twins=Twins(),
    )
