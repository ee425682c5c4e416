"""A project as one ZIP by curl over loopback, beside nginx that serves one file of that size."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.downloads.asking import imported
from benchmarks.imports.meters import Meter
from benchmarks.imports.ours import WrongOutcomeError
from benchmarks.imports.site import Site, a_site
from benchmarks.imports.table import Table
from benchmarks.imports.trees import MIB, Tree, settle

NGINX_PORT: Final = 18551
FILE_BYTES: Final = 64 * MIB
RANGE_BYTES: Final = 3 * MIB
_CONFIGURATION: Final = """daemon off; pid {folder}/pid; error_log {folder}/errors; worker_processes 2;
events {{}} http {{ access_log off; sendfile on; tcp_nopush on; client_body_temp_path {folder}/body;
server {{ listen 127.0.0.1:{port}; root {folder}/root; }} }}
"""


def measure_archive(folder: Path, *, rounds: int, quick: bool) -> Table:
    """Both in turn; then a range in the middle of the ZIP against the same bytes of the whole."""
    size = (1 if quick else 5) * 1024 * MIB
    tree = _large_tree(folder / "trees" / f"archive-{size}", size)
    ours, theirs = list[float](), list[float]()
    with a_site(folder / f"archive-{time.time_ns()}", "sqlite") as site:
        project = imported(site, tree, folder)
        settle(site.running.data / "store" / "objects")
        address = f"{site.running.site}/api/v1/projects/{project}/archive?revision=1"
        length = _length(site, address)
        with _nginx(folder / f"nginx-{time.time_ns()}", length) as beside, Meter([site.running.pid_of("web")]) as meter:
            for _ in range(rounds):
                ours.append(_curl(site, address))
                theirs.append(_curl(site, beside))
        _check_range(site, address, length)
    rates = [length / seconds / 1e6 for seconds in (median(ours), median(theirs))]
    lines = [
        ["Moorage, ZIP", f"{median(ours):.2f}", f"{rates[0]:,.0f}", f"{rates[0] / rates[1]:.2f}", _each(ours)],
        ["nginx, one file", f"{median(theirs):.2f}", f"{rates[1]:,.0f}", "1.00", _each(theirs)],
    ]
    title = f"{length:,} bytes over loopback; the web process's peak memory {meter.peak / 1e6:.0f} MB; range equal"
    return Table(title, ["", "median s", "MB/s", "ratio", "each"], lines)


def _each(seconds: list[float]) -> str:
    return " ".join(f"{one:.2f}" for one in seconds)


def _large_tree(root: Path, size: int) -> Tree:
    root.mkdir(parents=True, exist_ok=True)
    for number in range(size // FILE_BYTES):
        file = root / f"frames {number:03}.raw"
        if not file.exists() or file.stat().st_size != FILE_BYTES:
            with file.open("wb") as writing:
                for piece in range(FILE_BYTES // MIB):
                    writing.write(hashlib.shake_128(f"{number} {piece}".encode()).digest(MIB))
    files = size // FILE_BYTES
    return Tree("archive", root, files, size, files, size)


def _length(site: Site, address: str) -> int:
    with site.running.api("GET", address.partition("/api/v1")[2], stream=True) as answer:
        if answer.status_code != 200:
            raise WrongOutcomeError(f"The ZIP answers {answer.status_code}.")
        return int(answer.headers["Content-Length"])


def _curl(site: Site, address: str, *options: str) -> float:
    token = site.running.demo["member"]["token"]
    command = ["curl", "-sS", "--fail", "-o", "/dev/null", "-H", f"Authorization: Bearer {token}", *options, address]
    begun = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begun


def _check_range(site: Site, address: str, length: int) -> None:
    """A range across the middle, cut out of a whole answer, is what the server gives for that range."""
    path, start = address.partition("/api/v1")[2], length // 2 - 12_345
    end = start + RANGE_BYTES
    asked = site.running.api("GET", path, headers={"Range": f"bytes={start}-{end - 1}"})
    whole, position, cut = site.running.api("GET", path, stream=True), 0, b""
    for piece in whole.iter_content(MIB):
        cut += piece[max(0, start - position) : max(0, end - position)]
        position += len(piece)
    if (asked.status_code, asked.content, position) != (206, cut, length):
        raise WrongOutcomeError("A range of the ZIP is not what the whole has there.")


@contextmanager
def _nginx(folder: Path, length: int) -> Iterator[str]:
    """An nginx of our own that serves one file of this length, which is in memory; its address."""
    (folder / "root").mkdir(parents=True)
    file, left = folder / "root" / "it", length
    with file.open("wb") as writing:
        while left:
            left -= writing.write(bytes(min(left, 16 * MIB)))
    settle(folder / "root")
    (folder / "nginx.conf").write_text(_CONFIGURATION.format(folder=folder, port=NGINX_PORT))
    process = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)])
    try:
        time.sleep(1)
        yield f"http://127.0.0.1:{NGINX_PORT}/it"
    finally:
        process.terminate()
        process.wait()
        file.unlink()
