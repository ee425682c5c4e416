"""Forgetting: what every file of a task came to is kept for 30 days after its end, as in the cloud."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

from globus_local.database import Database

KEPT_SECONDS: Final = 30 * 86_400
BATCH_ITEMS: Final = 1_000


def is_forgotten(completed_at: datetime | None) -> bool:
    """Whether the files of a task that ended then are (or are about to be) forgotten."""
    return completed_at is not None and completed_at.timestamp() < time.time() - KEPT_SECONDS


def forget_old_items(database: Database) -> int:
    """Delete a batch of items of tasks that ended long ago. Returns how many: 0 when none is left."""
    with database.transaction() as c:
        return c.execute(
            "DELETE FROM task_items WHERE id IN (SELECT task_items.id FROM tasks"
            " JOIN task_items ON task_items.task_id = tasks.id WHERE tasks.completed_at < ? LIMIT ?)",
            (time.time() - KEPT_SECONDS, BATCH_ITEMS),
        ).rowcount
