"""Two worlds behind the Globus port: the fake, and a local Globus over real HTTP with the real SDK.

A world can do what members do at Globus: transfer files to the collection and from it, and delete on it. Everything
else goes through the port.
"""

import time
import uuid
from collections.abc import Callable
from typing import Any, Protocol

import globus_sdk

import local_globus as lg
from fakes.globus import InMemoryTransferService
from local_globus import LocalGlobusProcess
from moorage.globus.client import connect
from moorage.globus.service import (
    CollectionId,
    CollectionPath,
    IdentityId,
    TaskId,
    TransferService,
)

WAIT_SECONDS = 30
SLOW_BYTES = 5_000_000  # five seconds at the rate of the contracts' local Globus


class World(Protocol):
    service: TransferService
    ada: IdentityId  # somebody with a second, linked identity
    ada_at_home: IdentityId
    bob: IdentityId  # has never used Transfer

    def transfer_to(self, path: CollectionPath, *, names: tuple[str, ...], slow: bool = False) -> TaskId:
        """Ada transfers new files with these names into the folder `path`. A slow one is still running at return."""
        ...

    def transfer_from(self, path: CollectionPath, *, to: CollectionPath | None = None, label: str = "") -> TaskId:
        """Ada transfers the folder `path` to her lab, or to a path on the collection. It is still running at return."""
        ...

    def delete(self, path: CollectionPath) -> TaskId:
        """Ada asks to delete a folder that is not hers to delete. The task does not end by itself."""
        ...


class MemoryWorld:
    def __init__(self, *, shows_paths: bool = False) -> None:
        self.fake = InMemoryTransferService(shows_paths=shows_paths)
        self.service: TransferService = self.fake
        self.ada = self.fake.add_identity("ada@example.org").id
        self.ada_at_home = self.fake.add_identity("ada@home.example").id
        self.bob = self.fake.add_identity("bob@example.org").id
        self.fake.link(self.ada, self.ada_at_home)

    def transfer_to(self, path: CollectionPath, *, names: tuple[str, ...], slow: bool = False) -> TaskId:
        task = self.fake.add_task(self.ada_at_home, path, label="contract")
        if not slow:
            self.fake.finish_task(task, delivered=[CollectionPath(path + name) for name in names])
        return task

    def transfer_from(self, path: CollectionPath, *, to: CollectionPath | None = None, label: str = "") -> TaskId:
        return self.fake.add_reading_task(self.ada_at_home, path, label=label, writes_to=to)

    def delete(self, path: CollectionPath) -> TaskId:
        return self.fake.add_task(self.ada_at_home, path, is_delete=True)


class HttpWorld:
    def __init__(self, process: LocalGlobusProcess) -> None:
        self.process = process
        self.service: TransferService = connect(
            client_id=lg.PORTAL,
            client_secret=lg.SECRET,
            collection_id=CollectionId(lg.COMMONS),
            auth_url=process.url + "/",
            transfer_url=process.url + "/",
            retries=0,
        )
        self.ada = IdentityId(lg.ADA)
        self.ada_at_home = IdentityId(lg.ADA_AT_HOME)
        self.bob = IdentityId(lg.BOB)

    def transfer_to(self, path: CollectionPath, *, names: tuple[str, ...], slow: bool = False) -> TaskId:
        (self.process.commons / path.strip("/")).mkdir(parents=True, exist_ok=True)
        robot = self.process.transfer(lg.ROBOT)
        data = globus_sdk.TransferData(source_endpoint=lg.LAB, destination_endpoint=lg.COMMONS, label="contract")
        for name in names:
            (self.process.lab / name).write_bytes(b"x" * (SLOW_BYTES if slow else 1_000))
            data.add_item(f"/{name}", path + name)
        task = TaskId(str(robot.submit_transfer(data)["task_id"]))
        if not slow:
            assert robot.task_wait(task, timeout=WAIT_SECONDS, polling_interval=1)
        return task

    def transfer_from(self, path: CollectionPath, *, to: CollectionPath | None = None, label: str = "") -> TaskId:
        self._make_folder(path)
        if to:
            self._make_folder(to)
        destination = lg.COMMONS if to else lg.LAB
        data = globus_sdk.TransferData(source_endpoint=lg.COMMONS, destination_endpoint=destination, label=label)
        data.add_item(path, to or f"/taken-{uuid.uuid4()}/", recursive=True)
        return TaskId(str(self.process.transfer(lg.ROBOT).submit_transfer(data)["task_id"]))

    def delete(self, path: CollectionPath) -> TaskId:
        self._make_folder(path)
        data = globus_sdk.DeleteData(endpoint=lg.COMMONS, recursive=True)
        data.add_item(path)
        return TaskId(str(self.process.transfer(lg.ROBOT).submit_delete(data)["task_id"]))

    def _make_folder(self, path: CollectionPath) -> None:
        """A folder on the collection with a file that takes some seconds."""
        folder = self.process.commons / path.strip("/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "slow.bin").write_bytes(b"x" * SLOW_BYTES)


def eventually(answer: Callable[[], Any]) -> Any:
    """The first true answer within WAIT_SECONDS."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        if result := answer():
            return result
        time.sleep(0.1)
    raise AssertionError("it did not come to that")
