"""What a caller sees and changes in a collection at once: list, stat, make a folder, rename.

Copying and deleting take time and are tasks: see `submissions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from globus_local.auth.callers import Caller
    from globus_local.transfer.endpoints import Collection
    from globus_local.world import LocalGlobus


@dataclass(frozen=True)
class Entry:
    """One name in a folder. `name` is text for JSON and HTML; `paths.to_bytes` gives the bytes back."""

    name: str
    kind: str  # "dir", "file", "invalid_symlink", "chr", "blk", "pipe", "other", as Globus says it
    size_bytes: int
    modified_at: datetime
    permissions: str  # "0644"
    user: str
    group: str
    link_target: str | None


@dataclass(frozen=True)
class Listing:
    """A folder's entries; `total` counts them before offset and limit."""

    path: str  # absolute in the collection, ends in "/"
    entries: list[Entry]
    total: int


def list_directory(
    world: LocalGlobus,
    caller: Caller | None,
    collection: Collection,
    path: str,
    *,
    show_hidden: bool = True,
    filters: tuple[str, ...] = (),
    orderby: str = "type,name",
    limit: int = 100_000,
    offset: int = 0,
) -> Listing:
    """List a folder (`caller` None is someone who has not signed in).

    Raises TransferError: PermissionDenied (403), ClientError.NotFound (404),
    ExternalError.DirListingFailed.NotDirectory or .PermissionDenied (502), InvalidPath (400).
    """
    raise NotImplementedError


def stat(world: LocalGlobus, caller: Caller | None, collection: Collection, path: str) -> Entry:
    """One file or folder.

    Raises TransferError: EndpointPermissionDenied (403), NotFound (404), InvalidPath (400).
    """
    raise NotImplementedError


def make_directory(world: LocalGlobus, caller: Caller, collection: Collection, path: str) -> None:
    """Make one folder in an existing folder.

    Raises TransferError: PermissionDenied (403), ExternalError.MkdirFailed.Exists (502), InvalidPath.
    """
    raise NotImplementedError


def rename(world: LocalGlobus, caller: Caller, collection: Collection, old_path: str, new_path: str) -> None:
    """Rename or move within a collection; what is at `new_path` already is never replaced."""
    raise NotImplementedError
