r"""One line of ignore rules, as in a `.gitignore` file (https://git-scm.com/docs/gitignore), made a pattern. Pure.

Every pattern takes time in proportion to the path: what a `*` or a `**/` has matched is never given back, except
by the last one of a name or of a line, which need not be right before the first place that fits. A `?` is one
character, where git takes one byte.
"""

import re
import unicodedata
from typing import Final, NamedTuple

LONGEST_LINE: Final = 1000
_CLASSES: Final = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "digit": "0-9",
    "lower": "a-z",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}
_ANY: Final = "[^/]*"
_FOLDERS: Final = "(?:[^/]+/)*"


class PatternError(ValueError):
    """A line that is no rule; its text says why."""


class Pattern(NamedTuple):
    """A rule. `regex` is for a whole path where `of_path`, else for a name alone; `negated` takes a rule back."""

    text: str
    regex: str
    of_path: bool
    folders_only: bool
    negated: bool


def pattern_of(line: str) -> Pattern | None:
    """The rule that a line is; None for a blank line and a comment.

    Raises:
        PatternError: no path could ever match it.
    """
    text = _without_trailing_spaces(line.rstrip("\r\n"))
    if not text or text.startswith("#"):
        return None
    if len(text) > LONGEST_LINE:
        raise PatternError(f"it is longer than {LONGEST_LINE:,} characters")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise PatternError("it has a control character")
    negated = text.startswith("!")
    rule = text[1:] if negated else text
    folders_only = rule.endswith("/")
    rule = rule.removesuffix("/")
    of_path = "/" in rule
    names = rule.removeprefix("/").split("/")
    if not rule or any(name in {"", ".", ".."} for name in names):
        raise PatternError("it names no path")
    regex = _path_regex(names) if of_path else _name_regex(names[0])
    return Pattern(text, regex, of_path, folders_only, negated)


def _without_trailing_spaces(text: str) -> str:
    bare = text.rstrip(" ")
    escapes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if escapes % 2 and bare != text else bare


def _path_regex(names: list[str]) -> str:
    """Between two `**` the names stand in a row; the first such row that fits is as good as a later one."""
    rows: list[list[str]] = [[]]
    for name in names:
        if name != "**":
            rows[-1].append(_name_regex(name))
        elif rows[-1] or len(rows) == 1:
            rows.append([])
    first, *others = ["/".join(row) for row in rows]
    if not others:
        return first
    *inner, last = others
    below = "".join(f"(?>{_FOLDERS[:-1]}*?{row}/)" for row in inner)
    # At the end, `**` is everything below; elsewhere it is any number of folders, or none.
    end = f"{_FOLDERS}{last}" if last else "(?s:.+)"
    return f"{first}/{below}{end}" if first else below + end


def _name_regex(name: str) -> str:
    """Between two `*` the characters stand in a row, as names do between two `**`."""
    rows: list[str] = [""]
    position = 0
    while position < len(name):
        if name[position] == "*":
            rows += [""] if rows[-1] or len(rows) == 1 else []
            position += 1
            continue
        one, position = _one_character(name, position)
        rows[-1] += one
    first, *others = rows
    if not others:
        return first
    if rows == ["", ""]:
        return "[^/]+"
    *inner, last = others
    return first + "".join(f"(?>{_ANY}?{row})" for row in inner) + _ANY + last


def _one_character(name: str, position: int) -> tuple[str, int]:
    """What matches one character, and where the next begins."""
    character = name[position]
    if character == "?":
        return "[^/]", position + 1
    if character == "[":
        return _bracket(name, position + 1)
    if character == "\\":
        position += 1
        if position == len(name):
            raise PatternError("it ends with a backslash that stands before nothing")
    return re.escape(name[position]), position + 1


def _bracket(name: str, position: int) -> tuple[str, int]:
    """A set of characters in brackets, from behind the `[`."""
    negated = name[position : position + 1] in {"!", "^"}
    position += negated
    parts: list[str] = []
    while True:
        if position >= len(name):
            raise PatternError("a “[” has no “]”")
        if name[position] == "]" and parts:
            break
        part, position = _part_of_bracket(name, position)
        parts.append(part)
    # A slash parts names, whatever the set says.
    inside = "".join(parts)
    return (f"[^/{inside}]" if negated else f"(?!/)[{inside}]"), position + 1


def _part_of_bracket(name: str, position: int) -> tuple[str, int]:
    named = re.compile(r"\[:(\w+):\]").match(name, position)
    if named:
        if named[1] not in _CLASSES:
            raise PatternError(f"“{named[0]}” is no set of characters")
        return _CLASSES[named[1]], named.end()
    low, position = _literal(name, position)
    if name[position : position + 1] == "-" and name[position + 1 : position + 2] not in {"", "]"}:
        high, position = _literal(name, position + 1)
        if high < low:
            raise PatternError(f"“{low}-{high}” runs backwards")
        return f"{re.escape(low)}-{re.escape(high)}", position
    return re.escape(low), position


def _literal(name: str, position: int) -> tuple[str, int]:
    if name[position] == "\\":
        position += 1
        if position == len(name):
            raise PatternError("a “[” has no “]”")
    return name[position], position + 1
