"""Hostile names are shown harmlessly, and forms carry every name unchanged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globus_local.transfer.paths import to_text
from globus_local.webapp.names import decode, encode, plain, shown

ANY_NAME = st.binary(min_size=1).map(to_text)


@given(ANY_NAME)
def test_a_form_brings_back_the_very_name(name: str) -> None:
    assert decode(encode(name)) == name


@given(ANY_NAME)
def test_an_encoded_name_has_nothing_that_a_browser_rewrites(name: str) -> None:
    assert encode(name).isascii()
    assert encode(name).isprintable()


@given(ANY_NAME)
def test_a_shown_name_is_printable(name: str) -> None:
    text = plain(name).replace("\u200c", "").replace("\u200d", "")
    assert all(letter.isprintable() or letter.isspace() for letter in text)
    assert not set("\n\r\u202e\u2066") & set(plain(name))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("two\nlines", r"two\nlines"),
        ("tab\there", r"tab\there"),
        ("bell\x07", r"bell\u{7}"),
        ("invoice\u202egpj.exe", r"invoice\u{202e}gpj.exe"),
        (to_text(b"caf\xe9"), r"caf\xe9"),
        ("invisible\u2065.exe", r"invisible\u{2065}.exe"),
        ("نی\u200cست", "نی\u200cست"),
        ("קובץ.txt", "קובץ.txt"),
        ("👩‍🔬.png", "👩‍🔬.png"),
    ],
)
def test_what_cannot_be_seen_is_written_as_an_escape(name: str, words: str) -> None:
    assert plain(name) == words


def test_markup_in_a_name_is_text() -> None:
    html = shown('<script>alert("1")</script>')

    assert "<script" not in html
    assert html == "<bdi>&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;</bdi>"
