"""What later imports found in the project as it was: an undo leaves that alone (design §4).

A later import that delivered the same bytes wrote no version; only its manifest knows that its people count on
the file too.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from moorage.files.models import RevisionState
from moorage.files.undo_chains import undone_among
from moorage.files.undo_plan import FoundAgain
from moorage.importer import paths
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.verdicts import GOOD, EntryKind, EntryState, Verdict


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
    by_digest = {paths.digest_of(path.encode()): path for path in wanted}
    entries = ManifestEntry.objects.filter(
        upload_id__in={run.upload_id for run in runs},
        path_digest__in=list(by_digest),
        state=EntryState.REGISTERED,
        # What was registered under a right that published nothing counts for nothing.
        registered_fence__in={run.register_fence for run in runs},
    )
    held = entries.filter(kind=EntryKind.FILE, verdict=Verdict.IDENTICAL) | entries.filter(
        kind=EntryKind.DIRECTORY, verdict__in=GOOD
    )
    return {by_digest[bytes(digest)] for digest in held.values_list("path_digest", flat=True)}
