"""What later imports found in the project as it was: an undo leaves that alone (design §4).

A later import that delivered the same bytes wrote no version; only its manifest knows that its people count on
the file too.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from moorage.files.models import RevisionState
from moorage.files.paths import path_key
from moorage.files.undo_chains import undone_among
from moorage.files.undo_plan import FoundAgain
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.words.paths import staged_path
from moorage.importer.words.verdicts import GOOD, EntryKind, EntryState, Verdict
from moorage.projects.choices import ImportChoices


def found_again_after(project_id: UUID, revision: int) -> FoundAgain:
    """Tells which of given paths runs published after `revision`, and not undone, hold too: same files, folders."""
    later = list(
        ImportRun.objects.filter(
            project=project_id, revision__state=RevisionState.PUBLISHED, revision__number__gt=revision
        ).select_related("revision")
    )
    undone = undone_among(project_id, [run.revision for run in later])
    standing = [run for run in later if run.revision_id not in undone]

    def found_again(wanted: Collection[str]) -> set[str]:
        return _held_by(standing, wanted) if standing else set()

    return found_again


def _held_by(runs: Sequence[ImportRun], wanted: Collection[str]) -> set[str]:
    held: set[str] = set()
    for run in runs:
        target = ImportChoices.from_json(run.choices).target
        by_key = {path_key(staged.encode()): path for path in wanted if (staged := staged_path(path, target))}
        entries = ManifestEntry.objects.filter(
            upload_id=run.upload_id, run=run.number, state=EntryState.PLACED, path_key__in=list(by_key)
        )
        found = entries.filter(kind=EntryKind.FILE, verdict=Verdict.IDENTICAL) | entries.filter(
            kind=EntryKind.DIRECTORY, verdict__in=GOOD
        )
        held.update(by_key[bytes(key)] for key in found.values_list("path_key", flat=True))
    return held
