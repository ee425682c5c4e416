"""Starting on one machine: one group a folder, addresses that people can use, files that are read back as written."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest

from moorage.config.demo.logins import demo_logins, write_demo_file
from moorage.config.demo.sample import write_sample
from moorage.config.local import settings_of, toml_lines
from moorage.config.local_globus import GlobusClient, GlobusCollection, GlobusPerson, GlobusRule, LocalGlobus
from moorage.config.supervisor import Child, Supervisor
from moorage.config.up import Addresses, AlreadyRunningError, only_one


def test_a_data_folder_is_held_by_one_group_at_a_time(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(AlreadyRunningError) as refused, only_one(tmp_path):
        pass
    assert str(tmp_path) in str(refused.value)

    with only_one(tmp_path):
        pass


def test_secrets_are_generated_once_and_are_nobody_elses_business(tmp_path: Path) -> None:
    first, second = settings_of(tmp_path), settings_of(tmp_path)

    assert first == second
    assert stat.S_IMODE((tmp_path / "moorage.toml").stat().st_mode) == 0o600
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("addresses", "site", "globus"),
    [
        (Addresses("127.0.0.1", 1, 2), "http://127.0.0.1:1", "http://127.0.0.1:2"),
        (Addresses("::1", 1, 2), "http://[::1]:1", "http://[::1]:2"),
        (
            Addresses("0.0.0.0", 1, 2, "https://m.example/", "https://g.example"),
            "https://m.example",
            "https://g.example",
        ),
    ],
)
def test_links_have_the_public_addresses_or_those_listened_on(addresses: Addresses, site: str, globus: str) -> None:
    assert (addresses.site, addresses.globus) == (site, globus)


@pytest.mark.parametrize(
    "text", ["plain", 'quo"te', "back\\slash", "new\nline", "umlaut ü", "emoji \N{MICROSCOPE}", ""]
)
def test_settings_are_read_as_they_were_written(text: str) -> None:
    assert tomllib.loads(toml_lines({"a": text, "b": [text], "c": 1, "d": True})) == {
        "a": text,
        "b": [text],
        "c": 1,
        "d": True,
    }


def test_the_local_globus_reads_what_it_is_told(tmp_path: Path) -> None:
    told = LocalGlobus(
        tmp_path / "globus",
        "127.0.0.1",
        2,
        "http://127.0.0.1:2",
        clients=(GlobusClient("c", "secret", "Moorage", ("http://127.0.0.1:1/back",)),),
        collections=(GlobusCollection("k", "This computer", tmp_path / "here", rules=(GlobusRule("/", "r"),)),),
        people=(GlobusPerson("p", "ada@example.org", "Ada", "correct horse"),),
        extra={"bytes_per_second": 7},
    )

    read = tomllib.loads(told.write().read_text())

    assert read["bytes_per_second"] == 7
    assert read["collections"][0]["rules"][0]["principal_type"] == "all_authenticated_users"
    assert read["clients"][0]["redirect_uris"] == ["http://127.0.0.1:1/back"]
    assert (tmp_path / "here").is_dir()


def test_the_demos_logins_stay_the_same(tmp_path: Path) -> None:
    logins = demo_logins(tmp_path)
    path = write_demo_file(tmp_path, logins, {"site": "http://s"}, "collection", tmp_path / "computer")

    assert demo_logins(tmp_path) == logins
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {"site", "member", "second_member", "client", "collections", "this_computer_path", "project"} <= set(
        json.loads(path.read_text())
    )


def test_the_sample_is_the_same_every_time_and_written_once(tmp_path: Path) -> None:
    count = write_sample(tmp_path / "one")
    write_sample(tmp_path / "two")

    one, two = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two
    assert count == len(one) > 200
    (tmp_path / "one" / "notes" / "questions.txt").write_text("changed by a person")
    write_sample(tmp_path / "one")
    assert (tmp_path / "one" / "notes" / "questions.txt").read_text() == "changed by a person"


def test_a_part_that_dies_is_started_again_and_said(tmp_path: Path) -> None:
    said: list[str] = []
    mark = tmp_path / "started"
    child = Child("part", ["sh", "-c", f"echo x >> '{mark}'; exit 3"], tmp_path / "part.log", {"PATH": "/usr/bin:/bin"})
    group = Supervisor([child], say=said.append)
    child.start()

    assert group.wait_until(lambda: mark.exists() and len(mark.read_text().split()) >= 2, seconds=20)

    group.stop()
    assert "exit status 3" in said[0]
    assert "started again" in said[0]
