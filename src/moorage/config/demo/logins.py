"""The demo's logins: made once, kept in `demo.json` (mode 0600) in the data folder, read by people and scripts.

The file's keys are a contract: `site`, `globus_auth`, `globus_transfer`, `globus_web`, `member`,
`second_member`, `client`, `collections`, `this_computer_path`, `project`.
"""

import json
import secrets
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from moorage.config.local import write_private

FILE_NAME = "demo.json"
WORDS = (
    "amber anchor basin beacon cedar chart cobalt copper coral delta "
    "ferry gneiss granite harbour jetty lantern quartz slate tidal willow"
)


@dataclass(frozen=True)
class Login:
    """A member as the demo knows her; the same password signs the first one in at the local Globus."""

    email: str
    password: str
    token: str


@dataclass(frozen=True)
class DemoLogins:
    """Everything of the demo that is generated once."""

    member: Login
    second_member: Login
    identity_id: str  # the first member's identity at the local Globus
    client_id: str
    client_secret: str
    this_computer_id: str
    project_id: str


def demo_logins(data: Path) -> DemoLogins:
    """The logins in the data folder's demo.json, or fresh ones."""
    path = data / FILE_NAME
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        return DemoLogins(
            member=Login(**kept["member"]),
            second_member=Login(**kept["second_member"]),
            identity_id=kept["identity"],
            client_id=kept["client"]["id"],
            client_secret=kept["client"]["secret"],
            this_computer_id=kept["collections"]["this_computer"],
            project_id=kept["project"],
        )
    return DemoLogins(
        member=_login("ada@demo.example"),
        second_member=_login("grace@demo.example"),
        identity_id=str(uuid.uuid4()),
        client_id=str(uuid.uuid4()),
        client_secret=secrets.token_urlsafe(32),
        this_computer_id=str(uuid.uuid4()),
        project_id=str(uuid.uuid4()),
    )


def _login(email: str) -> Login:
    words = WORDS.split()
    password = "-".join(secrets.choice(words) for _ in range(4)) + f"-{secrets.randbelow(90) + 10}"
    return Login(email, password, "moorage_" + secrets.token_urlsafe(32))


def write_demo_file(
    data: Path, logins: DemoLogins, addresses: dict[str, str], collection_id: str, folder: Path
) -> Path:
    """Write demo.json; returns its path."""
    document: dict[str, Any] = {
        **addresses,
        "member": asdict(logins.member),
        "second_member": asdict(logins.second_member),
        "identity": logins.identity_id,
        "client": {"id": logins.client_id, "secret": logins.client_secret},
        "collections": {"moorage": collection_id, "this_computer": logins.this_computer_id},
        "this_computer_path": str(folder),
        "project": logins.project_id,
    }
    path = data / FILE_NAME
    write_private(path, json.dumps(document, indent=2) + "\n")
    return path
