"""Numbers, instants and names as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from moorage.web.templatetags.words import ago, count_of, printable, size, thousands, when


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (2_000_000_000_000, "2.0 TB"),
        (10**22, "10000.0 EB"),
        (None, ""),
    ],
)
def test_sizes_are_decimal_and_short(number: int | None, words: str) -> None:
    assert size(number) == words


def test_counts_agree_with_their_noun() -> None:
    assert [count_of(number, "file") for number in (0, 1, 1234)] == ["0 files", "1 file", "1,234 files"]
    assert count_of(2, "entry,entries") == "2 entries"
    assert thousands(1234567) == "1,234,567"


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (timedelta(seconds=2), "just now"),
        (timedelta(seconds=45), "45 seconds ago"),
        (timedelta(minutes=1, seconds=5), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=2, hours=1), "2 days ago"),
        (-timedelta(days=2, hours=1), "in 2 days"),
        (-timedelta(days=29, hours=23, minutes=59), "in 30 days"),
        (-timedelta(hours=23, minutes=59), "in 23 hours"),
    ],
)
def test_how_long_ago_in_one_unit(past: timedelta, words: str) -> None:
    assert ago(timezone.now() - past) == words


def test_an_instant_is_absolute_and_says_how_long_ago_only_while_that_helps() -> None:
    old = when(datetime(2020, 1, 2, 3, 4, tzinfo=UTC))

    assert old == '<time datetime="2020-01-02T03:04:00Z">2 Jan 2020, 03:04 UTC</time>'
    assert "ago" in when(timezone.now() - timedelta(days=3))
    assert when(None) == ""


def test_what_a_name_hides_is_shown() -> None:
    assert printable("a\nb") == '<bdi class="name">a␊b</bdi>'
    assert printable("x\u202egpj.exe") == '<bdi class="name">x\\u202egpj.exe</bdi>'
    assert printable("\udcff") == '<bdi class="name">\\xff</bdi>'


def test_markup_in_a_name_stays_text_and_emoji_stay_whole() -> None:
    assert printable("<img>") == '<bdi class="name">&lt;img&gt;</bdi>'
    family = "👩\u200d🔬"
    assert family in printable(family)
