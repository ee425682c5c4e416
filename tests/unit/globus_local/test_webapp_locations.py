"""The file manager's URL is its state: what is written is what is read, and odd links open something sensible."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globus_local.webapp.locations import Spot, View, folder_path, read_view

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1).filter(
    lambda name: name not in {".", ".."}
)
PATHS = st.lists(NAMES, max_size=4).map(lambda names: folder_path("/" + "/".join(names)))
SPOTS = st.builds(
    Spot,
    collection_id=st.sampled_from(["c1", "c2"]),
    path=PATHS,
    sort=st.sampled_from(["name", "-name", "size", "-modified"]),
    page=st.integers(1, 999_999),
)


def values_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


@given(st.builds(View, origin=SPOTS, destination=SPOTS, two_pane=st.booleans()))
def test_a_view_survives_its_address(view: View) -> None:
    assert read_view(values_of(view.url())) == view


def test_a_link_with_a_destination_alone_shows_it_beside_an_empty_pane() -> None:
    view = read_view({"destination_id": "commons", "destination_path": "/in/abc/"})

    assert view.two_pane
    assert view.origin == Spot()
    assert view.destination == Spot(collection_id="commons", path="/in/abc/")


def test_a_destination_is_shown_even_where_a_link_asks_for_one_pane() -> None:
    assert read_view({"destination_id": "commons", "two_pane": "false"}).two_pane


def test_a_link_with_an_origin_alone_shows_one_pane() -> None:
    view = read_view({"origin_id": "lab", "origin_path": "data"})

    assert view.sides == ("origin",)
    assert view.origin.path == "/data/"


@pytest.mark.parametrize(
    ("given_path", "path"),
    [
        ("", "/"),
        ("/~/", "/"),
        ("~", "/"),
        ("~/a", "/a/"),
        ("/~/a/b", "/a/b/"),
        ("/~a/", "/~a/"),
        ("a//b/./c/../", "/a/b/"),
        ("/../../etc", "/etc/"),
        ("//a", "/a/"),
    ],
)
def test_a_path_is_read_as_a_folder_below_the_top(given_path: str, path: str) -> None:
    assert folder_path(given_path) == path


def test_nonsense_in_an_address_gives_defaults() -> None:
    view = read_view({"origin_id": "lab", "origin_sort": "colour", "origin_page": "-7", "two_pane": "maybe"})

    assert view == View(origin=Spot(collection_id="lab"))


def test_the_trail_leads_from_the_top_to_the_folder() -> None:
    spot = Spot(collection_id="lab", path="/a/b/", page=3)

    assert [(name, step.path, step.page) for name, step in spot.trail] == [("a", "/a/", 1), ("b", "/a/b/", 1)]


def test_up_ends_at_the_top() -> None:
    parent = Spot(collection_id="lab", path="/a/").parent

    assert parent is not None
    assert parent.path == "/"
    assert parent.parent is None


def test_asking_twice_for_an_order_turns_it_round() -> None:
    once = Spot(collection_id="lab", page=4).sorted_by("size")

    assert (once.sort, once.page) == ("size", 1)
    assert once.sorted_by("size").sort == "-size"
    assert once.sorted_by("name").sort == "name"
