"""The commands that look after the store: `fixity` reads stored objects again, `check-store` compares with the rows.

They are safe while Moorage runs, and may be ended at any moment.
"""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from moorage.config.data_option import data_option
from moorage.config.installation import start_existing

if TYPE_CHECKING:
    from moorage.files.fixity import Check
    from moorage.files.fixity_rounds import Tally
    from moorage.files.store_check import Found, StoreReport

SAY_SECONDS: Final = 2.0
SAY_SECONDS_IN_A_FILE: Final = 30.0  # where nobody looks on, lines pile up

_rate_option = click.option(
    "--bytes-per-second",
    type=click.IntRange(min=0),
    metavar="N",
    help="How fast to read at most; 0: as fast as the disk gives.  [default: the setting]",
)


@click.command("fixity", short_help="Read stored objects again, and say which are damaged.")
@data_option
@click.option("--all", "everything", is_flag=True, help="Read every object.")
@click.option("--older-than", type=click.FloatRange(min=0), metavar="DAYS", help="Those verified longer ago than that.")
@click.option("--project", type=click.UUID, metavar="ID", help="Those of one project's files, of all revisions.")
@click.option("--damaged", is_flag=True, help="Those known to be damaged: one that was mended counts again.")
@_rate_option
def fixity(
    everything: bool, older_than: float | None, project: UUID | None, damaged: bool, bytes_per_second: int | None
) -> None:
    """Read stored objects again and compare them with their digests.

    Without a choice: those that the rolling round would have to have read by now (setting fixity_days). The exit
    status is 1 when an object is damaged or could not be read.
    """
    start_existing()
    if everything and (older_than is not None or project is not None or damaged):
        raise click.UsageError("--all reads everything: leave out the other choices.")
    tally = _run_fixity(
        everything=everything, older_than=older_than, project=project, damaged=damaged, rate=bytes_per_second
    )
    read = "1 object" if tally.objects == 1 else f"{tally.objects:,} objects"
    click.echo(f"{read} read ({_size(tally.bytes)}): {_found(tally)}.")
    if tally.damaged:
        click.echo("See docs/how-to/look-after-the-store.md for what to do about damaged objects.")
    if tally.damaged or tally.unreadable:
        raise SystemExit(1)


def _run_fixity(
    *, everything: bool, older_than: float | None, project: UUID | None, damaged: bool, rate: int | None
) -> "Tally":
    from moorage.backends import backends  # noqa: PLC0415 - after the settings are known
    from moorage.errors import MoorageError  # noqa: PLC0415
    from moorage.files.fixity import FixityChecks  # noqa: PLC0415
    from moorage.files.fixity_rounds import asked_for, each, run  # noqa: PLC0415
    from moorage.jobs.damage import tell_of_damage  # noqa: PLC0415
    from moorage.projects.models import Project  # noqa: PLC0415
    from moorage.storage.fixity import Throttle  # noqa: PLC0415

    outside = backends()
    if project is not None and not Project.objects.filter(pk=project).exists():
        raise click.ClickException(f"There is no project {project}. Its id is in the address of its pages.")
    days = older_than
    if days is None and not (everything or project or damaged):
        days = outside.policies.fixity_within.total_seconds() / 86400
    before = None if days is None else outside.clock() - timedelta(days=days)
    objects = asked_for(older_than=before, project_id=project, only_damaged=damaged)
    limit = outside.policies.fixity_bytes_per_second if rate is None else rate
    checks = FixityChecks(outside.store, outside.clock, Throttle(limit))
    try:
        return run(checks, each(objects), told=_progress_of(objects.count()))
    except MoorageError as error:
        raise click.ClickException(str(error)) from error
    finally:
        tell_of_damage(at=outside.clock())


def _progress_of(total: int) -> "Callable[[Check, Tally], None]":
    """Says on stderr each damaged object, and now and then how far the round has come."""
    is_time = _now_and_then()

    def told(check: "Check", tally: "Tally") -> None:
        if check.checked == "damaged":
            click.echo(f"DAMAGED {check.stored.digest}: {check.finding}", err=True)
        if check.checked == "whole again":
            click.echo(f"healed  {check.stored.digest}", err=True)
        if is_time():
            click.echo(f"{tally.objects:,} of {total:,} objects, {_size(tally.bytes)}, {_found(tally)}", err=True)

    return told


def _now_and_then() -> Callable[[], bool]:
    """Says when it is time for another line of progress on stderr."""
    pause = SAY_SECONDS if sys.stderr.isatty() else SAY_SECONDS_IN_A_FILE
    last = time.monotonic()

    def is_time() -> bool:
        nonlocal last
        now = time.monotonic()
        if now - last < pause:
            return False
        last = now
        return True

    return is_time


@click.command("check-store", short_help="Compare the object store with the database.")
@data_option
@click.option("--mend", is_flag=True, help="Mend what can be mended; nothing is deleted.")
@_rate_option
def check_store(mend: bool, bytes_per_second: int | None) -> None:
    """Look for files without a row, rows without a file, wrong sizes and modes, and things that are no objects.

    With --mend a whole file without a row gets one, a file that lies in the trash comes back, and what turns out to
    be damaged is marked so. The exit status is 1 when something is left to do.
    """
    start_existing()
    from moorage.backends import backends  # noqa: PLC0415 - after the settings are known
    from moorage.errors import MoorageError  # noqa: PLC0415
    from moorage.files.fixity import FixityChecks  # noqa: PLC0415
    from moorage.files.orphans import Orphans  # noqa: PLC0415
    from moorage.files.store_check import StoreCheck  # noqa: PLC0415
    from moorage.jobs.damage import tell_of_damage  # noqa: PLC0415
    from moorage.storage.fixity import Throttle  # noqa: PLC0415

    outside = backends()
    limit = outside.policies.fixity_bytes_per_second if bytes_per_second is None else bytes_per_second
    throttle = Throttle(limit)
    orphans = Orphans(outside.store, outside.clock, throttle) if mend else None
    try:
        report = StoreCheck(FixityChecks(outside.store, outside.clock, throttle), orphans).run(told=_walked())
    except MoorageError as error:
        raise click.ClickException(str(error)) from error
    finally:
        tell_of_damage(at=outside.clock())
    _say_report(report, mend=mend)
    if not report.is_sound:
        raise SystemExit(1)


def _walked() -> "Callable[[StoreReport], None]":
    is_time = _now_and_then()

    def told(report: "StoreReport") -> None:
        if is_time():
            click.echo(f"{report.files:,} files and {report.rows:,} rows looked at", err=True)

    return told


def _say_report(report: "StoreReport", *, mend: bool) -> None:
    click.echo(f"{report.files:,} files ({_size(report.bytes)}) and {report.rows:,} rows looked at.")
    for trouble, found in report.troubles.items():
        if found.count:
            click.echo(_line(str(trouble), found, mend=mend))
    if report.leaving or report.in_work:
        click.echo(f"Not counted: {report.leaving:,} on their way to the trash, {report.in_work:,} being placed.")
    if report.is_sound:
        click.echo("They agree.")
    elif not mend:
        click.echo("Run it again with --mend to mend what can be mended.")


def _line(trouble: str, found: "Found", *, mend: bool) -> str:
    mended = f", of them mended: {found.mended:,}" if mend else ""
    more = ", …" if found.count > len(found.named) else ""
    return f"{trouble}: {found.count:,}{mended} ({', '.join(found.named)}{more})"


def _found(tally: "Tally") -> str:
    parts = [f"{tally.damaged:,} damaged"]
    parts += [f"{tally.healed:,} whole again"] if tally.healed else []
    parts += [f"{tally.unreadable:,} could not be opened"] if tally.unreadable else []
    return ", ".join(parts)


def _size(value: int) -> str:
    from moorage.web.templatetags.words import size  # noqa: PLC0415 - the pages' own words for sizes

    return size(value)
