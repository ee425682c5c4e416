"""Doing the same for each row, so that one row's trouble is not the others'."""

import logging
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from django.db.models import Model

from moorage.errors import MoorageError, UnavailableError

DOWN_AFTER: Final = 3

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Model)


def for_each(rows: Iterable[Row], act: Callable[[Row], object]) -> None:
    """Do `act` for each row. An anticipated failure of one is logged; a bug is raised after all had their turn.

    Raises:
        UnavailableError: something outside is down. After a few in a row the others are not tried: asking
            for each of them is of no use.
    """
    bug: Exception | None = None
    down: list[UnavailableError] = []
    for row in rows:
        try:
            act(row)
            down.clear()
        except UnavailableError as failure:
            log.warning("%s %s: %s", row._meta.model_name, row.pk, failure)
            down.append(failure)
            if len(down) >= DOWN_AFTER:
                break
        except MoorageError as failure:
            log.warning("%s %s: %s", row._meta.model_name, row.pk, failure)
        except Exception as failure:
            log.exception("%s %s", row._meta.model_name, row.pk)
            bug = failure
    if bug is not None:
        raise bug
    if down:
        raise down[-1]
