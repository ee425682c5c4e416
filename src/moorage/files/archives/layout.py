"""Where everything lies in an archive: computed by one pass over the rows, and kept for the next request.

Kept are sums at the beginning of each piece (`archives.pieces`), not entries. The cache is of this process and
bounded; another process computes the same from the same rows.
"""

from array import array
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from moorage.files.archives.forms import NOTHING, ArchiveForm, Lengths
from moorage.files.archives.pieces import Piece, Plan
from moorage.files.archives.selection import Selection
from moorage.files.archives.tar import TarForm
from moorage.files.archives.zip import ZipForm

FORMS: Final[dict[str, ArchiveForm]] = {"zip": ZipForm(), "tar": TarForm()}
_KEPT_BYTES: Final = 64 * 2**20
_PIECE_BYTES: Final = 400  # about what a piece and its sums take


@dataclass
class Layout:
    """An archive's plan and measures. `…_at` are the sums before each piece."""

    form: ArchiveForm
    plan: Plan
    pieces: list[Piece] = field(default_factory=list)
    parts_at: "array[int]" = field(default_factory=lambda: array("q"))
    index_at: "array[int]" = field(default_factory=lambda: array("q"))
    whole: Lengths = NOTHING

    @property
    def tag(self) -> str:
        return f"{self.plan.selection.tag}-{self.form.suffix}"

    @property
    def index_bytes(self) -> int:
        return self.form.index_bytes(self.whole, self.whole)

    @property
    def size_bytes(self) -> int:
        return self.whole.parts + self.index_bytes + len(self.form.ending(self.whole))

    @property
    def kept_bytes(self) -> int:
        return 8 * len(self.plan.folder_ids) + _PIECE_BYTES * (len(self.pieces) + 10)

    def piece_at(self, sums: "array[int]", position: int) -> int:
        """The number of the piece that holds this position of the parts, or of the index."""
        return max(0, bisect_right(sums, position) - 1)


def measure(selection: Selection, form: ArchiveForm) -> Layout:
    """Compute the layout of an archive: every row of the selection is read once, and none is kept."""
    layout = Layout(form, Plan(selection))
    sums: list[Lengths] = []
    total = NOTHING
    for piece, sizes in layout.plan.cut():
        layout.pieces.append(piece)
        sums.append(total)
        total = total.plus(form.lengths_of(sizes))
    layout.whole = total
    layout.parts_at.extend(before.parts for before in sums)
    layout.index_at.extend(form.index_bytes(before, total) for before in sums)
    return layout


class Layouts:
    """The layouts that were asked for lately, up to a bound."""

    def __init__(self, kept_bytes: int = _KEPT_BYTES) -> None:
        self._bound = kept_bytes
        self._kept: OrderedDict[str, Layout] = OrderedDict()
        self._lock = Lock()

    def of(self, selection: Selection, form: ArchiveForm) -> Layout:
        """The layout, computed if it is not known. Two that ask at once may both compute it."""
        key = f"{selection.tag}-{form.suffix}"
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        layout = measure(selection, form)
        with self._lock:
            self._kept[key] = layout
            while len(self._kept) > 1 and sum(kept.kept_bytes for kept in self._kept.values()) > self._bound:
                self._kept.popitem(last=False)
        return layout


LAYOUTS: Final = Layouts()
