"""A beat that finds its lease gone says no more than it knows."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from builders import an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.jobs.beating import kept
from moorage.leases import Lease, take

pytestmark = pytest.mark.django_db(transaction=True)


def give_up(lease: Lease) -> None:
    """As who asks for a preview anew, or ends an upload: nobody has it now."""
    lease.rows().update(held_by="", fence=lease.fence + 1)


def take_over(lease: Lease) -> None:
    assert take(lease.rows().get(), holder="somewhere|else|1|1|1") is not None


@pytest.mark.parametrize("lose", [give_up, take_over])
def test_a_lease_that_is_gone_is_said_whoever_has_it(
    globus: InMemoryTransferService, caplog: pytest.LogCaptureFixture, lose: Callable[[Lease], None]
) -> None:
    upload = an_open_upload(globus)
    lease = take(upload)
    assert lease is not None

    with kept(lease, every_seconds=0.01):
        lose(lease)
        until = time.monotonic() + 10
        while not caplog.records and time.monotonic() < until:
            time.sleep(0.01)

    said = [record.getMessage() for record in caplog.records if record.name == "moorage.jobs.beating"]
    assert said == [f"upload {upload.pk}: the lease is gone: another worker has it, or it is not wanted"]
