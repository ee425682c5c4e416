"""The store check: one walk over the object store beside its rows, which tells (and mends) where they disagree.

Both are read in the order of digests, one folder of the fan-out at a time, so memory does not grow with their
number. The bytes are not read: that is the fixity check's. What imports change meanwhile is looked at once more
before it is counted.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from django.db.models import Exists, OuterRef

from moorage.files.fixity import Checked, FixityChecks
from moorage.files.models import FileVersion, ObjectState, StoredObject
from moorage.files.orphans import Adopted, Orphans
from moorage.storage.digests import Digest, kept_ns
from moorage.storage.inventory import PREFIXES, Listed, read_prefix, strangers
from moorage.storage.objects import ObjectStore
from moorage.storage.placing import OBJECT_MODE

READ_ROWS: Final = 2000
NAMED: Final = 5
# A file that was placed just now: its import is about to write its row. It counts as no trouble.
YOUNG_SECONDS: Final = 3600.0


class Trouble(StrEnum):
    """What can disagree; the value says it."""

    ORPHAN = "files without a row"
    MISSING = "rows without a file"
    OTHER_SIZE = "files of another size than their row says"
    TOUCHED = "files that were written to after they were placed"
    WRITABLE = "files that somebody may write to"
    STRANGER = "things that are no objects"
    DAMAGED = "objects known to be damaged"
    UNTIED = "file versions without an object"


@dataclass
class Found:
    """How often, the first few of them, and how many were mended."""

    count: int = 0
    named: list[str] = field(default_factory=list)
    mended: int = 0


@dataclass
class StoreReport:
    """What a store check found. `in_work` are files that an import seems to be placing."""

    files: int = 0
    bytes: int = 0
    rows: int = 0
    leaving: int = 0
    in_work: int = 0
    troubles: dict[Trouble, Found] = field(default_factory=lambda: {trouble: Found() for trouble in Trouble})

    @property
    def is_sound(self) -> bool:
        """Whether nothing disagrees, or all that did is mended."""
        return all(found.mended == found.count for found in self.troubles.values())

    def note(self, trouble: Trouble, name: str, *, is_mended: bool = False) -> None:
        found = self.troubles[trouble]
        found.count += 1
        found.mended += is_mended
        if len(found.named) < NAMED:
            found.named.append(name)


@dataclass(frozen=True)
class StoreCheck:
    """What a store check works with. With `orphans`, what can be mended is."""

    checks: FixityChecks
    orphans: Orphans | None = None

    def run(self, *, told: Callable[[StoreReport], None] = lambda _: None) -> StoreReport:
        """Look at everything once; `told` hears how far it has come.

        Raises:
            StoreAwayError: the store is not there.
        """
        self.checks.store.check_is_there()
        report = StoreReport()
        for name in strangers(self.checks.store.objects):
            report.note(Trouble.STRANGER, name)
        for prefix in PREFIXES:
            listed = read_prefix(self.checks.store.objects, prefix)
            self._compare(report, prefix, listed)
            told(report)
        for version in _untied():
            report.note(Trouble.UNTIED, str(version))
        return report

    def _compare(self, report: StoreReport, prefix: str, listed: list[Listed]) -> None:
        for file, row in _side_by_side([one for one in listed if one.is_object], _rows(prefix)):
            if file is not None:
                report.files += 1
                report.bytes += file.size_bytes
            if row is not None:
                report.rows += 1
            if row is None and file is not None:
                self._without_row(report, file)
            elif row is not None and row.state == ObjectState.LEAVING:
                report.leaving += 1
            elif row is not None and file is None:
                self._without_file(report, row)
            elif row is not None and file is not None:
                self._both(report, row, file)
        for stranger in listed:
            if not stranger.is_object:
                report.note(Trouble.STRANGER, f"{prefix}/{stranger.name}")

    def _without_row(self, report: StoreReport, file: Listed) -> None:
        if StoredObject.objects.filter(digest=file.name).exists() or not self._stat(file.name):
            return  # its import has written it since the rows were read, or the collector has taken it
        if 0 <= time.time() - file.changed_ns / 1e9 < YOUNG_SECONDS:
            report.in_work += 1
            return
        is_mended = self.orphans is not None and self.orphans.adopt(file.name) is not Adopted.NOT
        report.note(Trouble.ORPHAN, file.name, is_mended=is_mended)

    def _without_file(self, report: StoreReport, row: StoredObject) -> None:
        fresh = StoredObject.objects.filter(pk=row.pk).exclude(state=ObjectState.LEAVING).first()
        if fresh is None or self._stat(row.digest):
            return
        self.checks.store.check_is_there()
        if fresh.state == ObjectState.DAMAGED:
            report.note(Trouble.DAMAGED, row.digest, is_mended=self._mend(fresh))
        else:
            report.note(Trouble.MISSING, row.digest, is_mended=self._mend(fresh))

    def _both(self, report: StoreReport, row: StoredObject, file: Listed) -> None:
        if row.state == ObjectState.DAMAGED:
            report.note(Trouble.DAMAGED, row.digest, is_mended=self._mend(row))
        elif file.size_bytes != row.size_bytes:
            self._note_again(report, Trouble.OTHER_SIZE, row)
        elif file.modified_ns != row.modified_ns:
            self._note_again(report, Trouble.TOUCHED, row)
        elif file.mode != OBJECT_MODE:
            self._note_again(report, Trouble.WRITABLE, row)

    def _note_again(self, report: StoreReport, trouble: Trouble, row: StoredObject) -> None:
        """Note it if it is still so: an import may have placed the object anew since its folder was read."""
        fresh = StoredObject.objects.filter(pk=row.pk, state__in=(ObjectState.LIVE, ObjectState.DOOMED)).first()
        status = self._stat(row.digest)
        if fresh is None or status is None:
            return
        is_so = {
            Trouble.OTHER_SIZE: status.st_size != fresh.size_bytes,
            Trouble.TOUCHED: kept_ns(status.st_mtime_ns) != fresh.modified_ns,
            Trouble.WRITABLE: status.st_mode & 0o777 != OBJECT_MODE,
        }[trouble]
        if is_so:
            report.note(trouble, row.digest, is_mended=self._mend(fresh))

    def _mend(self, row: StoredObject) -> bool:
        """Read the object: a whole one is set right, brought back or made read-only; another becomes damaged."""
        return self.orphans is not None and self.checks.check(row).checked in {Checked.WHOLE, Checked.HEALED}

    def _stat(self, digest: str) -> os.stat_result | None:
        with ObjectStore(self.checks.store.objects) as objects:
            try:
                return objects.path_of(Digest(digest)).lstat()
            except (FileNotFoundError, NotADirectoryError):
                return None


def _rows(prefix: str) -> Iterator[StoredObject]:
    """The rows of one folder of the fan-out, by digest."""
    within = StoredObject.objects.filter(digest__gte=prefix + 62 * "0", digest__lte=prefix + 62 * "f")
    rest = within
    while rows := list(rest.order_by("digest")[:READ_ROWS]):
        yield from rows
        rest = within.filter(digest__gt=rows[-1].digest)


def _side_by_side(
    files: Iterable[Listed], rows: Iterable[StoredObject]
) -> Iterator[tuple[Listed | None, StoredObject | None]]:
    """Files and rows of one digest together; both come in the order of digests."""
    left, right = iter(files), iter(rows)
    file, row = next(left, None), next(right, None)
    while file is not None or row is not None:
        if row is None or (file is not None and file.name < row.digest):
            yield file, None
            file = next(left, None)
        elif file is None or row.digest < file.name:
            yield None, row
            row = next(right, None)
        else:
            yield file, row
            file, row = next(left, None), next(right, None)


def _untied() -> Iterator[object]:
    """Ids of file versions whose object has no row: there must be none, and no foreign key sees to it."""
    untied = FileVersion.objects.filter(~Exists(StoredObject.objects.filter(pk=OuterRef("stored_object_id"))))
    return untied.values_list("pk", flat=True).iterator()
