"""Every sweep, and how often it runs at least. A member's act makes some of them due at once (`transfers.due`)."""

from datetime import timedelta

from moorage.backends import Policies
from moorage.jobs.recognising import recognise_store
from moorage.jobs.schedule import Plan
from moorage.jobs.sweeps import (
    arrivals,
    clearing,
    closing,
    collecting,
    downloads,
    expiry,
    fixity,
    grants,
    outbox,
    requests,
    tasks,
    tidying,
    wishes,
)
from moorage.transfers.due import Sweep

SECONDS_10 = timedelta(seconds=10)
MINUTE = timedelta(minutes=1)
MINUTES_5 = timedelta(minutes=5)
HOUR = timedelta(hours=1)
HOURS_6 = timedelta(hours=6)
DAY = timedelta(days=1)


def all_plans(policies: Policies) -> list[Plan]:
    """The plans of a worker that works by these policies."""
    return [
        Plan("store", recognise_store, MINUTE),
        Plan(Sweep.REQUESTS, requests.open_requested, SECONDS_10),
        Plan(Sweep.SEALING, closing.seal, SECONDS_10),
        Plan(Sweep.DISCARDING, closing.discard, SECONDS_10),
        Plan(Sweep.GRANTS, grants.reconcile, MINUTE),
        Plan(Sweep.TASKS, tasks.read_tasks, policies.unwatched_interval),
        Plan(tasks.OUTCOMES, tasks.fetch_outcomes, MINUTE),
        Plan(Sweep.ARRIVALS, arrivals.look_into_areas, policies.unwatched_interval),
        Plan(Sweep.WISHES, wishes.fulfil_wishes, SECONDS_10),
        Plan("expiry", expiry.warn_and_expire, HOUR, takes_away=True),
        Plan("downloads", downloads.warn_and_expire, MINUTE, takes_away=True),
        Plan("damaged downloads", downloads.end_damaged, MINUTES_5),
        Plan("strays", tidying.strays, MINUTE),
        Plan("clearing", clearing.clear_imported, MINUTE),
        Plan("remnants", tidying.remnants, HOUR, takes_away=True),
        Plan("trash", tidying.trash, HOUR, takes_away=True),
        Plan("fixity", fixity.read_again, HOUR),
        Plan("collecting", collecting.collect, HOURS_6, takes_away=True),
        Plan("leaving", collecting.finish_leaving, MINUTE),
        Plan("orphans", collecting.look_for_orphans, DAY),
        Plan("outbox", outbox.send_mails, SECONDS_10),
    ]
