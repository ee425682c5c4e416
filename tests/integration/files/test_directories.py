"""Folders: identities made once, versions that come and go, totals that are always right."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from builders import NOON, a_project, publish_files, read_whole
from moorage.files.directories import (
    WRITE_LEVELS,
    WRITE_ROWS,
    begin_directories,
    end_directories,
    ensure_directories,
    find_chain,
    identify_directories,
    known_directories,
    write_totals,
)
from moorage.files.models import Directory, DirectoryVersion, RevisionKind
from moorage.files.registering import RegisterRight, RevisionCounts, publish
from moorage.files.revisions import ask_revision
from moorage.files.taking import take_right
from moorage.projects.models import Project

pytestmark = pytest.mark.django_db


def a_right(project: Project) -> RegisterRight:
    revision = ask_revision(project=project, kind=RevisionKind.IMPORT, by=None, at=NOON)
    right = take_right(revision=revision, may_take=lambda _: False)
    assert right is not None
    return right


def test_identities_are_made_once_and_found_again() -> None:
    project = a_project()
    right = a_right(project)

    first = ensure_directories(right, ["a/b/c", "a/d", ""])
    again = ensure_directories(right, ["a/b", "a/d/e"])

    assert set(first) == {"", "a", "a/b", "a/b/c", "a/d"}
    assert all(again[path] == first[path] for path in set(again) & set(first))
    assert Directory.objects.filter(project=project).count() == 6
    assert known_directories(project.pk, ["a/d/e", "a/x", "never/was"]) == {
        path: again[path] for path in ("", "a", "a/d", "a/d/e")
    }


def test_a_long_chain_is_made_by_few_transactions_that_are_not_long() -> None:
    project, rows = a_project(), list[int]()
    chain = "/".join(["s"] * 100)

    @contextmanager
    def batch() -> Iterator[None]:
        before = Directory.objects.count()
        yield
        rows.append(Directory.objects.count() - before)

    ids = identify_directories(project.pk, [chain, "s/s/other"], batch=batch)

    assert len(ids) == 102
    assert sum(rows) == 102
    assert len(rows) <= 2 + 100 / WRITE_LEVELS
    assert max(rows) <= WRITE_LEVELS + 1
    rows.clear()
    again = identify_directories(project.pk, [f"{chain}/more"], batch=batch)
    assert again[chain] == ids[chain]
    assert rows == [1]


def test_many_folders_of_many_depths_are_made_by_bounded_transactions() -> None:
    project, rows = a_project(), list[int]()
    paths = [f"day {day}/run {run}/raw" for day in range(3) for run in range(150)]

    @contextmanager
    def batch() -> Iterator[None]:
        before = Directory.objects.count()
        yield
        rows.append(Directory.objects.count() - before)

    ids = identify_directories(project.pk, paths, batch=batch)

    assert len(ids) == sum(rows) == 1 + 3 + 450 + 450
    assert max(rows) <= WRITE_ROWS


def test_many_folders_take_few_queries() -> None:
    project = a_project()
    right = a_right(project)
    paths = [f"day {day}/run {run}" for day in range(20) for run in range(50)]

    with CaptureQueriesContext(
        connection,
    ) as queries:
        ids = ensure_directories(right, paths)

    assert len(ids) == 1 + 20 + 1000
    assert len(queries) < 40


def test_a_name_of_another_case_or_normal_form_is_another_folder() -> None:
    project = a_project()

    ids = ensure_directories(a_right(project), ["Data", "data", "caf\u00e9", "cafe\u0301", "data ", "DATA"])

    assert len(set(ids.values())) == 7


def test_the_way_to_a_folder_is_found_by_one_query() -> None:
    project = a_project()
    deep = [f"{depth}" for depth in range(90)]
    ids = ensure_directories(a_right(project), ["/".join(deep), "0/other"])
    ways = list(accumulate(deep, lambda path, name: f"{path}/{name}"))

    with CaptureQueriesContext(connection) as queries:
        chain = find_chain(project.pk, deep)

    assert len(queries) == 1
    assert chain == [ids[path] for path in ["", *ways]]
    assert find_chain(project.pk, ["0", "other", "nothing", "x"]) == [ids[path] for path in ("", "0", "0/other")]
    assert find_chain(project.pk, []) == [ids[""]]
    assert find_chain(a_project().pk, ["0"]) == []


def test_empty_folders_are_kept_and_what_holds_them_is_there() -> None:
    project = a_project()

    publish_files(project, {"full/a.txt": b"a"}, folders=["empty/inner", "full"])

    assert read_whole(project.pk) == {
        "": (1, 1),
        "full": (1, 1),
        "full/a.txt": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
        "empty": (0, 0),
        "empty/inner": (0, 0),
    }


def test_totals_rise_along_all_folders_above_and_nowhere_else() -> None:
    project = a_project()
    publish_files(project, {"a/b/1.txt": b"12345", "c/2.txt": b"1"})
    untouched = DirectoryVersion.objects.get(directory__name="c")

    publish_files(project, {"a/b/3.txt": b"123", "a/b/1.txt": b"1"})

    whole = read_whole(project.pk)
    assert (whole[""], whole["a"], whole["a/b"], whole["c"]) == ((3, 5), (2, 4), (2, 4), (1, 1))
    assert read_whole(project.pk, 1)["a"] == (1, 5)
    untouched.refresh_from_db()
    assert untouched.until is None
    assert DirectoryVersion.objects.filter(directory__name="c").count() == 1


def test_writing_totals_again_changes_nothing() -> None:
    project = a_project()
    publish_files(project, {"a/1.txt": b"12345"})
    right = a_right(project)
    ids = ensure_directories(right, ["a/new"])
    begin_directories(right, [ids["a/new"]])

    write_totals(right)
    once = list(DirectoryVersion.objects.order_by("directory", "since").values_list("directory", "since", "until"))
    write_totals(right)
    twice = list(DirectoryVersion.objects.order_by("directory", "since").values_list("directory", "since", "until"))
    publish(right, at=NOON, counts=RevisionCounts())

    assert once == twice
    assert read_whole(project.pk)["a"] == (1, 5)


def test_a_folder_that_ended_is_gone_and_can_begin_again() -> None:
    project = a_project()
    publish_files(project, {"keep/1.txt": b"1"}, folders=["gone"])
    right = a_right(project)
    gone = known_directories(project.pk, ["gone"])["gone"]
    end_directories(right, [gone])
    write_totals(right)
    publish(right, at=NOON, counts=RevisionCounts())
    assert set(read_whole(project.pk)) == {"", "keep", "keep/1.txt"}

    project.refresh_from_db()
    publish_files(project, {"gone/2.txt": b"22"})

    assert read_whole(project.pk)["gone"] == (1, 2)
    assert "gone" in read_whole(project.pk, 1)
    assert "gone" not in read_whole(project.pk, 2)
    assert Directory.objects.filter(name="gone").count() == 1


def test_a_folder_that_begins_and_ends_in_one_revision_was_never_there() -> None:
    project = a_project()
    right = a_right(project)
    ids = ensure_directories(right, ["brief"])
    begin_directories(right, [ids["brief"], ids["brief"]])
    end_directories(right, [ids["brief"]])

    assert not DirectoryVersion.objects.filter(directory=ids["brief"]).exists()


def test_totals_of_every_revision_are_what_counting_gives() -> None:
    project = a_project()
    chance = random.Random(20260314)  # noqa: S311
    stands: dict[str, int] = {}
    revisions: list[dict[str, int]] = [{}]
    for _ in range(8):
        added = {a_path(chance): bytes(chance.randrange(9)) for _ in range(8)}
        added = {path: content for path, content in added.items() if path not in stands or len(content) != stands[path]}
        removed = chance.sample(sorted(set(stands) - set(added)), k=min(3, len(set(stands) - set(added))))
        publish_files(project, added, removed=removed)
        stands = {path: size for path, size in stands.items() if path not in removed}
        stands |= {path: len(content) for path, content in added.items()}
        revisions.append(stands)

    for number, expected in enumerate(revisions):
        whole = read_whole(project.pk, number)
        assert {path for path, value in whole.items() if isinstance(value, str)} == set(expected)
        for folder, totals in ((path, value) for path, value in whole.items() if not isinstance(value, str)):
            below = [size for path, size in expected.items() if not folder or path.startswith(f"{folder}/")]
            assert totals == (len(below), sum(below)), (number, folder)


def a_path(chance: random.Random) -> str:
    folders = [chance.choice("ab") for _ in range(chance.randrange(4))]
    return "/".join([*folders, f"{chance.randrange(6)}.txt"])
