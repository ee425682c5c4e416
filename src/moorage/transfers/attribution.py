"""Which uploads a Globus task belongs to (design §6). Pure.

A collection's manager often sees no path of a task. Then its owner is all there is: a task of someone
with one open upload is that upload's; of someone with several it is perhaps each one's.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from moorage.transfers.models import Belonging
from moorage.transfers.naming import is_within

# Globus's clock may be behind ours: a task for an upload can seem a little older than the upload.
CLOCKS_DIFFER_BY: Final = timedelta(minutes=2)

# Told or seen for certain: nothing that is only inferred changes these.
SETTLED: Final = frozenset({Belonging.PATH, Belonging.CLAIMED, Belonging.DENIED})


@dataclass(frozen=True)
class Candidate:
    """An upload that may be written to by an identity in whose task list the task was seen."""

    upload_id: UUID
    area: str  # its path on the collection
    opened_at: datetime


def belongings(
    *, path: str | None, requested_at: datetime, candidates: Collection[Candidate], known: Mapping[UUID, Belonging]
) -> dict[UUID, Belonging]:
    """What the task is to each upload, by all that is seen now and was known before. Uploads left out: nothing."""
    found = _by_path(path, candidates) if path else _by_owner(requested_at, candidates)
    told = {upload: how for upload, how in known.items() if how in SETTLED}
    others = {upload: how for upload, how in known.items() if how not in SETTLED}
    if path and not found:
        return told
    if Belonging.PATH in found.values():
        return found | {upload: how for upload, how in told.items() if how == Belonging.DENIED and upload not in found}
    sure = {upload: how for upload, how in others.items() if how == Belonging.ONLY}
    if sure or any(how != Belonging.DENIED for how in told.values()):
        # It has its upload already, and an upload that was opened later changes nothing about that. But what
        # was told can be wrong, and such a task may have written here: that stays known.
        return dict.fromkeys(found, Belonging.DENIED) | others | told
    return found | others | told


def _by_path(path: str, candidates: Collection[Candidate]) -> dict[UUID, Belonging]:
    inside = [candidate for candidate in candidates if is_within(path, candidate.area)]
    if inside:
        return {candidate.upload_id: Belonging.PATH for candidate in inside}
    # A task of several items may show only the folder that their destinations share.
    above = [candidate for candidate in candidates if is_within(candidate.area, f"{path.rstrip('/')}/")]
    return _alone_or_perhaps(above)


def _by_owner(requested_at: datetime, candidates: Collection[Candidate]) -> dict[UUID, Belonging]:
    return _alone_or_perhaps([c for c in candidates if requested_at >= c.opened_at - CLOCKS_DIFFER_BY])


def _alone_or_perhaps(candidates: Sequence[Candidate]) -> dict[UUID, Belonging]:
    how = Belonging.ONLY if len(candidates) == 1 else Belonging.PERHAPS
    return {candidate.upload_id: how for candidate in candidates}
