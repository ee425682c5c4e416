"""A folder as one file from a real server: taken by curl, broken off, resumed, and checked by the tools of others."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page

from browser import check_accessibility, sign_in
from running_moorage import RunningMoorage
from script_author import ScriptAuthor

pytestmark = pytest.mark.journey

TREE = {
    "run 1/large.tif": os.urandom(3_000_000),
    "run 1/größe.txt": b"four",
    "run 1/empty.txt": b"",
    "run 2/small.tif": b"small" * 100,
}


@pytest.fixture(scope="module")
def filled(moorage: RunningMoorage) -> tuple[ScriptAuthor, str]:
    author = ScriptAuthor(moorage)
    return author, author.filled_project("Taken", TREE)


def curl(moorage: RunningMoorage, address: str, *options: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    token = moorage.demo["member"]["token"]
    command = ["curl", "-sS", "--fail", "-H", f"Authorization: Bearer {token}", *options]
    return subprocess.run([*command, f"{moorage.site}/api/v1{address}"], cwd=cwd, capture_output=True, check=False)


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_curl_goes_on_where_it_was_broken_off(
    moorage: RunningMoorage, filled: tuple[ScriptAuthor, str], tmp_path: Path, form: str
) -> None:
    _, project = filled
    address = f"/projects/{project}/archive?revision=1&format={form}"
    assert curl(moorage, address, "-o", "whole", cwd=tmp_path).returncode == 0
    whole = (tmp_path / "whole").read_bytes()

    (tmp_path / "part").write_bytes(whole[:1_234_567])
    resumed = curl(moorage, address, "-C", "-", "-o", "part", cwd=tmp_path)

    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "part").read_bytes() == whole
    (tmp_path / "out").mkdir()
    unpack = ["unzip", "-q", "../part"] if form == "zip" else ["tar", "-xf", "../part"]
    # Debian's unzip says UTF-8 names in the locale's characters.
    subprocess.run(unpack, cwd=tmp_path / "out", check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert curl(moorage, f"/projects/{project}/files/list?revision=1", "-o", "list", cwd=tmp_path).returncode == 0
    subprocess.run(["sha256sum", "--strict", "-c", "../list"], cwd=tmp_path / "out", check=True, capture_output=True)


def test_a_touched_object_is_read_before_it_is_sent_and_a_damaged_one_is_not_sent(
    moorage: RunningMoorage, tmp_path: Path
) -> None:
    author = ScriptAuthor(moorage)
    files = {"touched": b"touched, and whole " + os.urandom(20), "damaged": b"to be damaged " + os.urandom(20)}
    project = author.filled_project("Doubtful", files)
    stored = {
        name: next(path for path in moorage.data.rglob(str(digest)) if path.is_file())
        for name, digest in author.project_files(project=project).items()
    }
    os.utime(stored["touched"], ns=(1, 1))

    taken = curl(moorage, f"/projects/{project}/archive?revision=1", "-o", "whole.zip", cwd=tmp_path)

    assert taken.returncode == 0, taken.stderr
    subprocess.run(["unzip", "-tq", "whole.zip"], cwd=tmp_path, check=True, capture_output=True)

    stored["damaged"].chmod(0o644)
    stored["damaged"].write_bytes(files["damaged"].swapcase())
    stored["damaged"].chmod(0o444)

    assert curl(moorage, f"/projects/{project}/archive?revision=1", "-o", "it.zip", cwd=tmp_path).returncode != 0
    assert author.content("touched", project=project) == files["touched"]


def test_a_member_takes_what_she_ticks(
    page: Page, moorage: RunningMoorage, filled: tuple[ScriptAuthor, str], tmp_path: Path
) -> None:
    _, project = filled
    sign_in(page, moorage)
    page.goto(f"{moorage.site}/projects/{project}/files/")
    check_accessibility(page)

    page.get_by_role("checkbox", name="Choose run 2").check()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download ZIP").click()
    taken.value.save_as(tmp_path / "it.zip")

    said = subprocess.run(["unzip", "-Z1", "it.zip"], cwd=tmp_path, check=True, capture_output=True).stdout.decode()
    assert said.splitlines() == ["run 2/", "run 2/small.tif"]
