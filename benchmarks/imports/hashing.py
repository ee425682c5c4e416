"""Two processes that read and SHA-256 every file of a tree, and do nothing else: `python hashing.py TREE`.

The standard library alone and no module of ours, because it is measured from its start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

PROCESSES: Final = 2
READ_BYTES: Final = 1 << 20


def main(root: str) -> int:
    """Share the files out one by one; returns 1 when a process did not end well."""
    paths = list(paths_below(root))
    children = []
    for share in range(PROCESSES):
        child = os.fork()
        if not child:
            status = 1
            try:
                hash_all(paths[share::PROCESSES])
                status = 0
            except OSError as error:
                print(error, file=sys.stderr, flush=True)
            finally:
                os._exit(status)
        children.append(child)
    return int(any(os.waitpid(child, 0)[1] for child in children))


def paths_below(root: str) -> Iterator[str]:
    """Every file, folder by folder."""
    folders = []
    with os.scandir(root) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            else:
                yield entry.path
    for folder in folders:
        yield from paths_below(folder)


def hash_all(paths: list[str]) -> list[str]:
    """Their digests."""
    buffer = memoryview(bytearray(READ_BYTES))
    digests = []
    for path in paths:
        digest = sha256()
        descriptor = os.open(path, os.O_RDONLY)
        while count := os.readv(descriptor, [buffer]):
            digest.update(buffer[:count])
        os.close(descriptor)
        digests.append(digest.hexdigest())
    return digests


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
