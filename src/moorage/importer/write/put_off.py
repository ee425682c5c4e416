"""What is put off: files that the plan takes, and that were written down without being placed."""

from dataclasses import dataclass, field
from typing import Final

from moorage.importer.register.object_rows import StoredRows

MOST_KEYS: Final = 50_000


class Keys:
    """Keys of entries. Too many of them are not remembered: then any key is taken for one of them."""

    def __init__(self) -> None:
        self.count = 0
        self._some: set[bytes] = set()

    def add(self, key: bytes) -> None:
        """One more; each comes once."""
        self.count += 1
        if self.count <= MOST_KEYS:
            self._some.add(key)

    def __contains__(self, key: bytes) -> bool:
        return self.count > MOST_KEYS or key in self._some

    def __bool__(self) -> bool:
        return self.count > 0


@dataclass
class PutOff:
    """How many they are, and keys of those whose object has to be read, or replaced, before they are placed."""

    count: int = 0
    unproven: Keys = field(default_factory=Keys)
    damaged: Keys = field(default_factory=Keys)

    def add(self, key: bytes, digest: str, rows: StoredRows) -> None:
        """Note a file whose digest has no object among `rows` that may be relied on."""
        self.count += 1
        if digest in rows.unproven:
            self.unproven.add(key)
        elif digest in rows.damaged:
            self.damaged.add(key)
