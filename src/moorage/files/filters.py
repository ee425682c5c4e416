"""Filters: which files of a selection are wanted, by patterns of the shell. Pure.

A pattern without a slash is for the file's name in whatever folder it lies; one with a slash is for the whole path
from the project's first folder, where `**` stands for any folders. Upper and lower case differ, as in names.
Several patterns are separated by line breaks or by commas; a file is wanted if one of them fits.
"""

import re
from collections.abc import Callable, Sequence
from fnmatch import translate
from typing import Final

from moorage.errors import InvalidInputError
from moorage.files.paths import join_path

MAX_CHARACTERS: Final = 1000
MAX_STARS: Final = 20  # what a pattern costs grows with them

Wanted = Callable[[str, str], bool]  # of a folder's path and a name in it


class FilterError(InvalidInputError):
    """A filter that no file could be asked with."""

    code = "download.filter"


class NothingMatchesError(InvalidInputError):
    """The filter of a download leaves no file."""

    code = "download.nothing_matches"

    def __init__(self, filter_text: str, revision: int) -> None:
        patterns = ", ".join(f"“{pattern}”" for pattern in filter_text.split("\n"))
        super().__init__(
            f"No file of revision {revision} that was chosen fits {patterns}. Upper and lower case differ. "
            "Ask for another download with another filter."
        )


def clean_filter(text: str) -> str:
    """A filter in the form in which it is kept: its patterns, each on a line; empty if there is none.

    Raises:
        FilterError: it is too long, or a pattern cannot fit any path.
    """
    if len(text) > MAX_CHARACTERS:
        raise FilterError(
            f"The filter has {len(text):,} characters; {MAX_CHARACTERS:,} are possible. Choose folders instead.",
            field="filter",
        )
    parts = (part.strip(" \t") for part in re.split(r"[,\n\r]", text))
    patterns = list(dict.fromkeys(part for part in parts if part))
    if text.strip() and not patterns:
        raise FilterError("The filter names no pattern. Name one, such as *.tif, or leave it empty.", field="filter")
    for pattern in patterns:
        if not pattern.isascii() and not _can_be_a_name(pattern):
            raise FilterError("A pattern of the filter is not valid UTF-8. Type it anew.", field="filter")
        if "\0" in pattern or any(part in {"", ".", ".."} for part in pattern.removeprefix("/").split("/")):
            raise FilterError(
                f"No file can fit the pattern “{pattern}”: it names an empty folder, “.” or “..”. Mend it or leave "
                "it out.",
                field="filter",
            )
        if pattern.count("*") > MAX_STARS:
            raise FilterError(
                f"The pattern “{pattern[:80]}” has more than {MAX_STARS} stars. Use fewer.", field="filter"
            )
    return "\n".join(patterns)


def _can_be_a_name(pattern: str) -> bool:
    try:
        pattern.encode()
    except UnicodeEncodeError:
        return False
    return True


def wanted_by(text: str) -> Wanted:
    """What a filter that `clean_filter` returned wants; everything if it is empty."""
    patterns = text.split("\n") if text else []
    if not patterns:
        return lambda _folder, _name: True
    by_name = re.compile("|".join(translate(one) for one in patterns if "/" not in one) or r"(?!)")
    by_path = [_parts_of(one) for one in patterns if "/" in one]

    def is_wanted(folder: str, name: str) -> bool:
        if by_name.match(name) is not None:
            return True
        return bool(by_path) and any(_fits(join_path(folder, name).split("/"), parts) for parts in by_path)

    return is_wanted


def _parts_of(pattern: str) -> list[re.Pattern[str] | None]:
    """A pattern for each name on the way; None stands for any number of folders."""
    parts = pattern.removeprefix("/").split("/")
    return [None if part == "**" else re.compile(translate(part)) for part in parts]


def _fits(names: Sequence[str], parts: Sequence[re.Pattern[str] | None]) -> bool:
    """Whether all names on a way fit a pattern's parts, in order."""
    reached = {0}  # how many names the parts so far may have taken
    for part in parts:
        if part is None:
            reached = set(range(min(reached), len(names) + 1))
        else:
            reached = {taken + 1 for taken in reached if taken < len(names) and part.match(names[taken])}
        if not reached:
            return False
    return len(names) in reached
