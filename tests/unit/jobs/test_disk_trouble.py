"""What is told when the machine, and not one file, is in trouble."""

from __future__ import annotations

import errno

import pytest

from moorage.jobs.disk_trouble import is_of_the_disk, told_of


@pytest.mark.parametrize(
    ("number", "code", "passes"),
    [
        (errno.ENOSPC, "import.no_room", True),
        (errno.EROFS, "import.no_room", True),
        (errno.EMFILE, "import.not_opened", False),
        (errno.EAGAIN, "import.not_opened", False),  # of fork(2), where there are too many processes
        (errno.EIO, "import.disk_failed", False),
    ],
)
def test_each_trouble_is_told_by_its_cause(number: int, code: str, *, passes: bool) -> None:
    error = OSError(number, "in trouble")

    told = told_of(error)

    assert is_of_the_disk(error)
    assert (told.code, told.passes) == (code, passes)
