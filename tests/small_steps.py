"""Small steps: an import of a handful of files has several batches and transactions of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any


def small_steps(*, files: int, rows: int) -> Iterator[tuple[ModuleType, str, Any]]:
    """What is to be set in which module, so that a batch has so many files and a transaction so many rows."""
    # Not before it is asked for: a process of its own chooses its database first.
    from moorage.importer.batches import data
    from moorage.importer.ledger import pace
    from moorage.importer.place import orders
    from moorage.importer.register import early, ranges
    from moorage.importer.write import manifest_writer, plain_writer

    yield data, "MAX_FILES", files
    yield orders, "FEWEST_PLAIN", files
    yield orders, "MOST_PLAIN", files
    yield pace, "FIRST_ROWS", rows
    yield pace, "FEWEST_ROWS", rows
    yield manifest_writer, "MOST_ROWS", rows
    yield plain_writer, "MOST_OBJECTS", rows
    yield plain_writer, "MOST_ENTRIES", rows
    yield plain_writer, "MOST_BELIEVED", rows
    yield plain_writer, "WORTH_WRITING", rows
    yield plain_writer, "LEAST_WORTH", rows
    yield early, "MOST_ROWS", rows  # so that something is left for the register step itself
    yield ranges, "FIRST_ROWS", rows
    yield ranges, "MOST_ROWS", rows
    yield ranges, "CHECKED_ROWS", rows
