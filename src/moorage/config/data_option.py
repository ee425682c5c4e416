"""What every command of `moorage-server` begins with: the folder of all data, and the settings in it."""

import os
from pathlib import Path

import click

from moorage.config.local import settings_of
from moorage.config.options import Options, data_folder
from moorage.config.processes import end_with_parent


def _use_folder(context: click.Context, option: click.Parameter, data: Path | None) -> None:  # noqa: ARG001
    if data is not None:
        os.environ["MOORAGE_DATA"] = str(data.expanduser().absolute())


data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    callback=_use_folder,
    expose_value=False,
    help="Folder of all data.",
)


def tie_to(parent: int | None) -> None:
    """Have this process end with its parent `parent`, if one is given."""
    if parent is not None:
        end_with_parent(parent)


def read_options() -> Options:
    """The settings, with secrets generated at the first start."""
    settings_of(data_folder())
    return Options()
