"""What lies in the object store, as its folders list it: one folder of the fan-out at a time."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from moorage.storage.digests import stamp_of
from moorage.storage.layout import MARK
from moorage.storage.names import is_temporary

_HEX: Final = frozenset("0123456789abcdef")
PREFIXES: Final = tuple(f"{number:02x}" for number in range(256))


class Listed(NamedTuple):
    """One name in a folder of the object store. `is_object`: a plain file whose name could be its digest."""

    name: str
    is_object: bool
    size_bytes: int
    mode: int
    modified_ns: int
    changed_ns: int


def read_prefix(objects: Path, prefix: str) -> list[Listed]:
    """Everything in one folder of the fan-out, by name; nothing where there is no such folder."""
    found = []
    try:
        with os.scandir(objects / prefix) as entries:
            for entry in entries:
                listed = _look(entry, prefix)
                if listed is not None:
                    found.append(listed)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(found)


def strangers(objects: Path) -> Iterator[str]:
    """Names beside the folders of the fan-out that are neither one, nor the mark, nor a file that is being placed."""
    with os.scandir(objects) as entries:
        for entry in entries:
            is_folder = len(entry.name) == 2 and _HEX.issuperset(entry.name) and entry.is_dir(follow_symlinks=False)
            if not is_folder and not is_temporary(entry.name) and entry.name != MARK:
                yield entry.name


def is_digest(name: str, prefix: str) -> bool:
    """Whether a name in this folder could be an object's."""
    return len(name) == 64 and name.startswith(prefix) and _HEX.issuperset(name)


def _look(entry: os.DirEntry[str], prefix: str) -> Listed | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    is_object = is_digest(entry.name, prefix) and stat.S_ISREG(status.st_mode)
    _, size_bytes, modified_ns, changed_ns = stamp_of(status)
    return Listed(entry.name, is_object, size_bytes, stat.S_IMODE(status.st_mode), modified_ns, changed_ns)
