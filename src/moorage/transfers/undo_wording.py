"""An imported upload whose import is undone, or is being undone or redone, in words; all others are in `wording`."""

from dataclasses import dataclass

from moorage.files.undo_chains import undo_chains
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState
from moorage.transfers.wording import StateLabel, Turn


@dataclass(frozen=True)
class UndoWords:
    """What is said in the place of "Imported"."""

    label: StateLabel
    sentence: str
    turn: Turn


def undo_words(upload: Upload) -> UndoWords | None:
    """None where nothing of the upload is undone, or where what goes on with it is something else."""
    if upload.current_state is not UploadState.IMPORTED:
        return None
    chains = undo_chains(upload.pk)
    pending = [chain for chain in chains if chain.pending]
    if pending:
        name = "Redoing" if pending[0].is_undone else "Undoing"
        doing = "brought back into" if pending[0].is_undone else "taken back from"
        return UndoWords(
            StateLabel(name, "arrow-repeat", "active"),
            f"Imported; what it did is being {doing} the project, all at once. This goes on by itself.",
            Turn.MOORAGE,
        )
    undone = [chain for chain in chains if chain.is_undone]
    if not undone:
        return None
    if len(undone) < len(chains):
        numbers = ", ".join(str(chain.first.number) for chain in undone)
        return UndoWords(
            StateLabel("Partly undone", "arrow-counterclockwise", "neutral"),
            f"Imported, and undone in part: revision {numbers} has been taken back. See the receipts below.",
            Turn.NOBODY,
        )
    return UndoWords(
        StateLabel("Undone", "arrow-counterclockwise", "neutral"),
        "Imported and then undone: what it did to the project has been taken back. See the receipts below.",
        Turn.NOBODY,
    )
