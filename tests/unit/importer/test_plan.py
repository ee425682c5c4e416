from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moorage.importer.plan import NOTHING, AtHead, Staged, judge
from moorage.importer.verdicts import GOOD, EntryKind, Verdict

FILE_THERE = AtHead(is_file=True, size_bytes=3, digest="d" * 64)
FOLDER_THERE = AtHead(is_folder=True)

STAGED = st.builds(
    Staged,
    path=st.sampled_from([b"a", b"a/b", b"\xff", b"line\nbreak", b"n" * 300]),
    kind=st.sampled_from([str(kind) for kind in EntryKind]),
    size_bytes=st.integers(0, 5),
    digest=st.sampled_from(["", "d" * 64, "e" * 64]),
    trouble=st.sampled_from(["", "", "unreadable", "vanished", "too_long"]),
    is_doubtful=st.booleans(),
    looks_alike=st.booleans(),
)
AT_HEAD = st.sampled_from([NOTHING, FILE_THERE, FOLDER_THERE, AtHead(blocked_by="a")])


def a_file(**changes: object) -> Staged:
    return Staged(path=b"a/b", kind=EntryKind.FILE, size_bytes=3, **changes)  # type: ignore[arg-type]


@given(STAGED, AT_HEAD, st.booleans())
def test_whatever_is_not_imported_has_a_reason_and_whatever_is_has_none(
    staged: Staged, at_head: AtHead, include_doubtful: bool
) -> None:
    judgement = judge(staged, at_head, include_doubtful=include_doubtful)

    assert (judgement.reason is None) == (judgement.verdict in GOOD)
    assert judgement == judge(staged, at_head, include_doubtful=include_doubtful)


@given(STAGED, AT_HEAD)
def test_only_plain_files_and_folders_with_good_names_are_imported(staged: Staged, at_head: AtHead) -> None:
    if judge(staged, at_head, include_doubtful=True).verdict in GOOD:
        assert staged.kind in {EntryKind.FILE, EntryKind.DIRECTORY}
        assert staged.path in {b"a", b"a/b"}
        assert not staged.trouble
        assert not at_head.blocked_by
        assert not (at_head.is_folder and staged.kind == EntryKind.FILE)
        assert not (at_head.is_file and staged.kind == EntryKind.DIRECTORY)


def test_a_file_where_nothing_stands_is_new() -> None:
    assert judge(a_file(), NOTHING).verdict is Verdict.NEW


def test_a_file_with_the_digest_that_stands_there_is_identical() -> None:
    assert judge(a_file(digest="d" * 64), FILE_THERE).verdict is Verdict.IDENTICAL


def test_a_file_whose_digest_differs_or_is_not_known_is_a_new_version() -> None:
    assert judge(a_file(digest="e" * 64), FILE_THERE).verdict is Verdict.NEW_VERSION
    assert judge(a_file(), FILE_THERE).verdict is Verdict.NEW_VERSION


def test_a_folder_that_stands_there_already_is_identical() -> None:
    folder = Staged(path=b"a", kind=EntryKind.DIRECTORY)
    assert judge(folder, FOLDER_THERE).verdict is Verdict.IDENTICAL
    assert judge(folder, NOTHING).verdict is Verdict.NEW


def test_what_lies_below_a_file_of_the_project_is_rejected_and_the_file_is_named() -> None:
    judgement = judge(a_file(), AtHead(blocked_by="a"))
    assert judgement.reason is not None
    assert judgement.reason.code == "path.file_there"
    assert "at a," in judgement.reason.sentence


def test_a_doubtful_file_is_imported_only_if_the_member_says_so() -> None:
    assert judge(a_file(is_doubtful=True), NOTHING).verdict is Verdict.DOUBTFUL
    included = judge(a_file(is_doubtful=True), NOTHING, include_doubtful=True)
    assert included.verdict is Verdict.NEW
    assert included.warning == "entry.included_although_doubtful"


def test_a_name_that_looks_like_another_is_imported_with_a_warning() -> None:
    judgement = judge(a_file(looks_alike=True), NOTHING)
    assert (judgement.verdict, judgement.warning) == (Verdict.NEW, "path.looks_alike")
