"""The planner: a verdict for every staged path, from nothing but what it is given."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from moorage.importer.plan.judging import NOTHING, AtHead, Judgement, Policy, Staged, judge
from moorage.importer.words import reasons
from moorage.importer.words.paths import problem_of
from moorage.importer.words.verdicts import GOOD, EntryKind, Verdict
from moorage.projects.choices import OnConflict

FILE_THERE = AtHead(is_file=True, digest="d" * 64)
FOLDER_THERE = AtHead(is_folder=True)
EVERYTHING = Policy(include_doubtful=True, include_skipped=True)


def staged_at(path: bytes, **fields: object) -> Staged:
    return Staged(path=path, problem=problem_of(path), **fields)  # type: ignore[arg-type]


STAGED = st.builds(
    staged_at,
    path=st.sampled_from([b"a", b"a/b", b"\xff", b"line\nbreak", b"n" * 300]),
    kind=st.sampled_from([str(kind) for kind in EntryKind]),
    digest=st.sampled_from(["", "d" * 64, "e" * 64]),
    trouble=st.sampled_from(["", "", "unreadable", "vanished", "too_long"]),
    is_doubtful=st.booleans(),
    differs=st.booleans(),
    looks_alike=st.booleans(),
    ignored_by=st.sampled_from(["", "", "“*.tmp” (built in)"]),
    is_selected=st.sampled_from([True, True, False]),
)
AT_HEAD = st.sampled_from([NOTHING, FILE_THERE, FOLDER_THERE, AtHead(blocked_by="a")])
POLICIES = st.builds(
    Policy,
    on_conflict=st.sampled_from([str(one) for one in OnConflict]),
    include_doubtful=st.booleans(),
    include_skipped=st.booleans(),
)


def a_file(**changes: object) -> Staged:
    return staged_at(b"a/b", kind=EntryKind.FILE, **changes)


@given(STAGED, AT_HEAD, POLICIES)
def test_whatever_is_not_imported_has_a_reason_and_whatever_is_has_none(
    staged: Staged, at_head: AtHead, policy: Policy
) -> None:
    judgement = judge(staged, at_head, policy)

    assert (judgement.reason is None) == (judgement.verdict in GOOD)
    assert not judgement.warning or judgement.verdict in GOOD


@given(
    st.lists(st.tuples(STAGED, AT_HEAD), max_size=8).flatmap(
        lambda some: st.tuples(st.just(some), st.permutations(some))
    ),
    POLICIES,
)
def test_a_path_gets_the_same_verdict_in_whatever_order_paths_are_judged(
    orders: tuple[list[tuple[Staged, AtHead]], list[tuple[Staged, AtHead]]], policy: Policy
) -> None:
    def judged(order: list[tuple[Staged, AtHead]]) -> dict[tuple[Staged, AtHead], Judgement]:
        return {one: judge(*one, policy) for one in order}

    assert judged(orders[0]) == judged(orders[1])


@given(STAGED, AT_HEAD, POLICIES)
def test_only_plain_files_and_folders_with_good_names_are_imported(
    staged: Staged, at_head: AtHead, policy: Policy
) -> None:
    if judge(staged, at_head, policy).verdict in GOOD:
        assert staged.kind in {EntryKind.FILE, EntryKind.DIRECTORY}
        assert staged.path in {b"a", b"a/b"}
        assert not staged.trouble
        assert not at_head.blocked_by
        assert not (at_head.is_folder and staged.kind == EntryKind.FILE)
        assert not (at_head.is_file and staged.kind == EntryKind.DIRECTORY)


@given(STAGED, AT_HEAD, POLICIES)
def test_no_choice_brings_in_what_was_not_chosen_or_can_never_enter(
    staged: Staged, at_head: AtHead, policy: Policy
) -> None:
    judgement = judge(staged, at_head, policy)

    if staged.problem or staged.trouble or staged.kind in {EntryKind.SYMLINK, EntryKind.OTHER}:
        assert judgement.verdict is Verdict.REJECTED
    elif not staged.is_selected:
        assert judgement == Judgement(Verdict.SKIPPED, reasons.NOT_SELECTED)


@given(STAGED, AT_HEAD, POLICIES)
def test_including_more_never_leaves_out_what_was_imported(staged: Staged, at_head: AtHead, policy: Policy) -> None:
    before = judge(staged, at_head, policy)
    after = judge(staged, at_head, replace(policy, include_doubtful=True, include_skipped=True))

    if before.verdict in GOOD:
        assert after.verdict is before.verdict
    assert after.verdict is not Verdict.DOUBTFUL


@given(STAGED, AT_HEAD, POLICIES)
def test_a_doubtful_or_differing_file_is_never_imported_in_silence(
    staged: Staged, at_head: AtHead, policy: Policy
) -> None:
    judgement = judge(staged, at_head, policy)

    if staged.kind == EntryKind.FILE and (staged.is_doubtful or staged.differs) and judgement.verdict in GOOD:
        assert policy.include_doubtful
        assert judgement.warning == reasons.INCLUDED_ALTHOUGH_DOUBTFUL


@given(STAGED, AT_HEAD)
def test_the_conflict_policy_matters_only_where_the_project_has_a_file(staged: Staged, at_head: AtHead) -> None:
    version, skip, fail = (judge(staged, at_head, Policy(on_conflict=one)) for one in OnConflict)

    # Whether anything at all is imported under FAIL is decided when everything has been judged.
    assert fail == version
    if skip != version:
        assert at_head.is_file
        assert skip == Judgement(Verdict.SKIPPED, reasons.KEPT_AS_IT_IS)


def test_a_file_where_nothing_stands_is_new() -> None:
    assert judge(a_file(), NOTHING).verdict is Verdict.NEW


def test_a_file_with_the_digest_that_stands_there_is_identical() -> None:
    assert judge(a_file(digest="d" * 64), FILE_THERE).verdict is Verdict.IDENTICAL


def test_a_file_whose_digest_differs_or_is_not_known_is_a_new_version() -> None:
    assert judge(a_file(digest="e" * 64), FILE_THERE).verdict is Verdict.NEW_VERSION
    assert judge(a_file(), FILE_THERE).verdict is Verdict.NEW_VERSION


def test_a_folder_that_stands_there_already_is_identical() -> None:
    folder = staged_at(b"a", kind=EntryKind.DIRECTORY)
    assert judge(folder, FOLDER_THERE).verdict is Verdict.IDENTICAL
    assert judge(folder, NOTHING).verdict is Verdict.NEW
    # A folder is no conflict: files go into it whatever becomes of files that are there.
    assert judge(folder, FOLDER_THERE, Policy(on_conflict=OnConflict.SKIP)).verdict is Verdict.IDENTICAL


def test_what_lies_below_a_file_of_the_project_is_rejected_and_the_file_is_named() -> None:
    judgement = judge(a_file(), AtHead(blocked_by="a"))
    assert judgement.reason is not None
    assert judgement.reason.code == "path.file_there"
    assert "at a," in judgement.reason.sentence


def test_where_the_target_is_a_file_another_is_asked_for_and_no_other_name() -> None:
    for target in ("a.txt", "a.txt/below"):
        judgement = judge(a_file(), AtHead(blocked_by="a.txt"), Policy(target=target))
        assert judgement.reason is not None
        assert judgement.reason.code == "path.target_is_file"
        assert "at a.txt, where" in judgement.reason.sentence
        assert "Retry with another folder" in judgement.reason.sentence
    below = judge(a_file(), AtHead(blocked_by="a.txt/a"), Policy(target="a.txt"))
    assert below.reason is not None
    assert below.reason.code == "path.file_there"


def test_a_folder_in_the_place_of_a_file_below_the_target_names_that_file() -> None:
    judgement = judge(staged_at(b"a/b", kind=EntryKind.DIRECTORY), FILE_THERE, Policy(target="raw"))
    assert judgement.reason is not None
    assert "at raw/a/b," in judgement.reason.sentence


def test_a_folder_in_the_place_of_a_file_names_that_file() -> None:
    judgement = judge(staged_at(b"a/b", kind=EntryKind.DIRECTORY), FILE_THERE)
    assert judgement.reason is not None
    assert "at a/b," in judgement.reason.sentence


def test_a_file_that_the_project_has_is_kept_where_the_member_says_so() -> None:
    keep = Policy(on_conflict=OnConflict.SKIP)
    for digest in ("", "e" * 64):
        assert judge(a_file(digest=digest), FILE_THERE, keep).reason == reasons.KEPT_AS_IT_IS
    assert judge(a_file(digest="d" * 64), FILE_THERE, keep) == Judgement(Verdict.IDENTICAL), "it is no other file"
    assert judge(a_file(), NOTHING, keep).verdict is Verdict.NEW


def test_a_doubtful_file_is_imported_only_if_the_member_says_so() -> None:
    assert judge(a_file(is_doubtful=True), NOTHING).verdict is Verdict.DOUBTFUL
    included = judge(a_file(is_doubtful=True), NOTHING, Policy(include_doubtful=True))
    assert included.verdict is Verdict.NEW
    assert included.warning == "entry.included_although_doubtful"


def test_a_file_that_is_not_what_a_list_says_is_doubtful_for_that_reason() -> None:
    assert judge(a_file(differs=True), NOTHING).reason == reasons.DIFFERS
    assert judge(a_file(differs=True, is_doubtful=True), NOTHING).reason == reasons.DIFFERS
    assert judge(a_file(differs=True), NOTHING, EVERYTHING).warning == "entry.included_although_doubtful"


def test_an_ignored_path_is_skipped_and_its_rule_is_told() -> None:
    ignored = a_file(ignored_by="“*.tmp” (line 2 of .moorageignore)")
    judgement = judge(ignored, NOTHING)
    assert judgement.verdict is Verdict.SKIPPED
    assert judgement.reason is not None
    assert "“*.tmp” (line 2 of .moorageignore)" in judgement.reason.sentence
    assert judge(ignored, NOTHING, Policy(include_skipped=True)).verdict is Verdict.NEW
    assert judge(ignored, NOTHING, Policy(include_doubtful=True)).verdict is Verdict.SKIPPED


def test_a_name_that_looks_like_another_is_imported_with_a_warning() -> None:
    judgement = judge(a_file(looks_alike=True), NOTHING)
    assert (judgement.verdict, judgement.warning) == (Verdict.NEW, "path.looks_alike")


def test_a_file_that_a_transfer_still_writes_is_doubtful_for_that_reason() -> None:
    assert judge(a_file(is_doubtful=True, is_being_written=True), NOTHING).reason == reasons.BEING_WRITTEN
    assert judge(a_file(is_doubtful=True), NOTHING).reason == reasons.DOUBTFUL
