"""Files of folders that a walk comes to soon: found for many folders with one query, and as right as one by one."""

from __future__ import annotations

from hashlib import sha256

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from builders import a_project
from importing import World
from moorage.files.models import ObjectState, StoredObject
from moorage.importer.plan import files_ahead
from moorage.importer.plan.at_head import ProjectAtHead
from moorage.projects.models import Project

pytestmark = pytest.mark.django_db(transaction=True)

FOLDERS = [f"f{number:02}" for number in range(12)]
NAMES = [b"0", b"1", b"2"]


@pytest.fixture
def project(world: World) -> Project:
    """Each folder has three files, one of which has changed since the first revision."""
    project = a_project()
    for revision in (1, 2):
        world.imported(
            {f"{folder}/{name.decode()}": content(folder, name, revision) for folder in FOLDERS for name in NAMES},
            project,
        )
    return project


def content(folder: str, name: bytes, revision: int) -> bytes:
    return b"%s %s %d" % (folder.encode(), name, revision if name == b"1" else 1)


def standing_at(at_head: ProjectAtHead, folder: str) -> dict[bytes, bytes]:
    """Digests by name, as the project has them."""
    found = at_head.standing(folder, [*NAMES, b"new"])
    assert found is not None
    return {name: digest for name, (digest, *_) in found.items()}


def expected_at(folder: str, revision: int) -> dict[bytes, bytes]:
    return {name: sha256(content(folder, name, revision)).digest() for name in NAMES}


@pytest.mark.parametrize(
    ("most_files", "queries"),
    [(files_ahead.MOST_FILES, 1), (len(NAMES) * 4, len(FOLDERS) // 4), (len(NAMES) - 1, len(FOLDERS))],
    ids=["all together", "four at a time", "each has too many"],
)
@pytest.mark.parametrize("revision", [1, 2])
def test_folders_that_are_expected_are_looked_up_together(
    project: Project, monkeypatch: pytest.MonkeyPatch, most_files: int, queries: int, revision: int
) -> None:
    monkeypatch.setattr(files_ahead, "MOST_FILES", most_files)
    at_head = ProjectAtHead(project.pk, revision)
    at_head.learn("", FOLDERS)

    with CaptureQueriesContext(connection) as asked:
        found = {folder: standing_at(at_head, folder) for folder in reversed(FOLDERS)}

    assert found == {folder: expected_at(folder, revision) for folder in FOLDERS}
    assert len(asked) == queries


def test_folders_that_lie_in_folders_are_looked_up_together_too(world: World) -> None:
    project, folders = a_project(), [f"{a}/{b}" for a in range(8) for b in range(8)]
    world.imported({f"{folder}/file": folder.encode() for folder in folders}, project)
    at_head, asked = ProjectAtHead(project.pk, 1), 0
    at_head.learn("", [str(a) for a in range(8)])

    for a in reversed(range(8)):
        at_head.learn(f"{a}", [str(b) for b in range(8)])
        with CaptureQueriesContext(connection) as captured:
            for folder in (f"{a}", *(f"{a}/{b}" for b in reversed(range(8)))):
                names = [b"file"] if "/" in folder else []
                found = at_head.standing(folder, names)
                assert [digest for digest, *_ in (found or {}).values()] == [
                    sha256(folder.encode()).digest() for _ in names
                ]
        asked += sum("files_fileversion" in query["sql"] for query in captured.captured_queries)

    assert asked <= 8


def test_no_more_is_remembered_than_is_looked_up_at_once_twice(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = len(NAMES) * 2
    monkeypatch.setattr(files_ahead, "MOST_FILES", most)
    at_head = ProjectAtHead(project.pk, 2)
    at_head.learn("", FOLDERS)

    for folder in reversed(FOLDERS):
        assert standing_at(at_head, folder) == expected_at(folder, 2)
        assert sum(len(files) for files in at_head._ahead._found.values()) <= 2 * most


@pytest.mark.parametrize("state", [ObjectState.DAMAGED, ObjectState.DOOMED, ObjectState.LEAVING])
def test_of_an_object_that_may_not_be_relied_on_more_is_said(project: Project, state: ObjectState) -> None:
    StoredObject.objects.filter(digest=sha256(content(FOLDERS[3], b"0", 1)).hexdigest()).update(state=state)
    at_head = ProjectAtHead(project.pk, 2)
    at_head.learn("", FOLDERS)

    assert at_head.standing(FOLDERS[3], NAMES) is None
    assert at_head.standing(FOLDERS[3], NAMES[1:]) is not None
    assert standing_at(at_head, FOLDERS[4]) == expected_at(FOLDERS[4], 2)


def test_a_folder_is_found_whether_or_not_it_was_expected_next(project: Project) -> None:
    at_head = ProjectAtHead(project.pk, 2)
    at_head.learn("", FOLDERS[3:6])

    for folder in (FOLDERS[0], FOLDERS[3], FOLDERS[9], FOLDERS[5], FOLDERS[3]):
        assert standing_at(at_head, folder) == expected_at(folder, 2)
