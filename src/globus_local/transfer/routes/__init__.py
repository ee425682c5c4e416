"""The Transfer API (v0.10): one module for each group of routes. Access is judged in the functions they call."""

from __future__ import annotations

from globus_local.transfer.routes import access, bookmark, endpoint, manager, operation, submission, task
from globus_local.transfer.routes.blueprint import blueprint

__all__ = ["access", "blueprint", "bookmark", "endpoint", "manager", "operation", "submission", "task"]
