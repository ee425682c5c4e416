"""A row of a list of digests, whatever form the list has: its path, its algorithm, its digest, each checked. Pure."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from moorage.errors import InvalidInputError

LONGEST_PATH_BYTES: Final = 4096
# Algorithms by hashlib's name, the strongest that everybody has first.
HEX_DIGITS: Final[Mapping[str, int]] = {"sha256": 64, "sha512": 128, "sha384": 96, "sha224": 56, "sha1": 40, "md5": 32}
_BY_LENGTH: Final = {length: name for name, length in HEX_DIGITS.items()}


class DigestListError(InvalidInputError):
    """A list of digests cannot be understood. `line` is where, counted from 1; 0 where it is the list as a whole."""

    code = "checksums.not_understood"

    def __init__(self, why: str, *, line: int) -> None:
        place = f"Line {line} of the list" if line else "The list"
        super().__init__(f"{place} cannot be understood: {why}. Mend it and send it again.", field="checksums")
        self.line = line


class Listed(NamedTuple):
    """A file that a list names. `algorithm` and `digest` (lower-case hex) are empty where the list has none."""

    path: bytes
    size_bytes: int | None
    algorithm: str
    digest: str
    line: int


def known_algorithm(algorithm: str) -> str:
    """hashlib's name of an algorithm however it is spelt; empty for one that we do not compute."""
    name = re.sub(r"[-_/ ]", "", algorithm.lower()).replace("sha2256", "sha256").replace("sha2512", "sha512")
    return name if name in HEX_DIGITS else ""


def algorithm_of_length(digits: int) -> str:
    """The algorithm whose digests have so many hexadecimal digits; empty where there is none."""
    return _BY_LENGTH.get(digits, "")


def checked_digest(digest: bytes, algorithm: str, number: int) -> str:
    """A digest as it is kept.

    Raises:
        DigestListError: it is none of that algorithm, or of none.
    """
    if not algorithm:
        lengths = ", ".join(f"{digits} ({name})" for name, digits in HEX_DIGITS.items())
        raise DigestListError(f"its digest has {len(digest)} digits; known are {lengths}", line=number)
    if len(digest) != HEX_DIGITS[algorithm]:
        wanted = HEX_DIGITS[algorithm]
        raise DigestListError(f"its digest has {len(digest)} digits; {algorithm} has {wanted}", line=number)
    return digest.decode().lower()


def checked_path(path: bytes, number: int) -> bytes:
    """The path as the manifest has it: relative to the top of the upload.

    Raises:
        DigestListError: it is absolute, goes up, or is no path of a file.
    """
    while path.startswith(b"./"):
        path = path[2:].lstrip(b"/")
    if path.startswith(b"/"):
        raise DigestListError(
            "its path begins at the root of a disk; paths begin at the top of the upload", line=number
        )
    if len(path) > LONGEST_PATH_BYTES:
        raise DigestListError(f"its path is longer than {LONGEST_PATH_BYTES:,} bytes", line=number)
    names = path.split(b"/")
    if any(name in {b"", b".", b".."} for name in names):
        raise DigestListError("its path has an empty name, “.” or “..” in it, or ends with a slash", line=number)
    return path
