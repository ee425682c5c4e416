"""Chosen paths that match nothing: of these an upload has neither a staged path nor one that an earlier run brought.

Asked of the manifest once a scan has ended. A choice has some thousand paths at most, and they are looked up in parts.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from moorage.files.paths import path_key
from moorage.importer.models import ManifestEntry
from moorage.importer.words import paths
from moorage.importer.words.verdicts import Verdict

PATHS_PER_PART: Final = 500
KEYS_PER_QUERY: Final = 500
NAMED: Final = 3


def unmatched(upload_id: UUID, chosen: Sequence[str]) -> list[str]:
    """Those of the chosen paths, in their order. What lies below a folder that cannot be looked into may be there."""
    missing: list[str] = []
    for start in range(0, len(chosen), PATHS_PER_PART):
        missing += _missing(upload_id, chosen[start : start + PATHS_PER_PART])
    return missing


def sentence_of(missing: Sequence[str], *, chosen: int) -> str:
    """What is said of them, without the next step."""
    if len(missing) == chosen:
        which = "None of the chosen paths is"
    else:
        which = "1 of the chosen paths is not" if len(missing) == 1 else f"{len(missing):,} of the chosen paths are not"
    return f"{which} in this upload: {_named(missing)}."


def after_import(missing: Sequence[str]) -> str:
    """What an import that brought others says of them."""
    which = "1 chosen path" if len(missing) == 1 else f"{len(missing):,} chosen paths"
    return f"{which} matched nothing: {_named(missing)}."


def _named(missing: Sequence[str]) -> str:
    more = f" and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
    return f"{', '.join(missing[:NAMED])}{more}"


def _missing(upload_id: UUID, chosen: Sequence[str]) -> list[str]:
    keys = {path: path_key(path.encode()) for path in chosen}
    known = _known(upload_id, keys.values())
    missing = [path for path in chosen if keys[path] not in known]
    above = {path: {path_key(folder) for folder in paths.folders_above(path.encode())} for path in missing}
    closed = _known(upload_id, set().union(*above.values()), verdict=Verdict.REJECTED) if above else set()
    return [path for path in missing if not above[path] & closed]


def _known(upload_id: UUID, keys: Iterable[bytes], **which: str) -> set[bytes]:
    """Those of the keys of paths that the manifest has."""
    wanted, known = list(keys), set[bytes]()
    entries = ManifestEntry.objects.filter(upload_id=upload_id, **which)
    for start in range(0, len(wanted), KEYS_PER_QUERY):
        some = entries.filter(path_key__in=wanted[start : start + KEYS_PER_QUERY])
        known.update(bytes(key) for key in some.values_list("path_key", flat=True))
    return known
