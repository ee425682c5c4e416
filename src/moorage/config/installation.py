"""Beginning a command that works on what is there already: it makes no folder, no settings and no database.

Django is loaded here, and not before, so that every command answers quickly when it is only asked for help.
"""

from contextlib import suppress
from pathlib import Path

import click

from moorage.config.options import data_folder


class DatabaseAwayError(click.ClickException):
    """The database does not answer, so that nobody can know what is in it."""


def start_part() -> None:
    """Load Django for a part that goes on running. A database that does not answer may come back, so it is no reason
    to end.

    Raises:
        ClickException: there is no Moorage, or its database waits for migrations.
    """
    with suppress(DatabaseAwayError):
        start_existing()
    from django.db import connections  # noqa: PLC0415

    connections.close_all()  # what is forked from this process makes its own


def start_existing() -> None:
    """Load Django for an installation that is there and up to date.

    Raises:
        ClickException: there is no Moorage, its database does not answer, or it waits for migrations.
    """
    start_found()
    from django.db import connection  # noqa: PLC0415
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise click.ClickException("The database is not up to date. Run `moorage-server migrate` first.")


def start_found() -> None:
    """Load Django for an installation that is there, however old its database is.

    Raises:
        ClickException: there is no Moorage, or its database does not answer.
    """
    import django  # noqa: PLC0415

    django.setup()
    from django.conf import settings  # noqa: PLC0415
    from django.db import DatabaseError, connection  # noqa: PLC0415
    from django.db.migrations.recorder import MigrationRecorder  # noqa: PLC0415

    name = str(connection.settings_dict["NAME"])
    # The database may be named by the environment, and a folder's name still be mistyped.
    is_there = data_folder().is_dir() or settings.OPTIONS.store_root.is_dir()
    if connection.vendor == "sqlite":  # which would make the file by looking into it
        is_there = is_there and Path(name).is_file()
    try:
        if is_there and MigrationRecorder(connection).has_table():
            return
    except DatabaseError as error:
        raise DatabaseAwayError(f"The database cannot be read: {str(error).strip()}") from error
    raise click.ClickException(
        f"There is no Moorage in {data_folder()}. Name its folder with --data, or make one with `moorage-server up` "
        "or `moorage-server migrate`."
    )
