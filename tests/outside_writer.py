"""A process of somebody else that has files of an upload open: `python tests/outside_writer.py`, told line by line.

    open PATH            opens a file for writing
    map PATH             maps a file, shared and writable, and closes its descriptor
    folder PATH          opens a folder
    write TEXT           writes over the beginning of what is open or mapped
    create NAME TEXT     makes a file in the open folder
    exchange NAME TEXT   the same, in the place of one that is there
    close                closes everything

It answers each line with `done`, or with the name of the error.
"""

from __future__ import annotations

import errno
import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Hands:
    """What the process holds."""

    def __init__(self) -> None:
        self.file: int | None = None
        self.map: mmap.mmap | None = None
        self.folder_of: int | None = None

    def open(self, path: str) -> None:
        self.file = os.open(path, os.O_RDWR)

    def map_(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDWR)
        self.map = mmap.mmap(descriptor, 0)
        os.close(descriptor)

    def folder(self, path: str) -> None:
        self.folder_of = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def write(self, text: str) -> None:
        if self.map is not None:
            self.map[: len(text)] = text.encode()
        if self.file is not None:
            os.pwrite(self.file, text.encode(), 0)

    def create(self, name: str, text: str) -> None:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=self.folder_of)
        os.write(descriptor, text.encode())
        os.close(descriptor)

    def exchange(self, name: str, text: str) -> None:
        os.unlink(name, dir_fd=self.folder_of)
        self.create(name, text)

    def close(self) -> None:
        if self.map is not None:
            self.map.close()
        for descriptor in (self.file, self.folder_of):
            if descriptor is not None:
                os.close(descriptor)
        self.file = self.map = self.folder_of = None


class OutsideWriter:
    """The test's side."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def tell(self, word: str, *rest: object) -> str:
        """Have it do something, and return its answer."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\t".join([word, *map(str, rest)]) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextmanager
def outside_writer() -> Iterator[OutsideWriter]:
    """A second process, that ends with the block."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield OutsideWriter(process)
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    hands = Hands()
    for line in sys.stdin:
        word, *rest = line.rstrip("\n").split("\t")
        try:
            getattr(hands, "map_" if word == "map" else word)(*rest)
        except OSError as error:
            print(errno.errorcode[error.errno or 0], flush=True)
        else:
            print("done", flush=True)


if __name__ == "__main__":
    main()
