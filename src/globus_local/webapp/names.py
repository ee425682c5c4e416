"""File names on pages: everything can be shown, nothing can deceive.

A name is text as `transfer.paths.to_text` makes it: a byte that is not UTF-8 is one private-use character.
Forms carry names percent-encoded, because browsers rewrite line breaks in form values.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import quote, unquote

from markupsafe import Markup, escape

from globus_local.transfer.paths import RAW_BASE

# Letters that turn the direction of what stands around them: "gpj.exe" must not read as "exe.jpg".
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
# What has no letter yet (Cn) may be one that browsers leave out.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")  # letters of Persian and Hindi words, and the glue of many emoji


def encode(name: str) -> str:
    """Percent-encode a name or path for a URL or a form value; `/` stays."""
    return quote(name, safe="/-_.~")


def decode(value: str) -> str:
    """The name that `encode` was given."""
    return unquote(value)


def plain(name: str) -> str:
    """A name as text for labels and messages: what cannot be seen is written as an escape. Not reversible."""
    return "".join(_visible(character) for character in name)


def plain_lines(text: str) -> str:
    """Text of several lines, made safe to show line by line."""
    return "\n".join(plain(line) for line in text.splitlines())


def shown(name: str) -> Markup:
    """A name as HTML: escapes stand out, and its direction does not leak into the line around it."""
    parts = []
    for character in name:
        visible = _visible(character)
        if visible == character:
            parts.append(str(escape(character)))
        else:
            parts.append(f'<span class="name-escape">{escape(visible)}</span>')
    return Markup(f"<bdi>{''.join(parts)}</bdi>")  # noqa: S704 (every part is escaped above)


def _visible(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    code = ord(character)
    if RAW_BASE + 0x80 <= code <= RAW_BASE + 0xFF:
        return f"\\x{code - RAW_BASE:02x}"
    hidden = unicodedata.category(character) in _HIDDEN_CATEGORIES and character not in _JOINERS
    if hidden or character in _DIRECTION_MARKS:
        return f"\\u{{{code:x}}}"
    return character
