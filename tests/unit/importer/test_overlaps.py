"""What two lists that name the same file say of it together."""

from __future__ import annotations

import pytest

from moorage.importer.lists.listed import Listed
from moorage.importer.lists.overlaps import Said, joined

SHA, MD5, SHA1 = ("sha256", "aa"), ("md5", "bb"), ("sha1", "cc")
OTHER_SHA, OTHER_MD5 = ("sha256", "dd"), ("md5", "ee")
NOTHING = ("", "")


def row(digest: tuple[str, str], size: int | None = None) -> Listed:
    return Listed(b"a", size, *digest, 1)


@pytest.mark.parametrize(
    ("said", "more", "both"),
    [
        (Said(None, *SHA), row(SHA), Said(None, *SHA)),
        (Said(None, *SHA), row(NOTHING, 7), Said(7, *SHA)),
        (Said(7, *NOTHING), row(MD5), Said(7, *MD5)),
        (Said(None, *SHA), row(MD5, 7), Said(7, *SHA, *MD5)),
        (Said(7, *MD5), row(SHA, 7), Said(7, *MD5, *SHA)),
        (Said(None, *SHA, *MD5), row(MD5, 7), Said(7, *SHA, *MD5)),
    ],
)
def test_all_that_can_be_compared_is_kept(said: Said, more: Listed, both: Said) -> None:
    assert joined(said, more) == both


@pytest.mark.parametrize(
    ("said", "more"),
    [
        (Said(7, *SHA), row(SHA, 8)),
        (Said(None, *SHA), row(OTHER_SHA)),
        (Said(None, *SHA, *MD5), row(OTHER_MD5)),
        (Said(None, *SHA, *MD5), row(SHA1)),
        (Said(None, *SHA1), row(MD5)),
    ],
)
def test_what_contradicts_or_needs_one_more_digest_is_not_used(said: Said, more: Listed) -> None:
    assert joined(said, more) is None
