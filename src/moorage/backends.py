"""The outside things a process works with, and the policies it works by.

`config.wiring` decides once per process what they are and calls `use`; everyone else asks
`backends()`. Tests put others in place with `using`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from moorage.globus.links import GlobusLinks
from moorage.globus.service import TransferService
from moorage.storage.layout import StoreLayout


@dataclass(frozen=True)
class Policies:
    """The defaults of design §3; every one is a setting."""

    quiet_time: timedelta = timedelta(seconds=60)
    perhaps_delay: timedelta = timedelta(minutes=10)  # a task that only may be ours delays a freeze by this at most
    upload_expires_after: timedelta = timedelta(days=60)
    upload_warned_days: tuple[int, ...] = (14, 7, 1)
    trash_kept: timedelta = timedelta(days=30)
    remnants_kept: timedelta = timedelta(days=30)
    undo_kept: timedelta = timedelta(days=90)
    downloads_kept: timedelta = timedelta(days=30)
    download_warned_days: tuple[int, ...] = (7, 1)
    rule_lifetime: timedelta = timedelta(days=14)  # a rule's own expiry, renewed while its upload lives
    free_floor_percent: int = 5
    free_floor_bytes: int = 10 * 2**30
    watched_interval: timedelta = timedelta(seconds=10)
    unwatched_interval: timedelta = timedelta(seconds=60)
    globus_patience_seconds: float = 5.0  # how long Create and Account wait for Globus
    objects_kept: timedelta = timedelta(days=30)  # how long an object that nothing refers to stays before it leaves
    fixity_within: timedelta = timedelta(days=90)  # every object is read again within this time; zero: none is
    fixity_bytes_per_second: int = 50_000_000  # what reading them again takes of the disk at most; 0: all it gives
    digest_min_age: timedelta = timedelta(seconds=2)  # a digest counts only if ctime was this old when reading began


@dataclass(frozen=True)
class Backends:
    """What a process works with."""

    globus: TransferService
    links: GlobusLinks
    store: StoreLayout
    clock: Callable[[], datetime]
    policies: Policies = field(default_factory=Policies)


class _Process:
    """What this process works with: how it is made, and what was made."""

    factory: Callable[[], Backends] | None = None
    made: Backends | None = None


def use(factory: Callable[[], Backends]) -> None:
    """Say how this process's backends are made; they are made when first asked for."""
    _Process.factory, _Process.made = factory, None


def backends() -> Backends:
    """This process's backends."""
    if _Process.made is None:
        if _Process.factory is None:
            raise RuntimeError("No backends: config.wiring has not run in this process.")
        _Process.made = _Process.factory()
    return _Process.made


@contextmanager
def using(others: Backends) -> Iterator[Backends]:
    """Work with `others` for a while."""
    before, _Process.made = _Process.made, others
    try:
        yield others
    finally:
        _Process.made = before
