"""The folders that a walk has seen and not entered yet: a stack of their names alone, packed.

A folder may hold a million others. Their names, a part of the listing in one string, are what is kept of them.
"""


class WaitingFolders:
    """Paths of folders; the last that was put there comes first."""

    def __init__(self) -> None:
        self._packed: list[tuple[bytes, bytes]] = []  # a folder, and names in it with NUL between them
        self._above = b""
        self._names: list[bytes] = []  # of the newest of those, taken apart

    def put(self, above: bytes, names: list[bytes]) -> None:
        """Folders in the folder `above`, which is empty at the root."""
        if names:
            if self._names:
                self._packed.append((self._above, b"\0".join(self._names)))
            self._above, self._names = above, names

    def take(self) -> bytes | None:
        """The path of the folder to enter next."""
        if not self._names:
            if not self._packed:
                return None
            self._above, packed = self._packed.pop()
            self._names = packed.split(b"\0")
        name = self._names.pop()
        return self._above + b"/" + name if self._above else name
