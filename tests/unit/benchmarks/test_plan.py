"""The benchmark's options, and how its commands and processes are measured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.imports import hashing
from benchmarks.imports.meters import CommandFailedError, LimitReachedError, cpu_seconds, run_command, tree_of
from benchmarks.imports.peers import PEERS, Peer
from benchmarks.imports.plan import plan_from

from processes import has_ended


def test_everything_is_measured_by_default() -> None:
    plan = plan_from([])
    assert plan.trees == ["S", "M", "L", "N"]
    assert plan.databases == ["sqlite", "postgresql"]
    assert plan.peers == ["dvc", "restic", "borg", "rclone", "bagit", "git-annex"]
    assert (plan.rounds, plan.quick, plan.keep) == (3, False, None)


def test_options_choose() -> None:
    plan = plan_from(["--quick", "--trees", "L,S", "--peers", "none", "--rounds", "1"])
    assert (plan.trees, plan.peers, plan.rounds, plan.quick) == (["L", "S"], [], 1, True)


def test_an_unknown_word_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        plan_from(["--trees", "S,X"])
    assert "'X' is none of S, M, L, N" in capsys.readouterr().err


def test_a_folder_that_is_not_to_be_kept_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with plan_from([]).folder() as folder:
        (folder / "trees").mkdir()
    assert list(tmp_path.iterdir()) == []
    with plan_from(["--keep", str(tmp_path / "kept")]).folder() as folder:
        (folder / "trees").mkdir()
    assert (tmp_path / "kept" / "trees").is_dir()


def test_a_command_costs_what_all_its_processes_cost(tmp_path: Path) -> None:
    work = "import time; held = bytearray(2**26)\nwhile time.process_time() < 0.4: pass"
    wait = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)"
    cost = run_command([sys.executable, "-c", wait], folder=tmp_path, environment={}, limit_seconds=60)
    assert cost.cpu_seconds >= 0.4
    assert cost.peak_bytes >= 2**26


def test_a_command_that_takes_too_long_is_stopped_with_its_children(tmp_path: Path) -> None:
    with pytest.raises(LimitReachedError):
        run_command(["sh", "-c", "sleep 60 & echo $!; wait"], folder=tmp_path, environment={}, limit_seconds=0.5)
    child = int((tmp_path / "output.txt").read_text())
    assert has_ended(child, within=10)  # a killed process is listed until it next gets a core


def test_a_command_that_fails_says_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match="no such thing"):
        run_command(["sh", "-c", "echo no such thing; exit 3"], folder=tmp_path, environment={}, limit_seconds=60)


def test_this_process_is_the_root_of_its_tree_and_has_used_cpu() -> None:
    assert tree_of(os.getpid())[0] == os.getpid()
    assert cpu_seconds([os.getpid()]) > 0
    assert cpu_seconds([2**30]) == 0


def test_the_floor_reads_every_file_and_tells_of_one_that_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for number in range(5):
        (tmp_path / "folder" / f"{number}").write_bytes(bytes(number))
    command = [sys.executable, hashing.__file__, str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == 0
    (tmp_path / "folder" / "gone").symlink_to("nowhere")
    assert subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 1


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.programs[0])
def test_every_peer_is_told_where_to_work(peer: Peer) -> None:
    told = " ".join([*peer.command, *(word for command in peer.prepare for word in command)])
    told += " ".join(peer.environment.values())
    assert peer.given == "links" or "{scratch}" in told, "a store in its own home would not be empty the next time"


def test_a_peer_that_is_not_there_is_not_found() -> None:
    assert Peer("x", ("no-such-program",), ()).found() == []
    assert Peer("x", ("no-such-program",), (), module="json").found() == [sys.executable, "-m", "json"]
