"""The operator's settings: every one typed, named `MOORAGE_…` in the environment or written in `moorage.toml`.

The environment wins over the file, and the file over the addresses that the last `up` left in the data folder.
The file lies in the data folder (or where `MOORAGE_CONFIG` says) and holds what is generated once; its mode is 0600.
"""

import os
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

CONFIG_NAME = "moorage.toml"
UP_NAME = "up.toml"  # the addresses of the last `up`, for parts and commands beside it


def data_folder() -> Path:
    """The data folder of this process: MOORAGE_DATA, or `moorage` below the user's data folder."""
    named = os.environ.get("MOORAGE_DATA")
    return Path(named).expanduser().absolute() if named else Path(platformdirs.user_data_dir("moorage"))


def config_file() -> Path:
    """Where the settings file lies."""
    named = os.environ.get("MOORAGE_CONFIG")
    return Path(named) if named else data_folder() / CONFIG_NAME


class Options(BaseSettings):
    """All settings of the server."""

    model_config = SettingsConfigDict(env_prefix="MOORAGE_", extra="ignore")

    data: Path = Field(default_factory=data_folder)
    store: Path | None = None  # bytes; default: `store` in the data folder. One file system.
    database: str = ""  # sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME; default: SQLite in the data folder
    secret_key: SecretStr | None = None
    public_url: str = "http://127.0.0.1:8550"
    bind: str = "127.0.0.1"
    port: int = 8550
    log_format: Literal["console", "json"] = "console"

    sign_up: Literal["open", "invitation", "domains"] = "open"
    sign_up_domains: list[str] = []

    globus_auth_url: str = "https://auth.globus.org/"
    globus_transfer_url: str = "https://transfer.api.globus.org/"
    globus_web_url: str = "https://app.globus.org"
    globus_client_id: str = ""
    globus_client_secret: SecretStr = SecretStr("")
    globus_collection_id: str = "00000000-0000-0000-0000-000000000000"
    globus_timeout_seconds: float = 30  # of one call; `moorage-server web` waits 5 s at most and asks once
    globus_retries: int = 2
    globus_create_account_url: str = "https://www.globus.org/get-started"

    smtp_url: str = ""  # smtp://USER:PASSWORD@HOST:PORT or smtps://…; without it mails are files in the data folder
    mail_from: str = "moorage@localhost"

    quiet_seconds: float = 60
    perhaps_delay_seconds: float = 600
    upload_expires_days: float = 60
    trash_days: float = 30
    remnants_days: float = 30
    undo_days: float = 90
    download_days: float = 30
    objects_kept_days: float = 30
    fixity_days: float = 90
    fixity_bytes_per_second: int = 50_000_000
    free_floor_percent: int = 5
    free_floor_bytes: int = 10 * 2**30
    watched_interval_seconds: float = 10
    unwatched_interval_seconds: float = 60

    imports_at_once: int = 4
    pool_processes: int = 0  # 0: one per core

    @property
    def store_root(self) -> Path:
        return self.store or self.data / "store"

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data / 'moorage.sqlite3'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not read
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls, toml_file=[data_folder() / UP_NAME, config_file()]),
        )
