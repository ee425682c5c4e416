"""Lists of digests at the top of an upload: whatever their names, however many, and for how long they are read."""

from __future__ import annotations

import os
from hashlib import md5

import pytest

from importing import World, contents, fill, reasons
from moorage.importer.expected import whole_lists
from moorage.importer.manifest import entries_page
from moorage.transfers.models import Upload

pytestmark = pytest.mark.django_db(transaction=True)


def sums(**files: bytes) -> str:
    """What `md5sum` writes."""
    return "".join(f"{md5(content).hexdigest()}  {name}\n" for name, content in files.items())  # noqa: S324


def sources(upload: Upload) -> dict[str, int]:
    return {one.source: one.files for one in whole_lists(upload.pk)}


@pytest.mark.parametrize("name", [b"\xff" * 100 + b".md5", b"\xff" * 251 + b".md5", b"\\" * 251 + b".md5"])
def test_a_list_may_have_any_name_that_a_disk_takes(world: World, name: bytes) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good"})
    (area / os.fsdecode(name)).write_text(sums(good=b"good"))
    world.seal(upload)

    world.work(upload)

    assert upload.state == "imported"
    assert contents(world, upload.project)["good"] == b"good"
    assert list(sources(upload).values()) == [1]
    assert not name.startswith(b"\xff") or set(reasons(upload)) == {name}
    assert [one.path for one in entries_page(upload.pk, compared="extra").items] == []


def test_two_lists_whose_names_look_alike_are_two(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"a": b"a", "b": b"b"})
    (area / os.fsdecode(b"\xff.md5")).write_text(sums(a=b"a"))
    (area / "\\xff.md5").write_text(sums(b=b"b"))
    world.seal(upload)

    world.work(upload)

    assert sources(upload) == {r"\xff.md5": 1, r"\\xff.md5": 1}
    assert {one.path for one in entries_page(upload.pk, compared="matches").items} == {"a", "b"}
