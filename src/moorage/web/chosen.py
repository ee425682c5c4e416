"""What was chosen for an import, in words: for the facts of an upload, and beside the receipt of each run."""

from collections.abc import Sequence
from typing import Final

from moorage.importer.shown.receipts import Receipt
from moorage.projects.choices import ImportChoices, OnConflict
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState

_OR_NOTHING: Final = "import nothing if a file differs from the project's"


def chosen_for(upload: Upload, found: Sequence[Receipt]) -> list[str]:
    """Of an imported upload what its published runs followed; before, and while a run goes on, what is to be followed.

    `found` are the upload's receipts, the newest first.
    """
    published = [one for one in reversed(found) if one.revision is not None]
    if upload.current_state is not UploadState.IMPORTED or not published:
        return choices_in_words(upload.import_choices)
    if len({one.choices for one in published}) == 1:
        return choices_in_words(published[0].choices)
    told = [(one.revision, ", ".join(choices_in_words(one.choices))) for one in published]
    return [f"{words} (revision {revision})" for revision, words in told if words]


def choices_in_words(choices: ImportChoices) -> list[str]:
    """Nothing where all is as the project has it."""
    way = OnConflict(choices.on_conflict) if choices.on_conflict else None
    words = [_OR_NOTHING if way is OnConflict.FAIL else way.label.lower()] if way else []
    words += [f"into {choices.target}"] if choices.target else []
    words += [f"only {len(choices.paths):,} path{'' if len(choices.paths) == 1 else 's'}"] if choices.paths else []
    return words + [f"with {name} files" for name in choices.include]
