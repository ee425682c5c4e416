"""The lists that go along with files: digests for `sha256sum -c`, and facts as JSON lines. Pure."""

from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring as _quoted
from typing import Final, NamedTuple

DIGESTS_NAME: Final = "manifest-sha256.txt"
FACTS_NAME: Final = "manifest.jsonl"
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})
_BLOCK_CHARACTERS: Final = 2**16


class ListedFile(NamedTuple):
    """A file as the lists tell of it. `modified` is a time of RFC 3339; `by` and `upload` are empty where nobody, or no
    upload, is known.
    """

    path: str
    size_bytes: int
    digest: str
    modified: str
    version: str
    revision: int
    by: str
    upload: str


def list_name(name: str, *, taken: bool) -> str:
    """What a list is called beside files; `taken` says that one of them has the name already."""
    return f"moorage-{name}" if taken else name


def digest_line(file: ListedFile) -> str:
    """A line as GNU `sha256sum` writes it: a backslash before the digest says that the path is escaped."""
    return written_digest(file.path, file.digest)


def written_digest(path: str, digest: str) -> str:
    """The same from its parts."""
    if "\\" not in path and "\n" not in path and "\r" not in path:
        return f"{digest}  {path}\n"
    return f"\\{digest}  {path.translate(_ESCAPES)}\n"


def facts_line(file: ListedFile) -> str:
    """A JSON document in one line."""
    version = f'"modified_at":"{file.modified}","version":"{file.version}"'
    rest = f"{version},{origin(file.revision, file.by, file.upload)}"
    return written_facts(file.path, file.size_bytes, file.digest, rest)


def written_facts(path: str, size_bytes: int, digest: str, rest: str) -> str:
    """The same from its parts, for those who write a hundred thousand; `rest` is what follows the digest.

    Put together by hand: `json.dumps` takes longer than everything else that is done for a file.
    """
    return f'{{"path":{_quoted(path)},"size_bytes":{size_bytes},"digest":"{digest}",{rest}}}\n'


def origin(revision: int, by: str, upload: str) -> str:
    """Which revision brought a file, by whom, from which upload: a part of its line."""
    whose = _quoted(by) if by else "null"
    return f'"revision":{revision},"by":{whose},"upload":{_quoted(upload) if upload else "null"}'


def in_blocks(lines: Iterable[str]) -> Iterator[bytes]:
    """Lines as UTF-8, some thousand at a time."""
    block: list[str] = []
    length = 0
    for line in lines:
        block.append(line)
        length += len(line)
        if length >= _BLOCK_CHARACTERS:
            yield "".join(block).encode()
            block, length = [], 0
    if block:
        yield "".join(block).encode()
