"""Checks that no model has changed without its migration. Needs no database."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moorage.config.settings")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["MOORAGE_DATA"] = scratch
        # Django looks whether the database has recorded migrations; an empty one has none.
        os.environ["MOORAGE_DATABASE"] = f"sqlite:///{Path(scratch) / 'empty.sqlite3'}"
        from django.core.management import execute_from_command_line  # noqa: PLC0415 (settings come first)

        try:
            execute_from_command_line(["manage.py", "makemigrations", "--check", "--dry-run", "--skip-checks"])
        except SystemExit as stopped:
            if stopped.code:
                print("A model has changed without a migration: run `.venv/bin/django-admin makemigrations`.")
            sys.exit(stopped.code)


if __name__ == "__main__":
    main()
