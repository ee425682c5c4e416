from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moorage.importer.rules.matching import (
    MOST_RULES,
    IgnoreRules,
    IgnoreRulesError,
    check_project_rules,
    read_upload_rules,
)

NOTHING = IgnoreRules.of("", "")


def ignores(rules: str, path: str, *, is_folder: bool = False) -> bool:
    return bool(IgnoreRules.of("", rules).ignored_by(path.encode(), is_folder))


@pytest.mark.parametrize("path", [b".DS_Store", b"a/b/.DS_Store", b"Thumbs.db", b"a/._scan.tif", b"._"])
def test_what_finder_and_explorer_leave_behind_is_left_out(path: bytes) -> None:
    assert NOTHING.ignored_by(path, False).endswith("(built in)")


@pytest.mark.parametrize(
    "path", [b"thumbs.db", b"DS_Store", b".ds_store", b"a._b", b"Thumbs.db.tif", b".hidden", b"~x"]
)
def test_nothing_else_is_left_out_unasked(path: bytes) -> None:
    assert NOTHING.ignored_by(path, False) == ""


def test_a_folder_that_is_named_like_such_a_file_is_kept() -> None:
    for rules in (NOTHING, IgnoreRules.of("*.tmp", "")):
        assert rules.ignored_by(b"._old", True) == ""
        assert rules.ignored_by(b"._old/a.tif", False) == ""


def test_a_rule_is_told_with_its_place() -> None:
    rules = IgnoreRules.of("\n*.tmp", "# mine\nraw/")
    assert rules.ignored_by(b"a/x.tmp", False) == "“*.tmp” (line 2 of the project's ignore rules)"
    assert rules.ignored_by(b"raw/x.tif", False) == "“raw/” (line 2 of .moorageignore)"


def test_the_uploads_own_file_counts_more_than_the_project_and_what_is_built_in() -> None:
    rules = IgnoreRules.of("*.log\n!.DS_Store", "!run.log")
    assert rules.ignored_by(b"run.log", False) == ""
    assert rules.ignored_by(b"other.log", False) != ""
    assert rules.ignored_by(b".DS_Store", False) == ""


def test_what_an_ignored_folder_holds_cannot_be_taken_back() -> None:
    assert ignores("cache/\n!keep.txt", "cache/deep/keep.txt")


def test_a_folder_is_ignored_in_any_order_of_asking() -> None:
    rules = IgnoreRules.of("", "a/b/")
    assert rules.ignored_by(b"a/b/c/d/e", False)
    assert rules.ignored_by(b"a/b", True)
    assert not rules.ignored_by(b"a/b", False)
    assert not rules.ignored_by(b"a", True)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("[ab", "has no “]”"),
        ("a\\", "backslash"),
        ("/", "names no path"),
        ("!", "names no path"),
        ("a//b", "names no path"),
        ("../x", "names no path"),
        ("[z-a]", "runs backwards"),
        ("[[:nope:]]", "no set of characters"),
        ("a\0b", "control character"),
        ("n" * 1001, "longer than"),
    ],
)
def test_a_line_that_is_no_rule_is_told_with_its_number(line: str, why: str) -> None:
    with pytest.raises(IgnoreRulesError, match=why) as failure:
        check_project_rules(f"*.tmp\r\n{line}\n")
    assert failure.value.line == 2
    assert str(failure.value).startswith("Line 2 ")
    rules = IgnoreRules.of("", f"*.tmp\n{line}\n")
    assert [warning for warning in rules.warnings if why in warning and "Line 2 of .moorageignore" in warning]
    assert rules.ignored_by(b"x.tmp", False)


def test_many_faults_become_a_few_warnings() -> None:
    assert len(IgnoreRules.of("", "[\n" * 50).warnings) == 4


def test_there_are_so_many_rules_and_no_more() -> None:
    lines = "\n".join(f"f{number}" for number in range(MOST_RULES + 1))
    with pytest.raises(IgnoreRulesError, match="At most"):
        check_project_rules(lines)
    rules = IgnoreRules.of("", lines)
    assert rules.ignored_by(f"f{MOST_RULES - 1}".encode(), False)
    assert not rules.ignored_by(f"f{MOST_RULES}".encode(), False)
    assert "only the first" in rules.warnings[0]


def test_a_rule_for_names_that_are_not_utf_8_is_kept_and_can_be_told() -> None:
    rules = IgnoreRules.of("", b"caf\xe9*".decode(errors="surrogateescape"))
    told = rules.ignored_by(b"caf\xe9.txt", False)
    assert "\\udce9" in told
    told.encode()


@pytest.mark.parametrize("line", ["*a" * 40 + "b", "**/a/" * 40 + "b", "*a*/**/" * 20 + "b", "[a]*" * 50 + "b"])
def test_no_rule_takes_long_whatever_it_meets(line: str) -> None:
    rules = IgnoreRules.of("", line)
    begun = time.perf_counter()
    for path in (b"a" * 255, b"a/" * 2000 + b"a", b"/".join([b"a" * 255] * 16)):
        assert not rules.ignored_by(path, False)
    assert time.perf_counter() - begun < 5


# What git says, for every mix of what makes a rule special.
PIECES = [
    "a",
    "b",
    "ab",
    "*",
    "**",
    "?",
    "[ab]",
    "[!a]",
    "[^b]",
    "\\a",
    "\\*",
    "a*",
    "*b",
    "a*b",
    "*a*",
    "[]a]",
    "[a-b]",
]
RULES = st.lists(
    st.builds(
        lambda negated, top, names, folder: ("!" if negated else "") + ("/" if top else "") + "/".join(names) + folder,
        st.booleans(),
        st.booleans(),
        st.lists(st.sampled_from(PIECES), min_size=1, max_size=4),
        st.sampled_from(["", "", "/", " ", "\\ "]),
    ),
    min_size=1,
    max_size=4,
)
NAMES = st.sampled_from(["a", "b", "ab", "ba", "aab", "*", "a ", "]"])
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=4).map("/".join), min_size=1, max_size=5, unique=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


@given(RULES, PATHS, st.booleans())
@example(["**/a", "!a/b"], ["a/b/a", "b/a"], False)
@example(["a/**", "!a/b"], ["a/b", "a/c/b"], False)
@example(["a/**/b/**/b"], ["a/b/b", "a/b/a/b", "a/a/b"], False)
@example(["*"], ["a"], True)
def test_a_path_is_left_out_exactly_where_git_would(
    repository: Path, rules: list[str], paths: list[str], is_folder: bool
) -> None:
    (repository / ".git/info/exclude").write_text("\n".join(rules))
    for path in paths if is_folder else ():
        (repository / path).mkdir(parents=True, exist_ok=True)
    answer = subprocess.run(
        ["git", "check-ignore", "--no-index", "-z", "--stdin", "-v", "-n"],
        input="\0".join(paths).encode() + b"\0",
        cwd=repository,
        capture_output=True,
        check=False,
        env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"},
    )
    for left in repository.iterdir():
        if left.name != ".git":
            shutil.rmtree(left)
    fields = answer.stdout.decode().split("\0")[:-1]
    said = {
        path: bool(pattern) and not pattern.startswith("!")
        for pattern, path in zip(fields[2::4], fields[3::4], strict=True)
    }
    ours = IgnoreRules.of("", "\n".join(rules))
    assert {path: bool(ours.ignored_by(path.encode(), is_folder)) for path in paths} == said


def test_the_file_at_the_top_is_read(tmp_path: Path) -> None:
    (tmp_path / ".moorageignore").write_bytes(b"\xef\xbb\xbf*.tmp\r\n")
    assert IgnoreRules.of("", read_upload_rules(tmp_path).text).ignored_by(b"x.tmp", False)


def test_without_a_file_there_are_no_rules_and_nothing_to_warn_of(tmp_path: Path) -> None:
    assert read_upload_rules(tmp_path) == read_upload_rules(tmp_path / "gone")
    assert read_upload_rules(tmp_path).warning == ""


def test_a_link_a_pipe_a_folder_and_a_file_that_is_too_long_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("*\n")
    (tmp_path / "a link").mkdir()
    (tmp_path / "a link/.moorageignore").symlink_to(secret)
    (tmp_path / "a pipe").mkdir()
    os.mkfifo(tmp_path / "a pipe/.moorageignore")
    (tmp_path / "a folder/.moorageignore").mkdir(parents=True)
    (tmp_path / "too long").mkdir()
    (tmp_path / "too long/.moorageignore").write_bytes(b"x\n" * 40_000)

    for area in ("a link", "a pipe", "a folder", "too long"):
        rules = read_upload_rules(tmp_path / area)
        assert rules.text == ""
        assert rules.warning.startswith(".moorageignore ")
