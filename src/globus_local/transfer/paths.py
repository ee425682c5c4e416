"""Paths inside a collection: text on the wire, bytes in here, and never a way out.

JSON cannot carry a name that is not UTF-8. Each byte that does not decode is shown as one character of
U+EF80 to U+EFFF (a private-use range that others use for this too), and turns back into that byte when
the text is sent to us: every name that a listing shows can be asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from globus_local.errors import TransferError

RAW_BASE: Final = 0xEF00
_RAW: Final = re.compile("[\uef80-\uefff]")
_UNSAFE: Final = re.compile("[\udc80-\udcff\uef80-\uefff]")
_FORBIDDEN: Final = re.compile("[\0\r\n]")


class InvalidPathError(TransferError):
    """A path that no collection can have."""

    def __init__(self, message: str) -> None:
        super().__init__("InvalidPath", message, 400)


def to_text(raw: bytes) -> str:
    """A name or path as text that JSON, URLs and pages can carry; `to_bytes` gives back the same bytes."""
    return _UNSAFE.sub(_raw_characters, raw.decode("utf-8", "surrogateescape"))


def to_bytes(text: str) -> bytes:
    """The bytes of a name or path that `to_text` (or a person) wrote.

    Raises:
        InvalidPathError: the text has half a surrogate pair.
    """
    try:
        return _RAW.sub(lambda match: chr(ord(match[0]) - RAW_BASE + 0xDC00), text).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InvalidPathError("This path is not valid text: it has half a surrogate pair.") from error


def _raw_characters(match: re.Match[str]) -> str:
    # A true U+EF80..U+EFFF is written byte by byte too: otherwise it would come back as another name.
    return "".join(chr(RAW_BASE + byte) for byte in match[0].encode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class CollectionPath:
    """A place in a collection: the names from its root down. No name is empty, "." or ".."."""

    parts: tuple[bytes, ...]

    @property
    def is_root(self) -> bool:
        return not self.parts

    @property
    def name(self) -> bytes:
        return self.parts[-1]

    @property
    def parent(self) -> CollectionPath:
        """The folder that has this; the root is its own parent."""
        return CollectionPath(self.parts[:-1])

    @property
    def raw(self) -> bytes:
        """ "/a/b", without a final slash (the root is "/")."""
        return b"/" + b"/".join(self.parts)

    @property
    def raw_folder(self) -> bytes:
        """ "/a/b/", as access rules write a folder."""
        return b"/" + b"".join(part + b"/" for part in self.parts)

    def __str__(self) -> str:
        return to_text(self.raw)

    def child(self, name: bytes) -> CollectionPath:
        """What is called `name` in this folder (a name that the file system gave)."""
        return CollectionPath((*self.parts, name))


ROOT: Final = CollectionPath(())


def parse_path(text: str | None) -> CollectionPath:
    """Read a path as clients send it. A missing one, "~" and "/~/" mean the root, which "~/x" is relative to.

    Raises:
        InvalidPathError: it has a line break or a null character, or `..` would leave the collection.
    """
    if text is not None and _FORBIDDEN.search(text):
        raise InvalidPathError("A path cannot have line breaks or null characters.")
    names: list[bytes] = []
    for position, name in enumerate(to_bytes((text or "/").removeprefix("/")).split(b"/")):
        if name in (b"", b".") or (name == b"~" and position == 0):
            continue
        if name != b"..":
            names.append(name)
        elif names:
            names.pop()
        else:
            raise InvalidPathError(f"The path {text!r} leads out of the collection.")
    return CollectionPath(tuple(names))


def from_raw(raw: bytes) -> CollectionPath:
    """Read a path that this program stored (`raw` or `raw_folder`)."""
    return CollectionPath(tuple(name for name in raw.split(b"/") if name))
