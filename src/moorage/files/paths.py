"""Paths inside a project: relative, POSIX, normal, and compared byte for byte. Pure.

Which staged names may enter a project is decided by the importer; here is only what can be asked for.
"""

from hashlib import blake2b
from typing import Final

from moorage.errors import NotFoundError

MAX_NAME_BYTES: Final = 255
MAX_PATH_BYTES: Final = 4096


class PathNotFoundError(NotFoundError):
    """Nothing stands at this path (any more, or yet)."""

    code = "file.not_found"

    def __init__(self, path: str, *, revision: int | None = None) -> None:
        printable = path.encode(errors="backslashreplace").decode()
        where = "in this project" if revision is None else f"in this project at revision {revision}"
        super().__init__(
            f"There is nothing at “{printable}” {where}. "
            "Look for it from the project's first folder, or at another revision."
        )
        self.path = printable
        self.revision = revision


def split_path(path: str) -> tuple[str, ...]:
    """The names on the way to `path`; none for the project's first folder (the empty path).

    Raises:
        PathNotFoundError: the path is not in normal form, or holds what no name can hold. Nothing can stand there.
    """
    if not path:
        return ()
    names = tuple(path.split("/"))
    try:
        is_long = len(path.encode()) > MAX_PATH_BYTES
    except UnicodeEncodeError as error:  # lone surrogates: no name in a project has them
        raise PathNotFoundError(path) from error
    if is_long or not all(_may_be_a_name(name) for name in names):
        raise PathNotFoundError(path)
    return names


def _may_be_a_name(name: str) -> bool:
    return name not in {"", ".", ".."} and "\0" not in name and len(name.encode()) <= MAX_NAME_BYTES


def join_path(folder: str, name: str) -> str:
    """The path of `name` in `folder`."""
    return f"{folder}/{name}" if folder else name


def parent_path(path: str) -> str:
    """The path of the folder that holds `path`."""
    return path.rpartition("/")[0]


def path_key(path: bytes) -> bytes:
    """What a row is found by, because long paths do not fit an index: 16 bytes of the folder, 16 of the name.

    In this form what lies in one folder is neighbours in the index, so that a batch touches few of its pages.
    """
    folder, _, name = path.rpartition(b"/")
    return folder_key(folder) + name_key(name)


def folder_key(folder: bytes) -> bytes:
    """The first half of the keys of everything in a folder."""
    return blake2b(folder, digest_size=16).digest()


def name_key(name: bytes) -> bytes:
    """The second half of the key of a path that ends in this name."""
    return blake2b(name, digest_size=16).digest()
