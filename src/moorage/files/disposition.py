"""How a file of any name is offered for saving: its `Content-Disposition` and its `Content-Type`. Pure."""

import re
from mimetypes import MimeTypes
from typing import Final
from urllib.parse import quote

# Types that no browser runs scripts of; everything else is bytes. Text gets no charset: it is not known.
_SAFE_TYPES: Final = frozenset(
    {
        "text/plain",
        "text/csv",
        "text/tab-separated-values",
        "application/json",
        "application/pdf",
        "application/zip",
        "application/x-tar",
        "application/x-hdf5",
        "application/x-netcdf",
    }
)
_SAFE_FAMILIES: Final = ("image/", "audio/", "video/")
_UNSAFE_TYPES: Final = frozenset({"image/svg+xml"})
_BY_ENCODING: Final = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_BYTES: Final = "application/octet-stream"

# The table that comes with Python, and not what the machine says: answers must not differ between hosts.
_TABLE: Final = MimeTypes()

# What a quoted-string may hold without being read otherwise somewhere: no quote, backslash, percent sign or slash.
_UNSAFE_IN_QUOTES: Final = re.compile(r'[^\x20-\x7e]|["\\%/]')
# attr-char of RFC 8187.
_ATTRIBUTE_CHARACTERS: Final = "!#$&+-.^_`|~"


def content_disposition(name: str) -> str:
    """Always `attachment`, with the name in full (RFC 6266, RFC 8187) and, where that needs it, a plain one.

    Clients that know `filename*` get every name exactly; the others get `_` for what they might misread.
    """
    plain = _UNSAFE_IN_QUOTES.sub("_", name)
    header = f'attachment; filename="{plain}"'
    # Clients take spaces at the ends of a quoted name away.
    if plain == name == name.strip():
        return header
    exact = quote(name.encode(errors="surrogateescape"), safe=_ATTRIBUTE_CHARACTERS)
    return f"{header}; filename*=UTF-8''{exact}"


def content_type(name: str) -> str:
    """What a file of this name probably holds, if that is harmless; else plain bytes."""
    # "./", because the table takes `data:` and the like for an address.
    guess, encoding = _TABLE.guess_type(f"./{name}")
    if encoding is not None:
        return _BY_ENCODING.get(encoding, _BYTES)
    if guess is None or guess in _UNSAFE_TYPES:
        return _BYTES
    return guess if guess in _SAFE_TYPES or guess.startswith(_SAFE_FAMILIES) else _BYTES
