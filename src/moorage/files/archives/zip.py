"""The ZIP format: stored entries, ZIP64 where it is needed, UTF-8 names, times in UTC. Pure.

From PKWARE's APPNOTE.TXT 6.3, §4.3 to §4.5; the extended timestamp is Info-ZIP's (`extrafld.txt`, 0x5455). An archive
whose parts reach 4 GiB is "long": all its index records carry ZIP64 sizes and offsets, so that the length of a record
does not depend on where its entry lies. Shorter archives have none, for readers that do not know ZIP64.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from moorage.files.archives.forms import Entry, Lengths, Sized

_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<4sHHHHIIH")
_END_64: Final = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR_64: Final = struct.Struct("<4sIQI")
_TIMES: Final = struct.Struct("<HHBi")
_SIZES_64: Final = struct.Struct("<HHQQ")
_SIZES_AND_OFFSET_64: Final = struct.Struct("<HHQQQ")

_NO_16: Final = 0xFFFF
_NO_32: Final = 0xFFFFFFFF  # "look into the ZIP64 extra field"
_UTF8: Final = 1 << 11
_PLAIN, _WITH_64 = 20, 45  # versions needed to extract: folders, ZIP64
_MADE_ON_UNIX: Final = 3 << 8
_FILE_MODE: Final = 0o100644 << 16
_FOLDER_MODE: Final = (0o40755 << 16) | 0x10  # the lower byte is MS-DOS's "directory"
_FIRST_DOS_S: Final = 315532800  # 1980-01-01
_LAST_DOS_S: Final = 4354819198  # 2107-12-31 23:59:58
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ZipForm:
    """The format as `forms.ArchiveForm` asks for it."""

    suffix = "zip"

    def lengths(self, path: bytes, size_bytes: int) -> Lengths:
        extra = _SIZES_64.size if size_bytes >= _NO_32 else 0
        length = len(path) + _TIMES.size
        return Lengths(1, _LOCAL.size + length + extra + size_bytes, _CENTRAL.size + length)

    def lengths_of(self, some: Sequence[Sized]) -> Lengths:
        names = sum([len(path) for path, _ in some]) + len(some) * _TIMES.size
        large = sum([size >= _NO_32 for _, size in some]) * _SIZES_64.size
        parts = len(some) * _LOCAL.size + names + large + sum([size for _, size in some])
        return Lengths(len(some), parts, len(some) * _CENTRAL.size + names)

    def header(self, entry: Entry) -> bytes:
        time, date = _dos_time(entry.modified_s)
        size, needed, extra = entry.size_bytes, _PLAIN, _times(entry.modified_s)
        if size >= _NO_32:
            extra += _SIZES_64.pack(0x0001, 16, size, size)
            size, needed = _NO_32, _WITH_64
        names = len(entry.path), len(extra)
        fixed = _LOCAL.pack(b"PK\3\4", needed, _UTF8, 0, time, date, entry.crc32, size, size, *names)
        return fixed + entry.path + extra

    def padding_bytes(self, size_bytes: int) -> int:  # noqa: ARG002 - the format's question
        return 0

    def index_bytes(self, some: Lengths, whole: Lengths) -> int:
        return some.records + (some.entries * _SIZES_AND_OFFSET_64.size if _is_long(whole) else 0)

    def record(self, entry: Entry, *, part_at: int, whole: Lengths) -> bytes:
        time, date = _dos_time(entry.modified_s)
        size, offset, needed, extra = entry.size_bytes, part_at, _PLAIN, _times(entry.modified_s)
        if _is_long(whole):
            extra += _SIZES_AND_OFFSET_64.pack(0x0001, 24, size, size, part_at)
            size, offset, needed = _NO_32, _NO_32, _WITH_64
        mode = _FOLDER_MODE if entry.is_folder else _FILE_MODE
        fixed = _CENTRAL.pack(
            b"PK\1\2",
            _MADE_ON_UNIX | needed,
            needed,
            _UTF8,
            0,  # stored
            time,
            date,
            entry.crc32,
            size,
            size,
            len(entry.path),
            len(extra),
            0,  # no comment
            0,  # the first disk
            0,
            mode,
            offset,
        )
        return fixed + entry.path + extra

    def ending(self, whole: Lengths) -> bytes:
        entries, start, length = whole.entries, whole.parts, self.index_bytes(whole, whole)
        end = b""
        if entries >= _NO_16 or start >= _NO_32 or length >= _NO_32:
            versions = _MADE_ON_UNIX | _WITH_64, _WITH_64
            end += _END_64.pack(b"PK\6\6", _END_64.size - 12, *versions, 0, 0, entries, entries, length, start)
            end += _LOCATOR_64.pack(b"PK\6\7", 0, start + length, 1)
        few = min(entries, _NO_16)
        return end + _END.pack(b"PK\5\6", 0, 0, few, few, min(length, _NO_32), min(start, _NO_32), 0)


def _is_long(whole: Lengths) -> bool:
    return whole.parts >= _NO_32


def _times(modified_s: int) -> bytes:
    """The extended timestamp; outside its 32 bits it says nothing, and the MS-DOS time counts."""
    fits = -(2**31) <= modified_s < 2**31
    return _TIMES.pack(0x5455, 5, 1 if fits else 0, modified_s if fits else 0)


def _dos_time(modified_s: int) -> tuple[int, int]:
    """APPNOTE §4.4.6: two-second steps, years from 1980 to 2107; the nearest that can be said."""
    at = _EPOCH + timedelta(seconds=min(max(modified_s, _FIRST_DOS_S), _LAST_DOS_S))
    return at.hour << 11 | at.minute << 5 | at.second // 2, (at.year - 1980) << 9 | at.month << 5 | at.day
