"""Plain files: small files of folders in which nothing but a file's own name and bytes can matter.

Of these there may be millions, so they have a way of their own: a process of the executor gets their names alone, and
answers with the rows of the manifest, ready to be written. Whatever is unusual about one of them sends it the usual
way (`importer.batches.data`). What goes to the executor and comes back is here, as plain data.
"""

from typing import Any, Final, NamedTuple

WIDTH: Final = 11  # values of a row
REUSED_WIDTH: Final = WIDTH + 1  # of one that relies on an object that was there: and that object's time
KEY, SIZE, MODIFIED, CHANGED, DIGEST, CRC32 = 1, 3, 4, 5, 9, 10  # which of them is what
NEW: Final = "new"
NEW_VERSION: Final = "new_version"
IDENTICAL: Final = "identical"


# The file that the project has at a staged file's name: its digest, the number of the object that is relied on, and
# that object's time of modification. A tuple, for there are many, and a class takes thrice as long to send.
AtName = tuple[bytes, int, int]


class PlainFolder(NamedTuple):
    """Names of plain files of one folder. `path` is of the staging area, `place` of the project; `directory_id` is
    the identity of `place`. `standing` has those of the names at which the project has a file.
    """

    path: bytes
    place: str
    names: list[bytes]
    standing: dict[bytes, AtName]
    directory_id: int = 0


class PlainOrder(NamedTuple):
    """A batch of plain files; see `data.BatchOrder` for what the fields say."""

    area: str
    objects: str
    folders: tuple[PlainFolder, ...]
    youngest_seconds: float = 2.0


class PlainAnswer(NamedTuple):
    """What became of a batch of plain files. A name is told by the number of its folder in the order.

    `linked` has a row of WIDTH values for each file that is an object now, and on disk: path, its key, name, size,
    times, inode, directory, verdict, digest, CRC-32. `standing` has those of files whose bytes the project has at their
    paths, and `object_ids` their objects. `reused` has those of files whose digest something in the store has for its
    name, each with the time at which this was modified: whether it may be relied on only a row of the database can
    tell. `odd` have to go the usual way; those `left` were not begun. Where the whole batch met a `trouble` (a constant
    of `data`), nothing was done that may be relied on.
    """

    linked: list[Any]
    standing: list[Any]
    object_ids: list[int]
    reused: list[Any]
    odd: list[tuple[int, bytes]]
    left: list[tuple[int, list[bytes]]]
    trouble: str = ""

    @property
    def files(self) -> int:
        return (len(self.linked) + len(self.standing)) // WIDTH + len(self.reused) // REUSED_WIDTH

    @property
    def size(self) -> int:
        sizes = self.linked[SIZE::WIDTH], self.standing[SIZE::WIDTH], self.reused[SIZE::REUSED_WIDTH]
        return int(sum(map(sum, sizes)))


def nothing_done() -> PlainAnswer:
    """An answer to be filled."""
    return PlainAnswer([], [], [], [], [], [])


def in_trouble(order: PlainOrder, trouble: str) -> PlainAnswer:
    """The answer to an order of which nothing may be relied on."""
    left = [(number, folder.names) for number, folder in enumerate(order.folders)]
    return PlainAnswer([], [], [], [], [], left, trouble)


def all_odd(order: PlainOrder) -> PlainAnswer:
    """The answer to an order all of which has to go the usual way."""
    answer = nothing_done()
    answer.odd.extend((number, name) for number, folder in enumerate(order.folders) for name in folder.names)
    return answer
