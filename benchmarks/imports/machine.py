"""On what it was measured: figures mean little without it."""

from __future__ import annotations

import os
import platform
import sqlite3
import ssl
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.imports.peers import BY_WORD
from machine import ROOT, find_postgres_programs


def describe(folder: Path, peers: Iterable[str]) -> list[str]:
    """Sentences: when, which code, which machine, which programs."""
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Moorage {_revision()}",
        f"{os.cpu_count()} cores, {_processor()}; {_memory_gib():.0f} GiB; Linux {platform.release()}; "
        f"{_file_system(folder)}",
        f"Python {platform.python_version()}, {' '.join(ssl.OPENSSL_VERSION.split()[:2])}, "
        f"SQLite {sqlite3.sqlite_version}, {_postgresql()}",
        *_peers(peers),
    ]


def free_bytes(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def _peers(words: Iterable[str]) -> list[str]:
    peers = [BY_WORD[word] for word in words]
    there = [f"{peer.programs[0]} {peer.release()}" for peer in peers if peer.found()]
    missing = [peer.programs[0] for peer in peers if not peer.found()]
    return [
        *([f"Peers: {', '.join(there)}"] if there else []),
        *([f"Not installed, so not measured: {', '.join(missing)}"] if missing else []),
    ]


def _revision() -> str:
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "status", "--porcelain", "src"], capture_output=True, text=True, check=False)
    return (commit.stdout.strip() or "of no commit") + (" with changes" if changed.stdout else "")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = [flag for flag in ("sha_ni", "avx2", "avx512f") if flag in facts.get("flags", "").split()]
    return f"{facts.get('model name', platform.machine())} ({', '.join(flags) or 'no flags for SHA'})"


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _file_system(folder: Path) -> str:
    """The type of the longest mount point above the folder."""
    mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    above = [(point, kind) for point, kind in mounts if folder.is_relative_to(point)]
    return max(above, key=lambda mount: len(mount[0]), default=("", "unknown file system"))[1]


def _postgresql() -> str:
    programs = find_postgres_programs()
    if programs is None:
        return "no PostgreSQL"
    said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=False)
    return f"PostgreSQL {said.stdout.split()[2]}"
