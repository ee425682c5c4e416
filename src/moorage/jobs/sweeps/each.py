"""Doing the same for each row, so that one row's trouble is not the others'."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.db import Error, connection
from django.db.models import Model

from moorage.errors import MoorageError, UnavailableError
from moorage.globus.failures import GlobusRefusedError

DOWN_AFTER: Final = 3
FIRST_REST: Final = timedelta(seconds=2)
LONGEST_REST: Final = timedelta(minutes=1)

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Model)


@dataclass
class Setback:
    """What went wrong with a row the last time, and since when in a row."""

    sentence: str
    times: int
    rests_until: datetime


@dataclass
class Patience:
    """A sweep's memory in this process of the rows that fail: each rests longer, and is complained of once."""

    _setbacks: dict[Any, Setback] = field(default_factory=dict)

    def rests(self, row: Model, *, at: datetime) -> bool:
        setback = self._setbacks.get(row.pk)
        # No row rests for longer: a clock was wrong when that was noted.
        return setback is not None and at < setback.rests_until <= at + LONGEST_REST

    def note(self, row: Model, failure: Exception, *, at: datetime) -> bool:
        """Note a failure, and say whether it is another one than the last time."""
        before = self._setbacks.get(row.pk)
        times = before.times + 1 if before else 1
        rest = min(FIRST_REST * 2 ** min(times - 1, 10), LONGEST_REST)
        self._setbacks[row.pk] = Setback(str(failure), times, at + rest)
        return before is None or before.sentence != str(failure)

    def forget(self, row: Model) -> None:
        self._setbacks.pop(row.pk, None)

    def keep_only(self, keys: Iterable[Any]) -> None:
        """Forget the rows that the sweep has nothing to do with any more."""
        self._setbacks = {key: self._setbacks[key] for key in keys if key in self._setbacks}


def for_each(
    rows: Iterable[Row], act: Callable[[Row], object], *, at: datetime, patience: Patience | None = None
) -> None:
    """Do `act` for each row. An anticipated failure of one is logged; a bug is raised after all had their turn.

    With `patience`, a row that fails rests, and is logged again only when it fails otherwise.

    Raises:
        UnavailableError: something outside is down. After a few in a row the others are not tried: asking
            for each of them is of no use.
        OperationalError: the database is away.
        GlobusRefusedError: Globus refused for some row, after all had their turn.
    """
    patience = patience or Patience()
    failures, seen = _Failures(patience, at), list[Any]()
    for row in rows:
        seen.append(row.pk)
        if patience.rests(row, at=at):
            continue
        try:
            act(row)
        except Exception as failure:
            failures.note(row, failure)
            if len(failures.down) >= DOWN_AFTER:
                break
        else:
            patience.forget(row)
            failures.down.clear()
    else:
        patience.keep_only(seen)
    if worst := failures.bug or next(iter(failures.down), failures.refused):
        raise worst


@dataclass
class _Failures:
    """What went wrong when all rows had their turn: the last bug and refusal, and what was down in a row."""

    patience: Patience
    at: datetime
    bug: Exception | None = None
    refused: GlobusRefusedError | None = None
    down: list[UnavailableError] = field(default_factory=list)

    def note(self, row: Model, failure: Exception) -> None:
        named = f"{row._meta.model_name} {row.pk}"
        if isinstance(failure, UnavailableError):
            log.info("%s: %s", named, failure)
            self.down.append(failure)
        elif isinstance(failure, MoorageError):
            if self.patience.note(row, failure, at=self.at):
                log.warning("%s: %s", named, failure)
            self.refused = failure if isinstance(failure, GlobusRefusedError) else self.refused
        elif _is_of_the_connection(failure):
            log.warning("%s: %s", named, failure)
        else:
            self.patience.note(row, failure, at=self.at)
            log.error("%s", named, exc_info=failure)
            self.bug = failure


def _is_of_the_connection(failure: Exception) -> bool:
    """Whether the database's connection was lost, which is no fault of a row. The next row has a new one.

    Raises:
        OperationalError: there is none to be had.
    """
    if not isinstance(failure, Error) or connection.in_atomic_block or connection.is_usable():
        return False
    connection.close()
    connection.ensure_connection()
    return True
