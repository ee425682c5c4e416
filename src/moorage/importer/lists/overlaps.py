"""Where several lists name the same file: what can be compared of all of them is, the rest is counted and told.

A file has a size, a digest, and one further digest beside a SHA-256: so many its bytes are digested for at once. What a
member has sent counts alone.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Count, QuerySet

from moorage.importer.lists.kept import BATCH_ROWS, FIRST_PLACE, MOST_TOLD, SENT, Batch, found_lists_of, lists_of
from moorage.importer.lists.listed import Listed
from moorage.importer.models import MOST_NAMED, ExpectedFile, ExpectedList, ListState

KEYS_PER_QUERY: Final = 500
_ALWAYS: Final = "sha256"  # what every file is digested for
_COUNTED: Final = (ListState.READ, ListState.WHOLE)
_COLUMNS: Final = (
    "path_digest", "path", "size_bytes", "algorithm", "digest", "expected_list_id", "expected_list__source"
)  # fmt: skip


class Said(NamedTuple):
    """What lists say of a file: its size if they do, and its digests. `source` is the one that counts first."""

    size_bytes: int | None
    algorithm: str
    digest: str
    other_algorithm: str = ""
    other_digest: str = ""
    source: str = ""

    @property
    def digests(self) -> tuple[tuple[str, str], ...]:
        """Each with hashlib's name of its algorithm."""
        return tuple(pair for pair in (self[1:3], self[3:5]) if pair[1])


def said_of(
    rows: QuerySet[ExpectedFile], keys: Sequence[bytes], *, unused: list[tuple[int, str]] | None = None
) -> dict[bytes, Said]:
    """What those of the rows say together that are of these files, by their keys.

    `unused` gets the list of each row that cannot be compared, and the source of the one that counts instead.
    """
    said: dict[bytes, Said] = {}
    for start in range(0, len(keys), KEYS_PER_QUERY):
        some = rows.filter(path_digest__in=keys[start : start + KEYS_PER_QUERY]).order_by("expected_list__place")
        for key, path, size, algorithm, digest, list_id, source in some.values_list(*_COLUMNS).iterator():
            row = Listed(path, size, algorithm, digest, 0)
            before = said.setdefault(bytes(key), Said(*row[1:4], source=source))
            if before.source == SENT:
                continue
            if together := joined(before, row):
                said[bytes(key)] = together
            elif unused is not None:
                unused.append((list_id, before.source))
    return said


def joined(said: Said, row: Listed) -> Said | None:
    """What both say of a file; None where they contradict each other, or a file is not digested for both."""
    if row.size_bytes is not None and said.size_bytes not in {None, row.size_bytes}:
        return None
    size = said.size_bytes if row.size_bytes is None else row.size_bytes
    known = dict([said[1:3], said[3:5]])
    if not row.digest or known.get(row.algorithm) == row.digest:
        return said._replace(size_bytes=size)
    if not said.digest:
        return said._replace(size_bytes=size, algorithm=row.algorithm, digest=row.digest)
    if row.algorithm in known or said.other_digest or _ALWAYS not in {said.algorithm, row.algorithm}:
        return None
    return said._replace(size_bytes=size, other_algorithm=row.algorithm, other_digest=row.digest)


def count_unused(upload_id: UUID, batch: Batch, check: Callable[[], None]) -> None:
    """Count of each list that was found how many of its rows are compared with nothing, and because of which others.

    `check` is called now and then, and may raise.
    """
    lists = found_lists_of(upload_id).filter(state__in=_COUNTED).order_by()
    done = 0
    counted = lists.filter(unused__gt=0).order_by("pk").values_list("pk", flat=True)
    while some := list(counted.filter(pk__gt=done)[:BATCH_ROWS]):
        done = some[-1]
        with batch():
            ExpectedList.objects.filter(pk__in=some).update(unused=0, instead=[])
    if len(lists[:2]) < 2:
        return
    all_rows = ExpectedFile.objects.filter(upload_id=upload_id)
    found = all_rows.filter(expected_list__place__gt=FIRST_PLACE, expected_list__state__in=_COUNTED)
    # By the index alone, where a row has no more than its path and its list.
    named = all_rows.values("path_digest").annotate(lists=Count("*")).filter(lists__gt=1).order_by("path_digest")
    last = b""
    while keys := [bytes(one["path_digest"]) for one in named.filter(path_digest__gt=last)[:KEYS_PER_QUERY]]:
        check()
        last, unused = keys[-1], list[tuple[int, str]]()
        said_of(found, keys, unused=unused)
        for start in range(0, len(unused), BATCH_ROWS):
            with batch():
                _add_unused(unused[start : start + BATCH_ROWS])


def _add_unused(unused: Sequence[tuple[int, str]]) -> None:
    changed = ExpectedList.objects.in_bulk({list_id for list_id, _ in unused})
    for list_id, source in unused:
        one = changed[list_id]
        one.unused += 1
        if source not in one.instead and len(one.instead) <= MOST_NAMED:  # one more says that there are others
            one.instead = sorted([*one.instead, source])
    ExpectedList.objects.bulk_update(changed.values(), ["unused", "instead"])


def not_used(upload_id: UUID) -> list[str]:
    """A sentence for each list of which some rows are compared with nothing; of many for some, and how many more."""
    lists = lists_of(upload_id).filter(unused__gt=0).order_by("place")
    told = [_sentence(one) for one in lists[:MOST_TOLD]]
    more = lists.count() - MOST_TOLD if len(told) == MOST_TOLD else 0
    if more > 0:
        told.append(f"{more:,} more {'list has' if more == 1 else 'lists have'} rows that were not used.")
    return told


def _sentence(one: ExpectedList) -> str:
    rows, files = ("1 row", "the same file") if one.unused == 1 else (f"{one.unused:,} rows", "the same files")
    was, name = "was" if one.unused == 1 else "were", "names" if len(one.instead) == 1 else "name"
    return f"{rows} of {one.source} {was} not used, because {one.instead_words} {name} {files}."
