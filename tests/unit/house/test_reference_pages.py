"""The reference pages name every setting and every command; a new one without its line fails here."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from globus_local.config import ClientConfig, CollectionConfig, Config, IdentityConfig, RuleConfig
from moorage.config.command import main
from moorage.config.options import Options
from moorage.transfers.downloads.states import DOWNLOAD_TRANSITIONS, DownloadState
from moorage.transfers.states import UPLOAD_TRANSITIONS, UploadState

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"


def test_the_page_of_settings_names_every_setting() -> None:
    page = (REFERENCE / "settings.md").read_text()

    assert [name for name in Options.model_fields if f"`{name}`" not in page] == []


def test_the_page_of_the_local_globus_names_every_setting() -> None:
    page = (REFERENCE / "local-globus.md").read_text()
    sections = {"identities", "clients", "collections", "rules"}
    kinds = (Config, IdentityConfig, ClientConfig, CollectionConfig, RuleConfig)
    names = {field.name for kind in kinds for field in fields(kind)} - sections

    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def test_the_page_of_the_command_names_every_command_and_every_option_of_up() -> None:
    page = (REFERENCE / "moorage-server.md").read_text()
    options = [word for parameter in main.commands["up"].params for word in parameter.opts]

    assert [name for name in main.commands if f"`{name}" not in page] == []
    assert [option for option in options if f"`{option}" not in page] == []


@pytest.mark.parametrize("state", UploadState)
def test_the_page_of_states_shows_the_moves_that_the_table_has(state: UploadState) -> None:
    assert _moves_shown("upload-states.md", state) == {wanted.value for wanted in UPLOAD_TRANSITIONS[state]}


@pytest.mark.parametrize("state", DownloadState)
def test_the_page_of_downloads_shows_the_moves_that_the_table_has(state: DownloadState) -> None:
    assert _moves_shown("download-states.md", state) == {wanted.value for wanted in DOWNLOAD_TRANSITIONS[state]}


def _moves_shown(name: str, state: str) -> set[str]:
    page = (REFERENCE / name).read_text()
    row = next(line for line in page.splitlines() if line.startswith(f"| `{state}`"))
    return {word.strip().strip("`") for word in row.split("|")[3].split(",") if word.strip()}
