"""What a script author does in journeys: opens uploads, transfers into them with the real SDK, waits, compares."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import globus_sdk

from running_moorage import RunningMoorage, eventually

IMPORT_SECONDS = 120
FINAL = {"imported", "failed", "discarded"}


@dataclass(frozen=True)
class ScriptAuthor:
    """Somebody with the demo member's token and the demo's client identity."""

    moorage: RunningMoorage

    @property
    def project(self) -> str:
        return str(self.moorage.demo["project"])

    def new_project(self, name: str) -> str:
        made = self.moorage.api("POST", "/projects", json={"name": name})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def filled_project(self, name: str, files: dict[str, bytes]) -> str:
        """A project that has imported these files from this computer, where they lie in a folder of its name."""
        project = self.new_project(name)
        self.folder(name, files)
        upload = self.open_upload("brings it", project=project)
        self.transfer(upload, name)
        self.done(upload)
        assert self.wait_for(upload)["state"] == "imported"
        return project

    def open_upload(self, name: str, *, project: str | None = None) -> dict[str, Any]:
        """An open upload, with its rule in place."""
        made = self.moorage.api("POST", f"/projects/{project or self.project}/uploads", json={"name": name})
        assert made.status_code == 201, made.text
        upload_id = made.json()["id"]
        return eventually(lambda: (upload := self.upload(upload_id))["globus"]["url"] and upload)

    def upload(self, upload_id: str) -> dict[str, Any]:
        answer = self.moorage.api("GET", f"/uploads/{upload_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def done(self, upload: dict[str, Any], **choices: Any) -> dict[str, Any]:
        answer = self.moorage.api("POST", f"/uploads/{upload['id']}/done", json={"when": "now", **choices})
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def wait_for(self, upload: dict[str, Any], *states: str, seconds: float = IMPORT_SECONDS) -> dict[str, Any]:
        """The upload once it is in one of these states (any final one by default)."""
        wanted = set(states) or FINAL
        return eventually(lambda: (now := self.upload(upload["id"]))["state"] in wanted and now, seconds=seconds)

    def receipt(self, upload: dict[str, Any]) -> dict[str, Any]:
        answer = self.moorage.api("GET", f"/uploads/{upload['id']}/receipt")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def entries(self, upload: dict[str, Any], **query: str) -> list[dict[str, Any]]:
        return self._all(f"/uploads/{upload['id']}/entries", query)

    @property
    def computer(self) -> Path:
        """The folder behind "This computer"."""
        return Path(self.moorage.demo["this_computer_path"])

    def globus(self) -> globus_sdk.TransferClient:
        """The real SDK as the demo's client identity."""
        demo = self.moorage.demo
        app = globus_sdk.ConfidentialAppAuthClient(
            demo["client"]["id"], demo["client"]["secret"], base_url=demo["globus_auth"]
        )
        tokens = app.oauth2_client_credentials_tokens(requested_scopes=[globus_sdk.TransferClient.scopes.all])
        token = tokens.by_resource_server["transfer.api.globus.org"]["access_token"]
        return globus_sdk.TransferClient(
            authorizer=globus_sdk.AccessTokenAuthorizer(token), base_url=demo["globus_transfer"]
        )

    def start_transfer(self, upload: dict[str, Any], folder: str, *, below: str = "") -> str:
        """Transfer a folder of this computer into the upload's area; the task's id."""
        collections = self.moorage.demo["collections"]
        data = globus_sdk.TransferData(
            source_endpoint=collections["this_computer"],
            destination_endpoint=collections["moorage"],
            label=f"journey {folder}",
            verify_checksum=True,
        )
        data.add_item(f"/{folder}/", upload["globus"]["path"] + below, recursive=True)
        return str(self.globus().submit_transfer(data)["task_id"])

    def wait_for_task(self, task: str, *, seconds: float = IMPORT_SECONDS) -> dict[str, Any]:
        client = self.globus()
        return eventually(
            lambda: (found := client.get_task(task).data)["status"] in {"SUCCEEDED", "FAILED"} and dict(found),
            seconds=seconds,
        )

    def transfer(self, upload: dict[str, Any], folder: str) -> None:
        """Transfer a folder of this computer into the upload's area, to the end."""
        ended = self.wait_for_task(self.start_transfer(upload, folder))
        assert ended["status"] == "SUCCEEDED", ended

    def folder(self, name: str, files: dict[str, bytes]) -> Path:
        """A folder of this computer with these files."""
        root = self.computer / name
        for path, content in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return root

    def project_files(self, *, project: str | None = None, revision: int | None = None) -> dict[str, str]:
        """{path: digest} of every file of the project."""
        found: dict[str, str] = {}
        folders = [""]
        while folders:
            query = {"path": folders.pop(), "limit": "1000"} | ({"revision": str(revision)} if revision else {})
            for item in self._all(f"/projects/{project or self.project}/files", query):
                if item["kind"] == "directory":
                    folders.append(item["path"])
                else:
                    found[item["path"]] = item["digest"]
        return found

    def content(self, path: str, *, project: str | None = None, revision: int | None = None) -> bytes:
        query = {"path": path} | ({"revision": str(revision)} if revision else {})
        answer = self.moorage.api("GET", f"/projects/{project or self.project}/files/content", params=query)
        assert answer.status_code == 200, answer.text
        return answer.content

    def _all(self, path: str, query: dict[str, str]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.moorage.api("GET", path, params=query | ({"cursor": cursor} if cursor else {}))
            assert page.status_code == 200, page.text
            items += page.json()["items"]
            cursor = page.json()["next"]
            if cursor is None:
                return items


def digests_below(folder: Path) -> dict[bytes, str]:
    """{path: SHA-256} of the regular files below a folder."""
    found = {}
    root = os.fsencode(folder)
    for where, _, names in os.walk(root):
        for name in names:
            path = os.path.join(where, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, root)] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
