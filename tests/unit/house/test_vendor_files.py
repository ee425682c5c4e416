"""The front-end files that the build brings, and the icons that pages ask for."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from moorage.web.frame import PERSONAL_SECTIONS, PROJECT_SECTIONS, SECTIONS

ROOT = Path(__file__).resolve().parents[3]
SVG = "{http://www.w3.org/2000/svg}"
ICON_OF_A_PAGE = re.compile(r"icon\.html\" with name=\"([a-z0-9-]+)\"|\bicon=\"([a-z0-9-]+)\"|icons\.svg#([a-z0-9-]+)")


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    found = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def vendor_folders() -> list[Path]:
    return [ROOT / "src/moorage/web/static/vendor", ROOT / "src/globus_local/webapp/static/vendor"]


@pytest.mark.parametrize("folder", vendor_folders(), ids=["moorage", "globus_local"])
@pytest.mark.parametrize(
    "name",
    ["bootstrap/bootstrap.min.css", "bootstrap/bootstrap.bundle.min.js", "htmx/htmx.min.js", "icons.svg"],
)
def test_what_pages_load_is_there_and_names_no_other_file(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()

    assert content
    assert b"sourceMappingURL" not in content


def test_every_icon_that_a_page_asks_for_is_in_the_sprite() -> None:
    sprite = ElementTree.parse(vendor_folders()[0] / "icons.svg").getroot()  # noqa: S314 - our own
    drawn = {symbol.get("id") for symbol in sprite.iter(f"{SVG}symbol")}
    asked = {section.icon for section in (*SECTIONS, *PROJECT_SECTIONS, *PERSONAL_SECTIONS)}
    for page in (ROOT / "src/moorage").rglob("*.html"):
        asked |= {name for found in ICON_OF_A_PAGE.findall(page.read_text()) for name in found if name}

    assert len(asked) > len(SECTIONS)
    assert sorted(asked - drawn) == []


def test_nothing_is_fetched_while_nothing_has_changed(hook: ModuleType, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "assets", tmp_path / "assets")
    stamp = (vendor_folders()[0] / hook.STAMP).read_text()
    for folder in hook.VENDOR_FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / hook.STAMP).write_text(stamp)

    hook.bring_vendor_files(tmp_path)

    assert [path.name for path in tmp_path.rglob("vendor/*")] == [hook.STAMP] * 2


def test_a_sprite_draws_each_icon_in_the_colour_of_its_text(hook: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "dot.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1"/></svg>'
    )

    sprite = ElementTree.fromstring(hook._sprite(tmp_path, ["dot"]))  # noqa: S314 - our own

    (symbol,) = sprite
    assert symbol.attrib == {"id": "dot", "viewBox": "0 0 9 9", "fill": "currentColor"}
    assert [part.get("d") for part in symbol] == ["M1 1"]


def test_an_icon_that_does_not_exist_is_named(hook: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="'gone'"):
        hook._sprite(tmp_path, ["gone"])
