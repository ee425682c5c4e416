"""The web app's blueprint with all its routes: what `app.py` registers. Importing a module adds its routes."""

from __future__ import annotations

from globus_local.webapp import actions, activity, collection_pages, file_manager, uploading
from globus_local.webapp.blueprint import blueprint

__all__ = ["actions", "activity", "blueprint", "collection_pages", "file_manager", "uploading"]
