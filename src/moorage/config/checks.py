"""`moorage-server check`: proof that this installation can work, and what to do where it cannot (design §11)."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from moorage.backends import backends
from moorage.errors import MoorageError
from moorage.globus.service import GlobusUnavailableError
from moorage.storage.layout import StoreLayout

Say = Callable[[str], None]


class CheckFailedError(Exception):
    """One check failed; the sentence says what to do."""


def run_checks(say: Say) -> bool:
    """Run every check and say its result; whether all passed."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("Database", _database),
        ("Store", _store),
        ("Globus collection", _collection),
    ]
    results = [_passes(name, check, say) for name, check in checks]
    return all(results)


def _passes(name: str, check: Callable[[], str], say: Say) -> bool:
    try:
        say(f"ok      {name}: {check()}")
    except GlobusUnavailableError:
        address = settings.OPTIONS.globus_transfer_url
        say(f"FAILED  {name}: nothing answers at {address}. Is it running, and is that the right address?")
        return False
    except (CheckFailedError, MoorageError, OSError) as error:
        say(f"FAILED  {name}: {error}")
        return False
    return True


def _database() -> str:
    waiting = MigrationExecutor(connection).migration_plan(MigrationExecutor(connection).loader.graph.leaf_nodes())
    if waiting:
        raise CheckFailedError(f"{len(waiting)} migrations are missing. Run `moorage-server migrate`.")
    return f"{connection.vendor}, up to date"


def _store() -> str:
    store = backends().store
    if not store.is_there():
        raise CheckFailedError(
            f"{store.root} is not the store: its disk is not mounted, or it was made before stores had marks. With its "
            "disk mounted, run `moorage-server migrate`, which says what is in the way."
        )
    probe = store.collection / f".moorage-check-{secrets.token_hex(6)}"
    probe.write_bytes(b"probe")
    try:
        _walk_the_way(probe, store)
    finally:
        for folder in (store.collection, store.sealed, store.objects, store.trash):
            (folder / probe.name).unlink(missing_ok=True)
    return f"{store.root}: renamed, linked and made read-only from staging to trash"


def _walk_the_way(probe: Path, store: StoreLayout) -> None:
    """Take a file the way of an upload: sealed, placed by a hard link, read-only, into the trash."""
    try:
        sealed = probe.rename(store.sealed / probe.name)
        placed = store.objects / probe.name
        os.link(sealed, placed)
        placed.chmod(0o444)
        sealed.rename(store.trash / probe.name)
    except OSError as error:
        raise CheckFailedError(
            f"{error}. Collection, sealed, objects and trash must be on one file system that has hard links, "
            "and belong to the account that Globus maps to (see fs.protected_hardlinks)."
        ) from error


def _collection() -> str:
    info = backends().globus.describe_collection()
    missing = [
        role
        for role, present in (
            ("access_manager", info.may_manage_rules),
            ("activity_monitor", info.may_monitor),
            ("activity_manager", info.may_cancel),
        )
        if not present
    ]
    if missing:
        raise CheckFailedError(
            f"our client lacks the role {', '.join(missing)} on {info.display_name}. "
            "Give it that role on the collection in the Globus web app."
        )
    return f"{info.display_name}, with every role that is needed"
