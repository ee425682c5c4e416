"""What tests of a project's files share: a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.storage.layout import StoreLayout


@pytest.fixture
def store(tmp_path: Path) -> StoreLayout:
    """The store that the fixture `globus` puts among the backends."""
    layout = StoreLayout(tmp_path / "store")
    layout.make()
    return layout
