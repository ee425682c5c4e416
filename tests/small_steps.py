"""Small steps: an import of a handful of files has several batches and transactions of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any


def small_steps(*, files: int, rows: int) -> Iterator[tuple[ModuleType, str, Any]]:
    """What is to be set in which module, so that a batch has so many files and a transaction so many rows."""
    # Not before it is asked for: a process of its own chooses its database first.
    from moorage.importer import batches, early, orders, pace, plain_writing, register, writing

    yield batches, "MAX_FILES", files
    yield orders, "FEWEST_PLAIN", files
    yield orders, "MOST_PLAIN", files
    yield pace, "FIRST_ROWS", rows
    yield pace, "FEWEST_ROWS", rows
    yield writing, "MOST_ROWS", rows
    yield plain_writing, "MOST_OBJECTS", rows
    yield plain_writing, "MOST_ENTRIES", rows
    yield plain_writing, "MOST_BELIEVED", rows
    yield plain_writing, "WORTH_WRITING", rows
    yield plain_writing, "LEAST_WORTH", rows
    yield early, "MOST_ROWS", rows  # so that something is left for the register step itself
    yield register, "FIRST_ROWS", rows
    yield register, "MOST_ROWS", rows
    yield register, "CHECKED_ROWS", rows
