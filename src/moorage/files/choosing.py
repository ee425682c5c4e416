"""Whether an import could be done as a member chose it (see `projects.choices`). Pure.

What the choices mean for each staged path is decided by the planner; here is only what is wrong in every state.
"""

import unicodedata
from typing import Final

from moorage.errors import InvalidInputError
from moorage.files.paths import MAX_NAME_BYTES, MAX_PATH_BYTES
from moorage.projects.choices import INCLUDABLE, ImportChoices, OnConflict

NO_CHOICES: Final = ImportChoices()
MOST_PATHS: Final = 5000
MOST_PATHS_BYTES: Final = 500_000


class InvalidChoiceError(InvalidInputError):
    """No import could be done like this, whatever the upload and the project hold."""

    code = "import.choices"


def checked_choices(choices: ImportChoices) -> ImportChoices:
    """The choices in the form in which they are kept: paths without slashes around them, nothing said twice.

    Raises:
        InvalidChoiceError: a value is none of its kind, or a path cannot be one.
    """
    if choices.on_conflict and choices.on_conflict not in OnConflict.values:
        known = ", ".join(f"“{value}”" for value in OnConflict.values)
        raise InvalidChoiceError(f"On a conflict an import can do {known}. Choose one of them.", field="on_conflict")
    if not set(choices.include) <= set(INCLUDABLE):
        known = " and ".join(f"“{value}”" for value in INCLUDABLE)
        raise InvalidChoiceError(f"What an import can include besides is {known}. Choose of these.", field="include")
    return ImportChoices(
        on_conflict=choices.on_conflict,
        target=_checked_target(choices.target),
        paths=_checked_paths(choices.paths),
        include=tuple(value for value in INCLUDABLE if value in choices.include),
    )


def _checked_target(target: str) -> str:
    folder = target.strip().strip("/")
    if not folder:
        return ""
    fault = _fault_in(folder)
    if fault:
        raise InvalidChoiceError(
            f"The files cannot go to “{_shown(target)}”: {fault}. Name another folder.", field="target"
        )
    return folder


def _checked_paths(paths: tuple[str, ...]) -> tuple[str, ...]:
    if len(paths) > MOST_PATHS or sum(map(len, paths)) > MOST_PATHS_BYTES:
        raise InvalidChoiceError(
            f"A part is named by at most {MOST_PATHS:,} paths. Name folders: each stands for all that it holds.",
            field="paths",
        )
    chosen: dict[str, None] = {}
    for path in paths:
        bare = path.removeprefix("./").strip("/")
        fault = _fault_in(bare)
        if fault:
            raise InvalidChoiceError(
                f"“{_shown(path)}” cannot be a path of this upload: {fault}. Mend it or leave it out.", field="paths"
            )
        chosen[bare] = None
    return tuple(chosen)


def _fault_in(path: str) -> str:
    """What is wrong with a path; empty where nothing is."""
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "it is not valid UTF-8"
    if len(encoded) > MAX_PATH_BYTES:
        return f"it is longer than {MAX_PATH_BYTES:,} bytes"
    names = path.split("/")
    if any(name in {"", ".", ".."} for name in names):
        return "it has an empty name, “.” or “..” in it"
    if any(len(name.encode()) > MAX_NAME_BYTES for name in names):
        return f"a name in it is longer than {MAX_NAME_BYTES} bytes"
    if any(unicodedata.category(character) == "Cc" for character in path):
        return "it has control characters"
    return ""


def _shown(path: str) -> str:
    """A path as a sentence can hold it."""
    return path[:200].replace("\0", "\\0").encode(errors="backslashreplace").decode()
