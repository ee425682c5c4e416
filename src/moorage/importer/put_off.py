"""What is put off: files that the plan takes, and that were written down without being placed."""

from dataclasses import dataclass, field

from moorage.importer.stored import StoredRows


@dataclass
class PutOff:
    """How many they are, and keys of those whose object has to be read, or replaced, before they are placed."""

    count: int = 0
    unproven: set[bytes] = field(default_factory=set)
    damaged: set[bytes] = field(default_factory=set)

    def add(self, key: bytes, digest: str, rows: StoredRows) -> None:
        """Note a file whose digest has no object among `rows` that may be relied on."""
        self.count += 1
        if digest in rows.unproven:
            self.unproven.add(key)
        elif digest in rows.damaged:
            self.damaged.add(key)
