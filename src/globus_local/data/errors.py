"""What can go wrong with one file over HTTPS, as answers."""

from __future__ import annotations

import errno

from globus_local.errors import TransferError
from globus_local.transfer.paths import CollectionPath, InvalidPathError
from globus_local.transfer.tree import NotRegularError


class NotAFileError(TransferError):
    """HTTPS access is to regular files; folders are listed, made and deleted by Transfer."""

    def __init__(self, path: CollectionPath) -> None:
        super().__init__("ClientError.NotAFile", f"{path} is no file. Folders are the file manager's business.", 409)


def failed(path: CollectionPath, error: OSError) -> TransferError:
    """The answer to an error of the file system."""
    if isinstance(error, IsADirectoryError | NotRegularError):
        return NotAFileError(path)
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR | errno.ELOOP:
            return TransferError("ClientError.NotFound", f"{path} is not there, or its folder is not.", 404)
        case errno.ENAMETOOLONG:
            return InvalidPathError(f"A name in {path} is longer than 255 bytes.")
        case errno.ENOSPC | errno.EDQUOT:
            return TransferError("NoSpaceLeft", f"No room is left for {path}.", 507)
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return TransferError("PermissionDenied", f"The collection's own account may not do this at {path}.", 403)
    return TransferError("InternalError", f"{path} cannot be used ({error.strerror}).", 500)
