"""What one machine generates once and keeps: keys, client and collection ids, in `moorage.toml` (mode 0600).

Later starts, and the parts when they are started by themselves, read the same file.
"""

import json
import os
import secrets
import tomllib
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moorage.config.options import CONFIG_NAME


def make_private_folder(folder: Path) -> None:
    """Make a folder that only this account can look into; harmless when it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600, whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def settings_of(data: Path) -> dict[str, Any]:
    """The settings file's content, made with fresh secrets when there is none.

    An operator's own file is never rewritten; a value that is missing from it is generated anew at
    each start, so those that matter are written when the file is made.
    """
    make_private_folder(data)
    path = data / CONFIG_NAME
    if not path.exists():
        write_private(path, HEADER + toml_lines(_generated()))
    with path.open("rb") as file:
        return _generated() | tomllib.load(file)


HEADER = """\
# Settings of this Moorage; made at its first start. `moorage-server up` overrides the addresses.
# Every setting is described in docs/reference/settings.md.
"""


def _generated() -> dict[str, Any]:
    return {
        "secret_key": secrets.token_urlsafe(48),
        "globus_client_id": str(uuid.uuid4()),
        "globus_client_secret": secrets.token_urlsafe(32),
        "globus_collection_id": str(uuid.uuid4()),
    }


def toml_lines(values: Mapping[str, object]) -> str:
    """`key = value` lines. A JSON string, number, boolean or list is a TOML one too."""
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
