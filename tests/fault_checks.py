"""What scenes on a file system that fails share: the trees, and what must be true of them whatever has failed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from importing import World
from moorage.backends import backends
from moorage.files.models import ObjectState, StoredObject
from moorage.importer.models import ImportProblem, ManifestEntry, Preview
from moorage.jobs.sweeps import closing
from moorage.transfers.models import Upload

BEFORE: Final = {"kept": b"kept", "changes": b"old", "same": b"same", "blocked": b"a file"}
ARRIVES: Final = {
    "new 1": b"new one",
    "new 2": b"new two",
    "folder/twin": b"new one",
    "folder/inner/deep": b"deep",
    "changes": b"new bytes",
    "same": b"same",
    "blocked/below": b"has no place",
    "two names": b"has two names",
    "orphan": b"its object has no row",
    "damaged": b"the right bytes",
    "large": bytes(range(256)) * (4096 + 1),
    "left.out": b"a rule leaves it out",
    ".moorageignore": b"*.nothing\n",
    "SHA256SUMS": sha256(b"new one").hexdigest().encode() + b"  new 1\n",
    "empty/": b"",
}
BROUGHT: Final = ("left.out", ".moorageignore", "SHA256SUMS")  # rules and a list, and what they are about
_BARE: Final = re.compile(r"Errno|Error\(|OSError|Traceback|/proc/")


class Swept:
    """What sweeps have raised: the schedule keeps it, and runs them again."""

    raised: Final[list[Exception]] = []


def swept(sweep: Callable[[Any], object]) -> None:
    """One run of a sweep, as the schedule does it."""
    # It is the memory of a process that lasts: here each scene is a new one.
    closing._freezes._setbacks.clear()
    closing._discardings._setbacks.clear()
    try:
        sweep(backends().clock())
    except Exception as error:
        Swept.raised.append(error)


def object_without_row(world: World, content: bytes, there: bytes) -> None:
    digest = sha256(content).hexdigest()
    path = world.store.objects / digest[:2] / digest
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(there)
    path.chmod(0o444)


def left_anywhere(world: World) -> list[Path]:
    return sorted(path for path in world.store.root.rglob("*") if not path.is_dir() or path.is_symlink())


def told_badly() -> list[str]:
    """What a person is told that is no sentence for one."""
    told = [
        *Upload.objects.values_list("reason", "reason_text"),
        *ManifestEntry.objects.values_list("reason", "reason_text"),
        *ImportProblem.objects.values_list("code", "sentence"),
        *Preview.objects.values_list("reason", "reason_text"),
    ]
    wrong = [f"a person is told {sentence!r}" for _, sentence in told if _BARE.search(sentence)]
    return wrong + [f"a person is told of a bug: {sentence}" for code, sentence in told if code == "bug"]


def damaged_objects(world: World) -> list[str]:
    """Objects that a live row stands for and that are not what their name says."""
    wrong = []
    for digest in StoredObject.objects.filter(state=ObjectState.LIVE).values_list("digest", flat=True):
        path = world.store.objects / digest[:2] / digest
        if not path.exists() or sha256(path.read_bytes()).hexdigest() != digest or path.stat().st_mode & 0o222:
            wrong.append(f"object {digest} is not what its name says")
    return wrong


def lost(world: World, upload: Upload, arrives: Mapping[str, bytes], seen: Mapping[str, bytes]) -> list[str]:
    """Staged bytes that are neither staged any more nor in the project."""
    areas = (world.store.sealed / str(upload.pk), world.store.collection / upload.area_name)
    wrong = []
    for path, content in arrives.items():
        here = [area / path for area in areas if (area / path).is_file()]
        if not path.endswith("/") and not here and seen.get(path) != content:
            wrong.append(f"{path} is lost")
        wrong += [f"{path} has changed" for one in here if one.read_bytes() != content]
    return wrong
