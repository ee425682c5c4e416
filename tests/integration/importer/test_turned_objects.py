"""Objects that turn while an import waits for its turn to register: it looks at them once more, and places again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from builders import a_project
from importing import World, contents
from kill_matrix import Inline
from moorage.files.models import FileVersion, ObjectState, StoredObject
from moorage.projects.choices import ImportChoices
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState
from small_steps import small_steps
from storekeeping import file_of

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {f"file {number}": b"%d" % number for number in range(7)}


@pytest.fixture(autouse=True)
def _in_small_steps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.executor = Inline()
    for module, name, value in small_steps(files=3, rows=3):
        monkeypatch.setattr(module, name, value)


def imported_meanwhile(world: World, placed: Callable[[], None], written: Callable[[], None]) -> tuple[Upload, int]:
    """An import that registers nothing early; what happens when all is placed, and when something was written down
    after that. How often that was.
    """
    upload = world.a_sealed_upload(FILES, a_project())
    Upload.objects.filter(pk=upload.pk).update(choices=ImportChoices(on_conflict="skip").as_json())
    seams: list[str] = []

    def seam(name: str) -> None:
        seams.append(name)
        if name == "placed":
            placed()
        elif name == "manifest: batch written" and "placed" in seams:
            written()

    world.work_until(upload, seam)
    upload.refresh_from_db()
    assert "register: range written" not in seams[: seams.index("placed")]
    return upload, seams[seams.index("placed") :].count("manifest: batch written")


def is_whole(world: World, upload: Upload) -> None:
    assert upload.current_state is UploadState.IMPORTED
    assert contents(world, upload.project) == FILES
    states = FileVersion.objects.filter(project=upload.project).values_list("stored_object__state", flat=True)
    assert list(states) == [ObjectState.LIVE] * len(FILES)


@pytest.mark.parametrize("path", ["file 0", "file 6"])
def test_an_object_that_was_found_damaged_is_placed_anew(world: World, path: str) -> None:
    def turns() -> None:
        damaged = file_of(world.store, FILES[path])
        damaged.unlink()
        damaged.write_bytes(b"#")
        assert StoredObject.objects.filter(digest=damaged.name).update(state=ObjectState.DAMAGED) == 1

    upload, written = imported_meanwhile(world, turns, lambda: None)

    assert written
    is_whole(world, upload)


@pytest.mark.parametrize("path", ["file 0", "file 6"])
def test_an_object_that_is_leaving_is_waited_for_and_placed_again(world: World, path: str) -> None:
    file = file_of(world.store, FILES[path])
    leaving = StoredObject.objects.filter(digest=file.name, state=ObjectState.LEAVING)

    def turns() -> None:
        assert StoredObject.objects.filter(digest=file.name).update(state=ObjectState.LEAVING) == 1

    def leaves() -> None:
        if leaving.exists():
            file.unlink()
            leaving._raw_delete("default")

    upload, written = imported_meanwhile(world, turns, leaves)

    assert written > 1
    is_whole(world, upload)
