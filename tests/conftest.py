"""What every test may ask for. Fixtures of one kind of test stand in that folder's conftest.py."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.contrib.contenttypes.management import create_contenttypes
from django.db.models.signals import post_migrate

# How long an example takes says how busy the machine is. Under CI hypothesis chooses the same examples each time.
hypothesis.settings.register_profile("moorage", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("moorage")

pytest_plugins = ["browser", "globus_cli", "postgres", "running_moorage"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Let SQLite's test database be a file, as Moorage's is: only there threads and processes meet as they do later."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        # One for each process of the suite; the folder is forgotten with the session.
        name = f"test-{os.getpid()}.sqlite3"
        database.setdefault("TEST", {})["NAME"] = str(Path(os.environ["MOORAGE_DATA"]) / name)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Leave the tables of Django's own permissions, which Moorage does not use, empty after each test that commits.

    To fill them again took longer than most tests.
    """
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)
