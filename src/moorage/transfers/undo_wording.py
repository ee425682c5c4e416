"""An imported upload whose import is undone, or is being undone or redone, in words; all others are in `wording`."""

from collections.abc import Sequence
from dataclasses import dataclass

from moorage.files.undo_chains import UndoChain, undo_chains
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
    if undone:
        return _undone_words(chains, undone)
    # Of a chain that is not undone the tip is what the import did, or a redo.
    left = sum(chain.tip.left_alone for chain in chains)
    if not left:
        return None
    return UndoWords(
        StateLabel("Partly redone", "arrow-repeat", "neutral"),
        f"Imported, undone, and brought back in part: {_left_words(left)}. See the receipts below.",
        Turn.NOBODY,
    )


def _undone_words(chains: Sequence[UndoChain], undone: Sequence[UndoChain]) -> UndoWords:
    left = sum(chain.tip.left_alone for chain in undone)
    but = f", but {_left_words(left)}" if left else ""
    partly = StateLabel("Partly undone", "arrow-counterclockwise", "neutral")
    if len(undone) < len(chains):
        numbers = ", ".join(str(chain.first.number) for chain in undone)
        told = f"Imported, and undone in part: revision {numbers} has been taken back{but}. See the receipts below."
        return UndoWords(partly, told, Turn.NOBODY)
    if left:
        told = f"Imported and then undone in part: what it did has been taken back{but}. See the receipts below."
        return UndoWords(partly, told, Turn.NOBODY)
    return UndoWords(
        StateLabel("Undone", "arrow-counterclockwise", "neutral"),
        "Imported and then undone: what it did to the project has been taken back. See the receipts below.",
        Turn.NOBODY,
    )


def _left_words(left: int) -> str:
    return f"{left:,} path{' was' if left == 1 else 's were'} left alone"
