"""When rows have to be on disk: at the ends of an import, not after every batch of it (ADR 0008).

A batch that a power cut takes away is done again, and none can be lost from the middle: databases lose the newest
first. The transaction that publishes is on disk before anything relies on it, and everything written before it too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection

CACHE_KIB: Final = 64 << 10
CHECKPOINT_PAGES: Final = 16_000
USUAL_CHECKPOINT_PAGES: Final = 1000  # SQLite's own
_LATER: Final = {"sqlite": "PRAGMA synchronous = NORMAL", "postgresql": "SET synchronous_commit = off"}
# What an operator has asked for beyond that, such as `remote_apply`, holds as well.
_AT_ONCE: Final = {
    "sqlite": "PRAGMA synchronous = FULL",
    "postgresql": """
        SELECT set_config(name, CASE reset_val WHEN 'off' THEN 'on' ELSE reset_val END, false)
        FROM pg_settings WHERE name = 'synchronous_commit'
    """,
}
_AS_BEFORE: Final = {"sqlite": "PRAGMA synchronous = FULL", "postgresql": "RESET synchronous_commit"}


@contextmanager
def batches_on_disk_later() -> Iterator[None]:
    """Within the block, commits of this thread's connection do not wait for the disk.

    SQLite also gets a larger cache: with its usual 2 MB it would read the same pages of an index again and again, and
    with a checkpoint every 1,000 pages write them as often.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            cursor.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        cursor.execute(_LATER[connection.vendor])
    try:
        yield
    finally:
        if connection.connection is not None:
            _set(_AS_BEFORE)
            if connection.vendor == "sqlite":
                # The thread keeps its connection for the next import, and others have theirs.
                _set({"sqlite": "PRAGMA cache_size = -2000"})
                _set({"sqlite": f"PRAGMA wal_autocheckpoint = {USUAL_CHECKPOINT_PAGES}"})


@contextmanager
def on_disk_at_once() -> Iterator[None]:
    """Within the block, commits wait until they, and all before them, are on disk. Not inside a transaction."""
    _set(_AT_ONCE)
    try:
        yield
    finally:
        _set(_LATER)


def _set(statements: dict[str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statements[connection.vendor])
