"""What is to be known of a file's versions that were imported although they are doubtful, or not as a list says.

The manifest knows it. Only of imports for which somebody chose that is it asked, a row for each.
"""

from collections.abc import Collection
from uuid import UUID

from moorage.files.models import RevisionState
from moorage.files.paths import path_key
from moorage.importer.models import EntryState, ImportRun, ManifestEntry
from moorage.importer.words.included import warning_text
from moorage.importer.words.paths import staged_path
from moorage.projects.choices import ImportChoices


def doubts_of(project_id: UUID, path: str, revisions: Collection[int]) -> dict[int, str]:
    """Sentences about the versions of the file at `path` that imports brought with these revisions, by revision."""
    runs = ImportRun.objects.filter(
        project=project_id, revision__state=RevisionState.PUBLISHED, revision__number__in=revisions
    )
    told = ((run.revision.number, _doubt_of(run, path)) for run in runs.select_related("revision"))
    return {number: sentence for number, sentence in told if number is not None and sentence}


def _doubt_of(run: ImportRun, path: str) -> str:
    choices = ImportChoices.from_json(run.choices)
    staged = staged_path(path, choices.target) if choices.include_doubtful else ""
    if not staged:
        return ""
    entry = ManifestEntry.objects.filter(
        upload_id=run.upload_id, path_key=path_key(staged.encode()), run=run.number, state=EntryState.PLACED
    ).first()
    if entry is None:
        return ""
    return warning_text(entry.warning, verdict=entry.verdict, compared=entry.compared)
