"""Why a remove, a move or a restore is not made: a path that stands in its way.

Told at once if it is known when the change is asked for; otherwise the revision fails with it, and nothing changes.
"""

from moorage.errors import ConflictError


class ChangeRefusedError(ConflictError):
    """A path keeps the change from being made. Nothing of it is done."""

    code = "change.refused"

    def __init__(self, sentence: str, *, path: str) -> None:
        super().__init__(sentence)
        self.path = path


class InTheWayError(ChangeRefusedError):
    """Something stands where a move would put something else."""

    code = "change.in_the_way"

    def __init__(self, path: str, *, stands: str) -> None:
        super().__init__(
            f"There is a {stands} at “{path}” already, and nothing is overwritten. "
            "Choose another target, or move or remove that one first.",
            path=path,
        )


class ParentIsFileError(ChangeRefusedError):
    """A file stands where a folder would have to be."""

    code = "change.parent_is_file"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"“{path}” would lie below what is a file now. Move or remove that file first, or choose another place.",
            path=path,
        )


class OtherKindError(ChangeRefusedError):
    """What was a file is a folder now, or the other way round."""

    code = "change.other_kind"

    def __init__(self, path: str, *, was: str, stands: str) -> None:
        super().__init__(
            f"“{path}” was a {was} and is a {stands} now, which is not overwritten. "
            f"Move or remove the {stands} first, then restore again.",
            path=path,
        )


class PathTooLongError(ChangeRefusedError):
    """Something below a moved folder would get a path that is too long."""

    code = "change.path_too_long"

    def __init__(self, path: str, *, most: int) -> None:
        super().__init__(
            f"The new path of “{path}” would be longer than {most:,} bytes. Choose a shorter target.", path=path
        )


class NothingToRestoreError(ChangeRefusedError):
    """Everything is as it was."""

    code = "change.nothing_to_restore"

    def __init__(self, path: str, *, revision: int) -> None:
        super().__init__(
            f"Nothing was restored: what was at “{path or '/'}” at revision {revision} is there just so. "
            "Choose another revision or another path.",
            path=path,
        )
