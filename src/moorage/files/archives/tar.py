"""The TAR format: ustar blocks, and a pax header before an entry that does not fit into one. Pure.

From POSIX.1-2008, `pax`, "ustar Interchange Format" and "pax Extended Header". A path of more than 100 bytes or of
other than ASCII characters, and a size of 8 GiB or more, stand in a pax header. A time that octal digits cannot say
is written in base 256, as GNU tar, bsdtar and Python read it, so that no length depends on a time.
"""

from collections.abc import Sequence
from typing import Final

from moorage.files.archives.forms import Entry, Lengths, Sized

BLOCK: Final = 512
_PATH_BYTES: Final = 100
_MOST_OCTAL: Final = 8**11
_FILE, _FOLDER, _PAX = b"0", b"5", b"x"


class TarForm:
    """The format as `forms.ArchiveForm` asks for it. There is no index."""

    suffix = "tar"

    def lengths(self, path: bytes, size_bytes: int) -> Lengths:
        length = BLOCK + size_bytes + self.padding_bytes(size_bytes)
        if records := _pax_records(path, size_bytes):
            length += BLOCK + len(records) + -len(records) % BLOCK
        return Lengths(1, length, 0)

    def lengths_of(self, some: Sequence[Sized]) -> Lengths:
        return Lengths(len(some), sum(self.lengths(path, size).parts for path, size in some), 0)

    def header(self, entry: Entry) -> bytes:
        kind = _FOLDER if entry.is_folder else _FILE
        records = _pax_records(entry.path, entry.size_bytes)
        if not records:
            return _block(entry.path, entry.size_bytes, entry.modified_s, kind)
        # For readers that know no pax: what can be said of the name, and of the size.
        plain = entry.path.decode().encode("ascii", "replace").replace(b"?", b"_")[:_PATH_BYTES]
        size = entry.size_bytes if entry.size_bytes < _MOST_OCTAL else 0
        extended = _block(b"pax_header", len(records), entry.modified_s, _PAX)
        return extended + records + bytes(-len(records) % BLOCK) + _block(plain, size, entry.modified_s, kind)

    def padding_bytes(self, size_bytes: int) -> int:
        return -size_bytes % BLOCK

    def index_bytes(self, some: Lengths, whole: Lengths) -> int:  # noqa: ARG002 - the format's question
        return 0

    def record(self, entry: Entry, *, part_at: int, whole: Lengths) -> bytes:  # noqa: ARG002 - the format's question
        return b""

    def ending(self, whole: Lengths) -> bytes:  # noqa: ARG002 - the format's question
        return bytes(2 * BLOCK)


def _pax_records(path: bytes, size_bytes: int) -> bytes:
    records = b""
    if len(path) > _PATH_BYTES or not path.isascii():
        records += _pax_record(b"path", path)
    if size_bytes >= _MOST_OCTAL:
        records += _pax_record(b"size", str(size_bytes).encode())
    return records


def _pax_record(keyword: bytes, value: bytes) -> bytes:
    """`length keyword=value`, where the length counts itself."""
    rest = b" " + keyword + b"=" + value + b"\n"
    length = len(rest)
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def _block(path: bytes, size_bytes: int, modified_s: int, kind: bytes) -> bytes:
    mode = b"0000755\0" if kind == _FOLDER else b"0000644\0"
    nobody = b"0000000\0"
    time = b"%011o\0" % modified_s if 0 <= modified_s < _MOST_OCTAL else _base_256(modified_s)
    start = path.ljust(_PATH_BYTES, b"\0") + mode + nobody + nobody + b"%011o\0" % size_bytes + time
    end = kind + bytes(100) + b"ustar\x0000" + bytes(64) + nobody + nobody + bytes(167)
    # The checksum is of the block with eight spaces in its own place.
    checksum = sum(start) + 8 * 0x20 + sum(end)
    return start + b"%06o\0 " % checksum + end


def _base_256(number: int) -> bytes:
    """Twelve bytes, big-endian in two's complement; the first bit says that these are no digits."""
    packed = bytearray(number.to_bytes(12, "big", signed=True))
    packed[0] |= 0x80
    return bytes(packed)
