"""Which staged paths are left out: by rules that are built in, the project's, and those of the upload's own file.

A later rule counts more than an earlier one, the upload's more than the project's, and those more than what is built
in; an ignored folder ignores all that it holds, and nothing in it can be taken back. Nothing is ignored silently: a
path that a rule meets is in the manifest, with the verdict "skipped" and the rule.
"""

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple, Self

from moorage.errors import InvalidInputError
from moorage.importer.ignore_patterns import Pattern, PatternError, pattern_of
from moorage.importer.paths import folders_above
from moorage.storage.folders import FOLDER_FLAGS

IGNORE_FILE: Final = ".moorageignore"
MOST_FILE_BYTES: Final = 64 * 1024
MOST_RULES: Final = 1000
LONGEST_SHOWN: Final = 200
FOLDERS_REMEMBERED: Final = 4096

# What Finder, Explorer and copies from a Mac leave behind: files only, so that a folder of such a name is kept.
BUILT_IN_NAMES: Final = {b".DS_Store": ".DS_Store", b"Thumbs.db": "Thumbs.db"}
APPLE_DOUBLE: Final = b"._"


class IgnoreRulesError(InvalidInputError):
    """A line of the project's ignore rules is no rule."""

    code = "project.ignore_rules"

    def __init__(self, sentence: str, *, line: int) -> None:
        super().__init__(sentence, field="ignore_rules")
        self.line = line


class Rule(NamedTuple):
    """A rule and where it stands, in words."""

    pattern: Pattern
    source: str

    @property
    def told(self) -> str:
        return f"“{_shown(self.pattern.text)}” ({self.source})"


@dataclass(frozen=True)
class UploadRules:
    """The upload's own file: its text, and why it does not count where it does not."""

    text: str = ""
    warning: str = ""


def check_project_rules(text: str) -> None:
    """Raise IgnoreRulesError for the first line of a project's rules that is none."""
    rules, faults = _rules_in(text, source="line {} of the project's ignore rules")
    if faults:
        line, why = faults[0]
        shown = _shown(text.split("\n")[line - 1])
        raise IgnoreRulesError(f"Line {line} of the ignore rules (“{shown}”) is no rule: {why}. Change it.", line=line)
    if len(rules) > MOST_RULES:
        raise IgnoreRulesError(f"At most {MOST_RULES:,} ignore rules are kept. Put some together.", line=len(rules))


def read_upload_rules(area: Path) -> UploadRules:
    """The `.moorageignore` at the top of an area: no link is followed, nothing but a file of at most 64 KiB is read."""
    try:
        content = _content_at_top(area)
    except FileNotFoundError:
        return UploadRules()
    except OSError:  # a link too: ELOOP
        return UploadRules(warning=f"{IGNORE_FILE} cannot be read, so its rules do not count.")
    if content is None:
        return UploadRules(warning=f"{IGNORE_FILE} is not a file, so it has no rules.")
    if len(content) > MOST_FILE_BYTES:
        return UploadRules(warning=f"{IGNORE_FILE} is longer than 64 KiB, so its rules do not count.")
    return UploadRules(content.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape"))


def _content_at_top(area: Path) -> bytes | None:
    """What the file begins with; None where something else has its name."""
    folder = os.open(area, FOLDER_FLAGS)
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(IGNORE_FILE, flags, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(MOST_FILE_BYTES + 1)
    finally:
        os.close(descriptor)


@dataclass
class IgnoreRules:
    """The rules of one upload. `warnings` are sentences about lines of its own file that are no rules."""

    rules: tuple[Rule, ...] = ()
    warnings: tuple[str, ...] = ()
    _folders: dict[bytes, str] = field(init=False, default_factory=dict)
    _any_name: "re.Pattern[str] | None" = field(init=False, default=None)
    _any_path: "re.Pattern[str] | None" = field(init=False, default=None)
    _compiled: "tuple[tuple[Rule, re.Pattern[str]], ...]" = field(init=False, default=())

    def __post_init__(self) -> None:
        # The last rule that matches is the one that counts, so that they are asked from the last to the first.
        self._compiled = tuple((rule, re.compile(rule.pattern.regex)) for rule in reversed(self.rules))
        self._any_name = _any_of(rule.pattern.regex for rule in self.rules if not rule.pattern.of_path)
        self._any_path = _any_of(rule.pattern.regex for rule in self.rules if rule.pattern.of_path)

    @classmethod
    def of(cls, project_rules: str, upload_rules: str) -> Self:
        """The rules of a project and of an upload's own file, whose lines that are no rules are warned of."""
        ours, _ = _rules_in(project_rules, source="line {} of the project's ignore rules")
        theirs, faults = _rules_in(upload_rules, source=f"line {{}} of {IGNORE_FILE}")
        warnings = [f"Line {line} of {IGNORE_FILE} is no rule: {why}." for line, why in faults[:3]]
        if len(faults) > len(warnings):
            warnings.append(f"{len(faults) - len(warnings):,} more lines of {IGNORE_FILE} are no rules either.")
        if len(theirs) > MOST_RULES:
            warnings.append(f"{IGNORE_FILE} has more than {MOST_RULES:,} rules; only the first ones count.")
        return cls((*ours[:MOST_RULES], *theirs[:MOST_RULES]), tuple(warnings))

    @classmethod
    def of_area(cls, project_rules: str, area: Path) -> Self:
        """The rules of a project and of the file at the top of an area."""
        read = read_upload_rules(area)
        rules = cls.of(project_rules, read.text)
        return replace(rules, warnings=(read.warning, *rules.warnings)) if read.warning else rules

    def ignored_by(self, path: bytes, is_folder: bool) -> str:
        """The rule that leaves this path out, and where it stands; empty where none does.

        Right in any order of paths, and quickest in the order of a walk.
        """
        if not self.rules:
            return "" if is_folder else _built_in(path.rpartition(b"/")[2])
        folder, _, name = path.rpartition(b"/")
        if folder and (above := self._of_folder(folder)):
            return above
        return self._of_folder(path) if is_folder else self._ignored(path, name, is_folder=False)

    def _of_folder(self, path: bytes) -> str:
        """The rule that leaves out this folder, or one above it; remembered, for it is asked for all that it holds."""
        found = self._folders.get(path)
        if found is None:
            # Not by calling itself: a path may have two thousand folders.
            for folder in (*folders_above(path), path):
                if (known := self._folders.get(folder)) is None:
                    known = found or self._ignored(folder, folder.rpartition(b"/")[2], is_folder=True)
                    self._remember(folder, known)
                found = known
        return found or ""

    def _remember(self, folder: bytes, rule: str) -> None:
        if len(self._folders) >= FOLDERS_REMEMBERED:
            self._folders.clear()
        self._folders[folder] = rule

    def _ignored(self, path: bytes, name: bytes, *, is_folder: bool) -> str:
        """What is said of this very path, whatever becomes of the folders above it."""
        text = path.decode(errors="surrogateescape")
        last = text.rpartition("/")[2]
        meets_name = self._any_name is not None and self._any_name.fullmatch(last)
        meets_path = self._any_path is not None and self._any_path.fullmatch(text)
        if meets_name or meets_path:
            for rule, regex in self._compiled:
                of_path, folders_only, negated = rule.pattern[2:]
                if (is_folder or not folders_only) and regex.fullmatch(text if of_path else last):
                    return "" if negated else rule.told
        return "" if is_folder else _built_in(name)


def is_built_in(name: bytes) -> bool:
    """Whether files of this name are left out without any rule."""
    return name in BUILT_IN_NAMES or name.startswith(APPLE_DOUBLE)


def _built_in(name: bytes) -> str:
    if name in BUILT_IN_NAMES:
        return f"“{BUILT_IN_NAMES[name]}” (built in)"
    return "“._*” (built in)" if name.startswith(APPLE_DOUBLE) else ""


def _shown(text: str) -> str:
    """A line as a sentence can hold it."""
    cut = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
    return cut.replace("\0", "\\0").encode(errors="backslashreplace").decode().strip()


def _any_of(regexes: Iterable[str]) -> "re.Pattern[str] | None":
    together = "|".join(f"(?:{regex})" for regex in regexes)
    return re.compile(together) if together else None


def _rules_in(text: str, *, source: str) -> tuple[list[Rule], list[tuple[int, str]]]:
    """The rules of a text, and the numbers of its other lines with why they are none."""
    rules: list[Rule] = []
    faults: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            pattern = pattern_of(line)
        except PatternError as error:
            faults.append((number, str(error)))
            continue
        if pattern is not None:
            rules.append(Rule(pattern, source.format(number)))
    return rules, faults
