"""Makes everything that `make run`, `make check` and `make test` need, and nothing twice.

Runs on any Python >= 3.11 with the standard library alone. Each step leaves a stamp when it has
ended, made from the files that decide it: an interrupted run begins its step anew, a finished one
costs nothing.

    set_up.py run    .venv with what the server needs
    set_up.py dev    .venv with the tools and the test suite too
    set_up.py test   the same, the `globus` command, and the system's Chromium and PostgreSQL
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parent.parent
REQUIREMENTS: Final = ROOT / "requirements"

sys.path.insert(0, str(ROOT / "tests"))
from machine import find_chromium, find_postgres_programs  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("purpose", choices=["run", "dev", "test"])
    parser.add_argument("--environment", type=Path, default=ROOT / ".venv")
    options = parser.parse_args()
    if sys.platform != "linux":
        stop("Moorage runs on Linux only: its server needs Linux's file leases and process groups.")
    with one_set_up_at_a_time():
        environment: Path = options.environment.absolute()
        make_environment(environment)
        if options.purpose == "run":
            install(environment, "run", REQUIREMENTS / "build.txt", REQUIREMENTS / "run.txt")
        else:
            install(environment, "dev", REQUIREMENTS / "build.txt", REQUIREMENTS / "dev.txt")
        install_moorage(environment)
        if options.purpose == "test":
            globus = ROOT / ".tools" / "globus-cli"
            make_environment(globus)
            install(globus, "globus-cli", REQUIREMENTS / "globus-cli.txt")
            install_system_packages()


def make_environment(environment: Path) -> None:
    """Make a virtual environment, or keep one that works; a broken or half-made one is made again."""
    python = environment / "bin" / "python"
    works = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    if python.exists() and subprocess.run([python, "-c", works], capture_output=True, check=False).returncode == 0:
        return
    say(f"Making {shown(environment)} with Python {sys.version.split()[0]}")
    venv.create(environment, clear=True, with_pip=True, symlinks=True)


def install(environment: Path, name: str, *locks: Path) -> None:
    """Install exactly what the locks name, checked by digest."""
    stamp = environment / f"set-up-{name}.sha256"
    # What the suite needs holds what the server needs, so `make run` after `make test` has it all.
    implied = [environment / "set-up-run.sha256"] if name == "dev" else []
    wanted = digest_of(*locks)
    if read(stamp) == wanted:
        return
    count = sum(line.count("==") and line[0].isalnum() for lock in locks for line in lock.read_text().splitlines())
    say(f"Installing {count} packages into {shown(environment)} (only when their lock has changed)")
    requirements = [argument for lock in locks for argument in ("-r", str(lock))]
    pip(environment, "install", "--require-hashes", *requirements)
    stamp.write_text(wanted)
    for also in implied:
        also.write_text(digest_of(REQUIREMENTS / "build.txt", REQUIREMENTS / "run.txt"))


def install_moorage(environment: Path) -> None:
    """Install this tree as an editable package, with the front-end files that its build brings."""
    stamp = environment / "set-up-moorage.sha256"
    wanted = digest_of(ROOT / "pyproject.toml", ROOT / "requirements" / "build.txt") + f" {ROOT}"
    if read(stamp) == wanted:
        # Costs a fifth of a second, and brings an icon that was just added to assets/icons.txt.
        run([environment / "bin" / "python", ROOT / "hatch_build.py"], "The front-end libraries are missing.")
        return
    say("Installing Moorage itself, with its front-end libraries")
    pip(environment, "install", "--no-build-isolation", "--no-deps", "--editable", str(ROOT))
    stamp.write_text(wanted)


def install_system_packages() -> None:
    """Bring Chromium and PostgreSQL by apt where that needs no password; otherwise say what is skipped."""
    missing = {
        package: skipped
        for package, skipped, found in (
            ("chromium", "the journeys in a browser", find_chromium()),
            ("postgresql", "the integration tests on PostgreSQL", find_postgres_programs()),
        )
        if found is None
    }
    if not missing:
        return
    prefix = apt_prefix()
    if prefix is not None:
        say(f"Installing {' and '.join(missing)} by apt")
        apt_get = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
        # Another apt at work is waited for. A stale package list may still do, so its update may fail.
        apt_get += ["-o", "DPkg::Lock::Timeout=300"]
        quietly([*apt_get, "update"])
        if quietly([*apt_get, "install", "-y", "--no-install-recommends", *missing]):
            return
        say("apt could not install them (its words are above).")
    for package, skipped in missing.items():
        say(f"{package} is not installed, so {skipped} will be skipped. Install it to run them.")


def apt_prefix() -> list[str] | None:
    """How apt-get can be run without asking anyone: as it is, by sudo, or not at all."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    asks_nothing = shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True, check=False)
    return sudo if asks_nothing and asks_nothing.returncode == 0 else None


@contextmanager
def one_set_up_at_a_time() -> Iterator[None]:
    """Two makes in two terminals would install into one environment at once."""
    lock = ROOT / ".tools" / "set-up.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def pip(environment: Path, *arguments: str) -> None:
    python = str(environment / "bin" / "python")
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    # pip's own words name the package and the reason; ours say what to do.
    run([*command, *arguments], "pip could not install it (its words are above). Run the same command again.")


def run(command: Sequence[str | Path], otherwise: str) -> None:
    if subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode != 0:
        stop(otherwise)


def quietly(command: Sequence[str]) -> bool:
    """Run a command for its errors alone, and say whether it succeeded."""
    outcome = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    return outcome.returncode == 0


def digest_of(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def read(stamp: Path) -> str | None:
    return stamp.read_text() if stamp.is_file() else None


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def say(sentence: str) -> None:
    print(f"set-up: {sentence}", flush=True)


def stop(sentence: str) -> NoReturn:
    sys.exit(f"set-up: {sentence}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nset-up: interrupted; the next run goes on where this one stopped.")
