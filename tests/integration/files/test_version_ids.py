"""Ids of very many file versions."""

import tracemalloc

import pytest

from builders import NOON, a_project, a_stored_object, publish_files
from moorage.files.ids import new_version_ids
from moorage.files.models import FileVersion
from moorage.files.version_ids import version_ids

pytestmark = pytest.mark.django_db

MANY = 20_000


def test_all_come_once_and_memory_does_not_grow_with_them() -> None:
    project = a_project()
    publish_files(project, {"of another revision": b""})
    folder, stored = FileVersion.objects.get().directory_id, a_stored_object(b"bytes")
    FileVersion.objects.bulk_create(
        FileVersion(
            id=pk,
            project=project,
            directory_id=folder,
            name=pk.hex,
            stored_object=stored,
            size_bytes=5,
            modified_at=NOON,
            since=2,
        )
        for pk in new_version_ids(MANY)
    )
    rows = FileVersion.objects.filter(project=project, since=2)
    wanted = set(rows.values_list("pk", flat=True))

    tracemalloc.start()
    for some in version_ids(rows, chunk=100):
        assert len(some) <= 100
        wanted.difference_update(some)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert not wanted
    assert sum(map(len, version_ids(rows, chunk=100))) == MANY
    assert peak < 1 << 20  # a list of them all has more than two
