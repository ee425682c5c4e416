"""The lists that go along with files: digests for `sha256sum -c`, and facts as JSON lines. Pure."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

DIGESTS_NAME: Final = "manifest-sha256.txt"
FACTS_NAME: Final = "manifest.jsonl"
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})
_BLOCK_CHARACTERS: Final = 2**16


@dataclass(frozen=True)
class ListedFile:
    """A file as the lists tell of it. `by` and `upload` are empty where nobody, or no upload, is known."""

    path: str
    size_bytes: int
    digest: str
    modified_at: datetime
    version: str
    revision: int
    by: str
    upload: str


def list_name(name: str, *, taken: bool) -> str:
    """What a list is called beside files; `taken` says that one of them has the name already."""
    return f"moorage-{name}" if taken else name


def digest_line(file: ListedFile) -> str:
    """A line as GNU `sha256sum` writes it: a backslash before the digest says that the path is escaped."""
    escaped = file.path.translate(_ESCAPES)
    return f"{'' if escaped == file.path else chr(92)}{file.digest}  {escaped}\n"


def facts_line(file: ListedFile) -> str:
    """A JSON document in one line."""
    facts = {
        "path": file.path,
        "size_bytes": file.size_bytes,
        "digest": file.digest,
        "modified_at": file.modified_at.isoformat().replace("+00:00", "Z"),
        "version": file.version,
        "revision": file.revision,
        "by": file.by or None,
        "upload": file.upload or None,
    }
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")) + "\n"


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
