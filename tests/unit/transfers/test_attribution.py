"""Which uploads a Globus task belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from moorage.transfers.attribution import CLOCKS_DIFFER_BY, Candidate, belongings
from moorage.transfers.models import Belonging

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
ONE = Candidate(uuid4(), "/one/", NOON)
TWO = Candidate(uuid4(), "/two/", NOON)


def _of(
    *candidates: Candidate,
    path: str | None = None,
    at: datetime = NOON,
    known: dict[UUID, Belonging] | None = None,
) -> dict[UUID, Belonging]:
    return belongings(path=path, requested_at=at, candidates=candidates, known=known or {})


def test_a_path_in_an_area_decides() -> None:
    assert _of(ONE, TWO, path="/two/deep/") == {TWO.upload_id: Belonging.PATH}


def test_a_path_elsewhere_is_nobodys() -> None:
    assert _of(ONE, TWO, path="/three/") == {}


def test_a_path_above_several_areas_is_perhaps_each_ones() -> None:
    assert _of(ONE, TWO, path="/") == {ONE.upload_id: Belonging.PERHAPS, TWO.upload_id: Belonging.PERHAPS}


def test_a_hidden_task_of_an_owner_with_one_upload_is_that_ones() -> None:
    assert _of(ONE) == {ONE.upload_id: Belonging.ONLY}


def test_a_hidden_task_of_an_owner_with_several_is_perhaps_each_ones() -> None:
    assert _of(ONE, TWO) == {ONE.upload_id: Belonging.PERHAPS, TWO.upload_id: Belonging.PERHAPS}


def test_a_task_that_is_older_than_an_upload_is_not_that_ones() -> None:
    later = Candidate(uuid4(), "/later/", NOON + timedelta(hours=1))

    assert _of(ONE, later) == {ONE.upload_id: Belonging.ONLY}


def test_clocks_may_differ_a_little() -> None:
    assert _of(ONE, at=NOON - CLOCKS_DIFFER_BY) == {ONE.upload_id: Belonging.ONLY}
    assert _of(ONE, at=NOON - CLOCKS_DIFFER_BY * 2) == {}


def test_what_was_told_stays() -> None:
    claimed = {ONE.upload_id: Belonging.CLAIMED, TWO.upload_id: Belonging.DENIED}

    assert _of(ONE, TWO, known=claimed) == claimed


def test_a_no_stays_and_the_other_is_still_asked() -> None:
    known = {ONE.upload_id: Belonging.DENIED, TWO.upload_id: Belonging.PERHAPS}

    assert _of(ONE, TWO, known=known) == known


def test_a_task_that_was_one_uploads_stays_so_when_another_opens() -> None:
    known = {ONE.upload_id: Belonging.ONLY}

    assert _of(ONE, TWO, known=known) == {ONE.upload_id: Belonging.ONLY, TWO.upload_id: Belonging.DENIED}


def test_that_a_task_may_have_written_elsewhere_stays_known_when_it_was_claimed() -> None:
    known = {ONE.upload_id: Belonging.CLAIMED}

    assert _of(ONE, TWO, known=known) == {ONE.upload_id: Belonging.CLAIMED, TWO.upload_id: Belonging.DENIED}


def test_a_perhaps_does_not_become_sure_because_the_other_upload_has_closed() -> None:
    known = {ONE.upload_id: Belonging.PERHAPS, TWO.upload_id: Belonging.PERHAPS}

    assert _of(ONE, known=known) == known


def test_a_path_that_is_seen_later_overrides_what_was_inferred() -> None:
    known = {ONE.upload_id: Belonging.PERHAPS, TWO.upload_id: Belonging.PERHAPS}

    assert _of(ONE, TWO, path="/two/", known=known) == {TWO.upload_id: Belonging.PATH}
    assert _of(ONE, path="/three/", known={ONE.upload_id: Belonging.ONLY}) == {}
