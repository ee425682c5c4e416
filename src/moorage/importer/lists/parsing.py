r"""Lists of digests that others have made: parsed as they stream by, with every fault told by its line.

Read are what `sha256sum`, `md5sum` and their like write (with GNU's escapes, and by `--tag`), the manifests of a
BagIt bag (RFC 8493), and CSV with a header that names a path and a size or a digest. What becomes of the rows is in
`kept`; comparing them with what was staged is in `completeness`.
"""

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import BinaryIO, Final, NamedTuple

from moorage.importer.lists.listed import (
    HEX_DIGITS,
    DigestListError,
    Listed,
    algorithm_of_length,
    checked_digest,
    checked_path,
    known_algorithm,
)
from moorage.importer.lists.tables import header_of, table_rows

LONGEST_LINE_BYTES: Final = 16 * 1024  # a path has at most 4,096 bytes, and escapes make it three times as long
LONGEST_SOURCE: Final = 300
_SOURCE_BYTES: Final = 50  # of a name that is too long; a byte that is no text takes four characters

_STRONGEST: Final = (*HEX_DIGITS, "")
_GNU: Final = re.compile(rb"(\\?)([0-9A-Fa-f]+)(?: [ *]|[ \t]+\*?)(.+)", re.DOTALL)
_TAGGED: Final = re.compile(rb"(\\?)([A-Za-z][A-Za-z0-9/-]*) ?\((.+)\) ?= ?([0-9A-Fa-f]+)", re.DOTALL)
_ESCAPED: Final = re.compile(rb"\\(.?)", re.DOTALL)
_UNESCAPED: Final = {b"n": b"\n", b"r": b"\r", b"\\": b"\\"}
_PERCENT: Final = re.compile(rb"%(0[AaDd]|25)")

_MANIFEST_NAME: Final = re.compile(r"(?:tag)?manifest-(\w+)\.txt", re.IGNORECASE)
_SUMS_NAME: Final = re.compile(r"(\w+)SUMS?(?:\.txt)?", re.IGNORECASE)
_SUFFIX_NAME: Final = re.compile(r".*\.(\w+?)(?:sums?)?(?:\.txt)?", re.IGNORECASE | re.DOTALL)
_CSV_NAMES: Final = frozenset({"checksums.csv", "checksums.tsv", "digests.csv", "digests.tsv", "manifest.csv"})


class FoundList(NamedTuple):
    """A staged file that is a list by its name. `algorithm` is empty where only its lines say which."""

    name: bytes
    algorithm: str

    @property
    def folder(self) -> bytes:
        """The folder whose files it means to list all of: what else a bag has is not in its manifest."""
        return b"data" if _MANIFEST_NAME.fullmatch(self.name.decode(errors="surrogateescape")) else b""

    @property
    def place(self) -> bytes:
        """Of lists that name the same file that one counts first which has the first place: it has strong digests."""
        return b"%d" % _STRONGEST.index(self.algorithm) + self.name


def found_lists(names: Iterable[bytes]) -> list[FoundList]:
    """Which of the names at the top of an upload are lists, those with the strongest digests first.

    A bag's `tagmanifest-*.txt` is none: it lists what describes the bag, and little of that is data.
    """
    found = [FoundList(name, algorithm) for name in names if (algorithm := _algorithm_of_name(name)) is not None]
    return sorted(found, key=lambda one: (_STRONGEST.index(one.algorithm), one.name))


def source_of(name: bytes) -> str:
    r"""A list's name as it is kept and told: text, of no other name, and not longer than its column.

    A byte that is no UTF-8 is written as `\xff` and a backslash twice, so `\…` is of a name that is too long alone.
    """
    source = _escaped(name)
    if len(source) <= LONGEST_SOURCE:
        return source
    return f"{_escaped(name[:_SOURCE_BYTES])}\\…{sha256(name).hexdigest()}"


def _escaped(name: bytes) -> str:
    return name.replace(b"\\", b"\\\\").decode(errors="backslashreplace")


def read_list(stream: BinaryIO, *, name: str = "") -> Iterator[Listed]:
    """The rows of a list, in its order, whatever its length, a line at a time.

    Its form is known by its first line; of digests whose length does not tell, by its name.

    Raises:
        DigestListError: a line is none of a list, or names a path that cannot lie in an upload.
    """
    lines = _lines(stream)
    first = next(((number, line) for number, line in lines if line.strip() and not line.startswith(b"#")), None)
    if first is None:
        raise DigestListError("it names no file", line=0)
    header = header_of(first[1])
    if header is not None:
        yield from table_rows(header, lines, after=first[0])
        return
    named = _algorithm_of_name(name.encode(errors="surrogateescape")) or ""
    is_bag = bool(_MANIFEST_NAME.fullmatch(name))
    yield from _sum_rows(first, lines, named=named, is_bag=is_bag)


def _algorithm_of_name(name: bytes) -> str | None:
    """What digests a file of this name lists: empty where its lines must say, None where it is no list."""
    text = name.decode(errors="surrogateescape")
    if text.lower() in _CSV_NAMES:
        return ""
    if text.lower().startswith("tagmanifest-"):
        return None
    for form in (_MANIFEST_NAME, _SUMS_NAME, _SUFFIX_NAME):
        if (match := form.fullmatch(text)) and (algorithm := known_algorithm(match[1])):
            return algorithm
    return "" if text.lower() in {"checksums.txt", "checksums"} else None


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, without their ends; one that is too long is not read to its end."""
    number = 0
    while line := stream.readline(LONGEST_LINE_BYTES + 1):
        number += 1
        if len(line) > LONGEST_LINE_BYTES:
            raise DigestListError(f"it is longer than {LONGEST_LINE_BYTES:,} bytes", line=number)
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if b"\0" in line:
            raise DigestListError("it holds a zero byte (a list made with --zero, or no text at all)", line=number)
        yield number, line.removesuffix(b"\n").removesuffix(b"\r")


def _sum_rows(
    first: tuple[int, bytes], rest: Iterator[tuple[int, bytes]], *, named: str, is_bag: bool
) -> Iterator[Listed]:
    for number, line in _chained(first, rest):
        if line.strip() and not line.startswith(b"#"):
            yield _sum_row(line, number, named=named, is_bag=is_bag)


def _chained(first: tuple[int, bytes], rest: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    yield first
    yield from rest


def _sum_row(line: bytes, number: int, *, named: str, is_bag: bool) -> Listed:
    """A line as `sha256sum`, `sha256sum --tag` or a bag's manifest has it."""
    if tagged := _TAGGED.fullmatch(line):
        escaped, tag, path, digest = tagged.groups()
        algorithm = known_algorithm(tag.decode())
        if not algorithm:
            raise DigestListError(f"its digest is {tag.decode()}, which is not compared here", line=number)
    elif plain := _GNU.fullmatch(line):
        escaped, digest, path = plain.groups()
        algorithm = named or algorithm_of_length(len(digest))
        if is_bag:  # RFC 8493 §2.1.3: any white space, and older bags mark binary files as sha256sum does
            path = _PERCENT.sub(lambda match: bytes([int(match[1], 16)]), path.lstrip(b" \t*"))
    else:
        raise DigestListError("it is not a digest and a path, and not the header of a CSV", line=number)
    if escaped:
        path = _ESCAPED.sub(lambda match: _unescaped(match, number), path)
    return Listed(checked_path(path, number), None, algorithm, checked_digest(digest, algorithm, number), number)


def _unescaped(match: "re.Match[bytes]", number: int) -> bytes:
    if match[1] not in _UNESCAPED:
        raise DigestListError("a backslash in its path stands before something else than n, r or \\", line=number)
    return _UNESCAPED[match[1]]
