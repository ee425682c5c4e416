"""Uploading again: identical files change nothing, a changed file gets exactly one new version, a retry is harmless."""

from __future__ import annotations

import pytest

from running_moorage import RunningMoorage
from script_author import ScriptAuthor

pytestmark = pytest.mark.journey


def test_an_identical_upload_makes_no_versions_and_a_changed_file_exactly_one(moorage: RunningMoorage) -> None:
    author = ScriptAuthor(moorage)
    project = author.new_project("Versions")
    author.folder("versions", {"a.txt": b"one", "deep/b.txt": b"two", "deep/empty.txt": b""})
    first = author.open_upload("first", project=project)
    author.transfer(first, "versions")
    author.done(first)
    assert author.wait_for(first)["state"] == "imported"
    before = author.project_files(project=project)

    again = author.open_upload("the same again", project=project)
    author.transfer(again, "versions")
    author.done(again)
    assert author.wait_for(again)["state"] == "imported"
    assert author.receipt(again)["verdicts"]["identical"]["files"] == 3
    assert author.project_files(project=project) == before

    author.folder("versions", {"a.txt": b"ONE, changed"})
    changed = author.open_upload("changed", project=project)
    author.transfer(changed, "versions")
    author.done(changed)
    ended = author.wait_for(changed)
    assert ended["verdicts"] == {"identical": 2, "new_version": 1}
    assert author.content("a.txt", project=project) == b"ONE, changed"
    assert author.content("a.txt", project=project, revision=1) == b"one"


def test_a_file_does_not_replace_a_folder_nor_a_folder_a_file(moorage: RunningMoorage) -> None:
    author = ScriptAuthor(moorage)
    project = author.new_project("Clashes")
    author.folder("clash one", {"thing": b"a file", "other/inside.txt": b"in a folder"})
    first = author.open_upload("first", project=project)
    author.transfer(first, "clash one")
    author.done(first)
    assert author.wait_for(first)["state"] == "imported"

    author.folder("clash two", {"thing/inside.txt": b"now a folder", "other": b"now a file", "fine.txt": b"fine"})
    second = author.open_upload("second", project=project)
    author.transfer(second, "clash two")
    author.done(second)

    ended = author.wait_for(second)
    assert ended["state"] == "imported"
    rejected = {entry["path"] for entry in author.entries(second, verdict="rejected")}
    assert {"other", "thing/inside.txt"} <= rejected
    assert set(author.project_files(project=project)) == {"thing", "other/inside.txt", "fine.txt"}
    assert all(entry["reason"]["message"] for entry in author.entries(second, verdict="rejected"))
