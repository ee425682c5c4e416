"""What a caller sees and changes in a collection at once: list, stat, make a folder, rename.

Copying and deleting take time and are tasks: see `submissions`.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat as modes
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from globus_local.errors import TransferError
from globus_local.transfer import listing
from globus_local.transfer.instants import instant
from globus_local.transfer.paths import CollectionPath, InvalidPathError, parse_path, to_text
from globus_local.transfer.tree import Tree, rename_without_replacing

if TYPE_CHECKING:
    from globus_local.auth.callers import Caller
    from globus_local.transfer.endpoints import Collection
    from globus_local.world import LocalGlobus

ENTRIES_AT_MOST: Final = 1_000_000  # a listing is sorted in memory

_KINDS: Final = {
    modes.S_IFDIR: "dir",
    modes.S_IFREG: "file",
    modes.S_IFLNK: "invalid_symlink",  # a link is never followed here, so it leads nowhere
    modes.S_IFCHR: "chr",
    modes.S_IFBLK: "blk",
    modes.S_IFIFO: "pipe",
}


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
    path: str | None,
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
    folder = parse_path(path)
    world.rules.check(caller, collection, folder, "r")
    found: list[Entry] = []
    try:
        for entry in Tree(collection.root).entries(folder):
            if entry.name.startswith(".") and not show_hidden:
                continue
            described = _describe_entry(entry, collection, folder)
            if described is not None and listing.matches(described, filters):
                found.append(described)
            if len(found) > ENTRIES_AT_MOST:
                raise _too_many(folder)
    except OSError as error:
        raise _failed("DirListingFailed", folder, error) from error
    shown = listing.ordered(found, orderby)[offset : offset + limit]
    return Listing(path=to_text(folder.raw_folder), entries=shown, total=len(found))


def stat(world: LocalGlobus, caller: Caller | None, collection: Collection, path: str | None) -> Entry:
    """One file or folder.

    Raises TransferError: EndpointPermissionDenied (403), NotFound (404), InvalidPath (400).
    """
    wanted = parse_path(path)
    if not world.rules.allows(caller.identity_set if caller else None, collection, wanted, "r"):
        raise TransferError("EndpointPermissionDenied", f"You may not read {wanted} on {collection.display_name}.", 403)
    tree = Tree(collection.root)
    try:
        status = tree.status(wanted)
        target = tree.link_target(wanted) if modes.S_ISLNK(status.st_mode) else None
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TransferError("NotFound", f"There is nothing at {wanted}.", 404) from error
    except OSError as error:
        raise _failed("StatFailed", wanted, error) from error
    return describe(b"" if wanted.is_root else wanted.name, status, target)


def make_directory(world: LocalGlobus, caller: Caller, collection: Collection, path: str) -> None:
    """Make one folder in an existing folder.

    Raises TransferError: PermissionDenied (403), ExternalError.MkdirFailed.Exists (502), InvalidPath.
    """
    wanted = parse_path(path)
    with world.rules.steady():
        world.rules.check(caller, collection, wanted.parent, "rw")
        try:
            if wanted.is_root:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            Tree(collection.root).make_folder(wanted)
        except OSError as error:
            raise _failed("MkdirFailed", wanted, error) from error


def rename(world: LocalGlobus, caller: Caller, collection: Collection, old_path: str, new_path: str) -> None:
    """Rename or move within a collection; what is at `new_path` already is never replaced."""
    old, new = parse_path(old_path), parse_path(new_path)
    if old.is_root or new.is_root:
        raise InvalidPathError("The root of a collection cannot be renamed.")
    tree = Tree(collection.root)
    with world.rules.steady():
        world.rules.check(caller, collection, old.parent, "rw")
        world.rules.check(caller, collection, new.parent, "rw")
        try:
            with tree.folder(old.parent) as here, tree.folder(new.parent) as there:
                rename_without_replacing(here, old.name, there, new.name)
        except FileExistsError as error:
            raise _failed("RenameFailed", new, error) from error
        except OSError as error:
            raise _failed("RenameFailed", old, error) from error


def describe(name: bytes, status: os.stat_result, link_target: bytes | None) -> Entry:
    """What Globus says of a file: its kind, size, time and owner."""
    return Entry(
        name=to_text(name),
        kind=_KINDS.get(modes.S_IFMT(status.st_mode), "other"),
        size_bytes=status.st_size,
        modified_at=instant(status.st_mtime_ns // 1_000_000_000),
        permissions=f"{modes.S_IMODE(status.st_mode):04o}",
        user=_user_name(status.st_uid),
        group=_group_name(status.st_gid),
        link_target=None if link_target is None else to_text(link_target),
    )


def _too_many(folder: CollectionPath) -> TransferError:
    return TransferError(
        "ExternalError.DirListingFailed.SizeLimit",
        f"{folder} has more than {ENTRIES_AT_MOST:,} entries. Ask for fewer with a filter.",
        502,
    )


def _describe_entry(entry: os.DirEntry[str], collection: Collection, folder: CollectionPath) -> Entry | None:
    name = os.fsencode(entry.name)
    try:
        status = entry.stat(follow_symlinks=False)
        linked = modes.S_ISLNK(status.st_mode)
        target = Tree(collection.root).link_target(folder.child(name)) if linked else None
    except FileNotFoundError:
        return None  # removed since the folder was read
    return describe(name, status, target)


_REASONS: Final = {
    errno.ENOTDIR: ("NotDirectory", "is not a folder, or not in one"),
    errno.ELOOP: ("NotDirectory", "is not a folder, or not in one"),
    errno.EEXIST: ("Exists", "exists already"),
    errno.ENOTEMPTY: ("Exists", "exists already"),
    errno.EACCES: ("PermissionDenied", "is closed to the account that the collection runs as"),
    errno.EPERM: ("PermissionDenied", "is closed to the account that the collection runs as"),
    errno.EROFS: ("PermissionDenied", "lies on a disk that cannot be written to"),
    errno.ENOSPC: ("NoSpaceLeft", "has no room left"),
    errno.EDQUOT: ("NoSpaceLeft", "has no room left"),
}


def _failed(operation: str, path: CollectionPath, error: OSError) -> TransferError:
    """What went wrong in the file system, in Globus's words. Says nothing of where the collection lies."""
    if error.errno == errno.ENOENT:
        return TransferError("ClientError.NotFound", f"{path} is not there.", 404)
    if error.errno == errno.ENAMETOOLONG:
        return InvalidPathError(f"A name in {path} is longer than 255 bytes.")
    code, words = _REASONS.get(error.errno or 0, ("Other", f"cannot be used ({error.strerror})"))
    return TransferError(f"ExternalError.{operation}.{code}", f"{path} {words}.", 502)


@lru_cache(maxsize=1024)
def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@lru_cache(maxsize=1024)
def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
