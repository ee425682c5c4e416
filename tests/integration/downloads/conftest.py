"""What the hard tests of downloads share: small batches."""

from __future__ import annotations

import pytest

from moorage.transfers.downloads import building, job, rows


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small tree has several batches of every kind, and every one is told of."""
    monkeypatch.setattr(building, "FILES_PER_ORDER", 3)
    monkeypatch.setattr(building, "ORDERS_PER_SYNC", 2)
    monkeypatch.setattr(job, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(rows, "ROWS_AT_ONCE", 4)
