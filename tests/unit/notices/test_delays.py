"""How long the outbox waits, and what becomes of a subject."""

from __future__ import annotations

from datetime import timedelta

from moorage.notices.mailing import LONGEST_DELAY, TRIES, delay_after
from moorage.notices.telling import SUBJECT_LIMIT, one_line


def test_delays_grow_from_a_minute_to_six_hours() -> None:
    delays = [delay_after(tries) for tries in range(1, TRIES)]

    assert delays[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST_DELAY


def test_a_name_with_a_line_break_cannot_add_a_header() -> None:
    assert one_line("Scan\r\nBcc: eve@example.org") == "Scan  Bcc: eve@example.org"


def test_a_long_subject_is_cut_visibly() -> None:
    cut = one_line("x" * 1000)

    assert len(cut) == SUBJECT_LIMIT
    assert cut.endswith("…")
