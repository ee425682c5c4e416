"""Where several lists found in an upload name the same file: what can be compared of all of them is, the rest is told.

A row has a size, a digest, and one further digest beside a SHA-256: so many a file's bytes are digested for at once.
What a member has sent counts alone.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple
from uuid import UUID

from moorage.importer.lists.listed import Listed
from moorage.importer.models import MOST_NAMED, ExpectedFile, ExpectedList

MOST_TOLD: Final = 20  # of an upload's lists: each of its files may have one of its own
_ALWAYS: Final = "sha256"  # what every file is digested for
_JOINED: Final = ("size_bytes", "algorithm", "digest", "other_algorithm", "other_digest")


class Said(NamedTuple):
    """What the row of a file says of it; see `ExpectedFile`."""

    size_bytes: int | None
    algorithm: str
    digest: str
    other_algorithm: str = ""
    other_digest: str = ""


def join_rows(upload_id: UUID, rows: Mapping[bytes, tuple[ExpectedList, Listed]]) -> None:
    """Add what rows of lists that were found say to the rows that other lists have of the same files, by their keys.

    They are counted for their lists, which are still to be written; in a transaction.
    """
    changed: list[ExpectedFile] = []
    standing = ExpectedFile.objects.filter(upload_id=upload_id, path_digest__in=list(rows))
    # Held: a list that a member sends at the same time would have its digests, and ours after them.
    for one in standing.select_for_update().order_by("path_digest"):
        kept, row = rows[bytes(one.path_digest)]
        if one.source == kept.source:
            continue
        kept.files += 1
        if not one.source:
            continue
        before = Said(*(getattr(one, name) for name in _JOINED))
        after = joined(before, row)
        if after is None:
            _count_unused(kept, one.source)
        elif after != before:
            for name, value in after._asdict().items():
                setattr(one, name, value)
            one.pk = None  # known by its path below
            changed.append(one)
    ExpectedFile.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["upload", "path_digest"], update_fields=_JOINED
    )


def _count_unused(kept: ExpectedList, source: str) -> None:
    kept.unused += 1
    if source not in kept.instead and len(kept.instead) <= MOST_NAMED:  # one more says that there are others
        kept.instead = sorted([*kept.instead, source])


def joined(said: Said, row: Listed) -> Said | None:
    """What both say of a file; None where they contradict each other, or a file is not digested for both."""
    if row.size_bytes is not None and said.size_bytes not in {None, row.size_bytes}:
        return None
    size = said.size_bytes if row.size_bytes is None else row.size_bytes
    known = dict([said[1:3], said[3:5]])
    if not row.digest or known.get(row.algorithm) == row.digest:
        return said._replace(size_bytes=size)
    if not said.digest:
        return Said(size, row.algorithm, row.digest)
    if row.algorithm in known or said.other_digest or _ALWAYS not in {said.algorithm, row.algorithm}:
        return None
    return Said(size, *said[1:3], row.algorithm, row.digest)


def not_used(upload_id: UUID) -> list[str]:
    """A sentence for each list of which some rows are compared with nothing; of many for some, and how many more."""
    lists = ExpectedList.objects.filter(upload_id=upload_id, is_whole=True, unused__gt=0)
    told = [_sentence(one) for one in lists[:MOST_TOLD]]
    more = lists.count() - MOST_TOLD if len(told) == MOST_TOLD else 0
    if more > 0:
        told.append(f"{more:,} more {'list has' if more == 1 else 'lists have'} rows that were not used.")
    return told


def _sentence(one: ExpectedList) -> str:
    rows, files = ("1 row", "the same file") if one.unused == 1 else (f"{one.unused:,} rows", "the same files")
    was, name = "was" if one.unused == 1 else "were", "names" if len(one.instead) == 1 else "name"
    return f"{rows} of {one.source} {was} not used, because {one.instead_words} {name} {files}."
