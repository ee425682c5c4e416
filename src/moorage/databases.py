"""What an error of the database says: that it cannot be asked just now, or that we asked it something wrong."""

import sqlite3
from typing import Final

from django.db import InterfaceError, OperationalError

from moorage.errors import UnavailableError

# The primary result code of faults of a statement, such as a table that is not there (see sqlite.org/rescode.html).
_OF_THE_STATEMENT: Final = sqlite3.SQLITE_ERROR


class DatabaseAwayError(UnavailableError):
    """The database cannot be reached, or is held by somebody else for too long."""

    code = "database.away"

    def __init__(self) -> None:
        super().__init__(
            "Moorage's database does not answer, or is held by something else. Try the same again in half a minute: "
            "asking twice does no harm. If it stays, tell the operator."
        )


def trouble_of(error: BaseException | None) -> DatabaseAwayError | None:
    """What to tell of an error that came from the database; None if it is a fault of ours, or of something else."""
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    if code is not None and code & 0xFF == _OF_THE_STATEMENT:
        return None
    return DatabaseAwayError()
