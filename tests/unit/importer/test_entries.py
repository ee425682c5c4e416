"""Entries in memory, and the order in which placed ones are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.importer.batches.data import PlacedFile
from moorage.importer.ledger.entries import Entry, signed, unsigned
from moorage.importer.words.verdicts import EntryKind, EntryState
from moorage.importer.write.manifest_writer import in_order
from moorage.storage.digests import Stamp

STAMP = Stamp(2**64 - 1, 5, 6, 7)


def an_entry(**fields: object) -> Entry:
    entry = Entry(b"a/b", b"k" * 32, "b", EntryKind.FILE.value, STAMP)
    entry.state = EntryState.PLACED.value
    for name, value in fields.items():
        setattr(entry, name, value)
    return entry


@given(st.integers(0, 2**64 - 1))
def test_an_inode_comes_back_from_the_database_as_it_was(inode: int) -> None:
    assert -(2**63) <= signed(inode) < 2**63
    assert unsigned(signed(inode)) == inode


def test_an_entry_knows_the_file_as_it_was_seen_last() -> None:
    entry = an_entry()
    assert entry.stamp == STAMP

    entry.see(Stamp(1, 2, 3, 4))

    assert entry.stamp == Stamp(1, 2, 3, 4)
    assert entry.size_bytes == 2


def test_what_one_entry_is_told_no_other_hears() -> None:
    entry, other = an_entry(), an_entry()
    entry.verdict, entry.digest, entry.listed, entry.replaces = "new", "d" * 64, (("md5", "e" * 32),), 3
    assert (other.verdict, other.digest, other.listed, other.replaces) == ("", "", None, None)


@pytest.mark.parametrize(
    "said",
    [
        {"warning": "path.looks_alike"},
        {"compared": "matches"},
        {"trouble": "unreadable"},
        {"state": EntryState.DIGESTED.value},
        {"state": EntryState.FAILED.value},
        {"kind": EntryKind.DIRECTORY.value},
    ],
)
def test_plain_is_a_placed_file_of_which_nothing_is_to_be_said(said: dict[str, str]) -> None:
    assert an_entry(verdict="new", digest="d" * 64, replaces=3).is_plain
    assert not an_entry(**said).is_plain


@given(st.lists(st.sampled_from(["linked", "copied", "reused", "proven"]), max_size=12))
def test_who_brought_an_object_is_written_before_those_who_believe_in_it(hows: list[str]) -> None:
    found = [(an_entry(), PlacedFile(index, "d" * 64, 0, STAMP, STAMP, how)) for index, how in enumerate(hows)]

    ordered = [file for _, file in in_order(found)]

    assert sorted(file.position for file in ordered) == list(range(len(hows)))
    believers = [file.how == "reused" for file in ordered]
    assert believers == sorted(believers)
    for is_believer in (False, True):
        indices = [file.position for file in ordered if (file.how == "reused") is is_believer]
        assert indices == sorted(indices), "otherwise as they came"
