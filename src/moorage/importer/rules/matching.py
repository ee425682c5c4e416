"""Which staged paths are left out: by rules that are built in, the project's, and those of the upload's own file.

A later rule counts more than an earlier one, the upload's more than the project's, and those more than what is built
in; an ignored folder ignores all that it holds, and nothing in it can be taken back. Nothing is ignored silently: a
path that a rule meets is in the manifest, with the verdict "skipped" and the rule.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple, Self

from moorage.errors import InvalidInputError
from moorage.importer.rules.of_uploads import IGNORE_FILE, RulesUnreadError, read_upload_rules
from moorage.importer.rules.patterns import Pattern, PatternError, pattern_of
from moorage.importer.words.paths import folders_above
from moorage.projects.texts import can_be_kept

__all__ = ["MOST_RULES", "IgnoreRules", "IgnoreRulesError", "check_project_rules", "is_built_in", "read_upload_rules"]

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


def check_project_rules(text: str) -> None:
    """Raise IgnoreRulesError for the first line of a project's rules that is none."""
    rules, faults = _rules_in(text, source="line {} of the project's ignore rules")
    faults += [
        (number, "it has a character that no database keeps")  # in a comment, too
        for number, line in enumerate(text.split("\n"), 1)
        if not can_be_kept(line)
    ]
    if faults:
        line, why = min(faults, key=itemgetter(0))
        shown = _shown(text.split("\n")[line - 1])
        raise IgnoreRulesError(f"Line {line} of the ignore rules (“{shown}”) is no rule: {why}. Change it.", line=line)
    if len(rules) > MOST_RULES:
        raise IgnoreRulesError(f"At most {MOST_RULES:,} ignore rules are kept. Put some together.", line=len(rules))


@dataclass
class IgnoreRules:
    """The rules of one upload. `warnings` are sentences about lines of its own file that are no rules, `unread` is why
    all of it is not known.
    """

    rules: tuple[Rule, ...] = ()
    warnings: tuple[str, ...] = ()
    unread: str = ""
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
        if not read.warning:
            return rules
        unread = read.warning if read.is_unread else ""
        warning = (
            f"{unread} An import stops at it, unless it includes what rules leave out." if unread else read.warning
        )
        return replace(rules, warnings=(warning, *rules.warnings), unread=unread)

    def check_read(self) -> None:
        """Raise RulesUnreadError where the upload's own file may hold rules that are not known."""
        if self.unread:
            raise RulesUnreadError(self.unread)

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
