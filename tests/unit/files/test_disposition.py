"""How a file of any name is offered for saving."""

from __future__ import annotations

from email.message import Message
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.files.disposition import content_disposition, content_type

NAMES = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=80)


def name_in(header: str) -> str:
    """The name that a client takes: `filename*` before `filename`."""
    _, mark, exact = header.partition("; filename*=UTF-8''")
    if mark:
        return unquote_to_bytes(exact).decode()
    message = Message()
    message["Content-Disposition"] = header
    return message.get_filename() or ""


@given(NAMES)
def test_every_name_arrives_exactly_and_cannot_end_the_header(name: str) -> None:
    header = content_disposition(name)

    assert header.isascii()
    assert header.isprintable()
    assert header.startswith('attachment; filename="')
    assert name_in(header) == name


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("frame 1.tif", 'attachment; filename="frame 1.tif"'),
        ("é€.txt", "attachment; filename=\"__.txt\"; filename*=UTF-8''%C3%A9%E2%82%AC.txt"),
        ('a"b\\c.txt', "attachment; filename=\"a_b_c.txt\"; filename*=UTF-8''a%22b%5Cc.txt"),
        ("100%41.txt", "attachment; filename=\"100_41.txt\"; filename*=UTF-8''100%2541.txt"),
        ("a\r\nX: y", "attachment; filename=\"a__X: y\"; filename*=UTF-8''a%0D%0AX%3A%20y"),
    ],
)
def test_names_that_clients_misread_are_given_twice(name: str, header: str) -> None:
    assert content_disposition(name) == header


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.png", "image/png"),
        ("A.TIFF", "image/tiff"),
        ("table.csv", "text/csv"),
        ("archive.tar.gz", "application/gzip"),
        ("page.html", "application/octet-stream"),
        ("picture.svg", "application/octet-stream"),
        ("script.js", "application/octet-stream"),
        ("feed.xml", "application/octet-stream"),
        ("data:text/html,x", "application/octet-stream"),
        ("no ending", "application/octet-stream"),
    ],
)
def test_only_harmless_types_are_guessed(name: str, kind: str) -> None:
    assert content_type(name) == kind


@given(NAMES)
def test_no_name_is_a_type_that_runs(name: str) -> None:
    kind = content_type(name)

    assert not any(word in kind for word in ("html", "svg", "script", "xml"))
