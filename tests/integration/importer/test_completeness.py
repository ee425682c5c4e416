"""What lists of digests say of an upload, after its files have been looked at."""

from __future__ import annotations

from hashlib import md5, sha256

import pytest

from builders import NOON
from importing import World, fill
from moorage.importer.completeness import causes_by_lists, missing_files
from moorage.importer.expected import SENT, forget_list, write_list
from moorage.importer.listed import Listed
from moorage.importer.manifest import entries_page
from moorage.importer.models import ManifestEntry
from moorage.transfers.models import Upload

pytestmark = pytest.mark.django_db(transaction=True)


def listed(path: bytes, content: bytes, *, size: int | None = None) -> Listed:
    return Listed(path, size, "sha256", sha256(content).hexdigest(), 1)


@pytest.fixture
def upload(world: World) -> Upload:
    """Imported, after a list was sent that names a file that is as it says, two that are not, and two that are gone."""
    opened, area = world.an_area()
    fill(area, {"good": b"good", "by md5": b"good", "a/other": b"other", "longer": b"longer", "extra": b"extra"})
    rows = [
        listed(b"good", b"good", size=4),
        Listed(b"by md5", None, "md5", md5(b"good").hexdigest(), 2),  # noqa: S324 - what others' lists have
        listed(b"a/other", b"another"),
        listed(b"longer", b"long", size=4),
        listed(b"gone", b"gone", size=4),
        listed(b"a/gone, too", b"gone"),
    ]
    write_list(upload_id=opened.pk, source=SENT, rows=rows, at=NOON)
    world.seal(opened)
    return world.work(opened)


def compared(upload: Upload, said: str) -> set[str]:
    return {item.path for item in entries_page(upload.pk, compared=said).items}


def test_each_file_is_as_the_list_says_or_not_or_not_in_it(upload: Upload) -> None:
    assert compared(upload, "matches") == {"good", "by md5"}
    assert compared(upload, "differs") == {"a/other", "longer"}
    assert compared(upload, "extra") == {"extra"}


def test_what_is_missing_is_named_in_pages(upload: Upload) -> None:
    first = missing_files(upload.pk, limit=1)
    rest = missing_files(upload.pk, after=first[0].id)
    assert [(one.path, one.size_bytes, one.source) for one in [*first, *rest]] == [
        ("gone", 4, ""),
        ("a/gone, too", None, ""),
    ]


def test_the_whole_is_counted_for_a_preview(upload: Upload) -> None:
    causes = causes_by_lists(upload.pk, ManifestEntry.objects.filter(upload_id=upload.pk))
    assert {cause["code"]: (cause["files"], cause["bytes"]) for cause in causes} == {
        "list.differs": (2, 11),
        "list.extra": (1, 5),
        "list.missing": (2, 4),
    }


def test_without_a_list_nothing_is_said(upload: Upload) -> None:
    forget_list(upload_id=upload.pk)
    assert missing_files(upload.pk) == []
    assert causes_by_lists(upload.pk, ManifestEntry.objects.filter(upload_id=upload.pk)) == []
