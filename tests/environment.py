"""Keeps this machine's own Moorage out of the tests: loaded by pytest before Django's settings are.

Without it the suite would read the data folder of whoever runs it. Only MOORAGE_DATABASE passes, which
chooses on which database the suite runs (`tests/postgres.py` sets it), and MOORAGE_DEEP, which lets tests
that take a sample take everything.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Final

import pytest

# Playwright's loop stays in a process of the suite after its journeys, and Django would then refuse to work
# in the tests that follow there. They do not run inside that loop.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

MARK: Final = "MOORAGE_TESTS_DATA"
PASSES: Final = frozenset({"MOORAGE_DATABASE", "MOORAGE_DEEP"})

_made_here: str | None = None

if MARK not in os.environ:  # an xdist worker finds what its controller has made
    for name in [name for name in os.environ if name.startswith("MOORAGE_") and name not in PASSES]:
        del os.environ[name]
    _made_here = os.environ[MARK] = os.environ["MOORAGE_DATA"] = tempfile.mkdtemp(prefix="moorage-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _made_here is not None:
        shutil.rmtree(_made_here, ignore_errors=True)
