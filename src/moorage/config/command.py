"""The command `moorage-server`: the whole of Moorage on one machine, or its parts for several."""

import json
import os
import sys
from pathlib import Path

import click

from moorage.config.data_option import data_option, read_options, tie_to
from moorage.config.installation import start_existing, start_found, start_part
from moorage.config.options import Options, data_folder
from moorage.config.processes import PortBusyError
from moorage.config.store_commands import check_store, fixity
from moorage.config.up import Addresses, AlreadyRunningError, StartFailedError, run_up

PAGE_TIMEOUT_SECONDS = "5"  # what a page waits for Globus (design §6)

_parent_option = click.option(
    "--with-parent", type=int, metavar="PID", help="End as soon as the process PID, which started this one, ends."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Moorage: very large research data sets into shared projects, over Globus."""
    if not sys.platform.startswith("linux"):
        raise click.ClickException("The Moorage server runs on Linux only; use a Linux machine or container.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moorage.config.settings")


@main.command(short_help="Run everything on this machine.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Folder of all data.")
@click.option("--demo", is_flag=True, help="Add two members, a project and sample data to try it with.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8550, show_default=True, help="Port of the site.")
@click.option("--globus-port", default=8551, show_default=True, help="Port of the local Globus.")
@click.option("--public-url", default="", help="Address of the site as others see it.")
@click.option("--globus-public-url", default="", help="Address of the local Globus as others see it.")
@click.option(
    "--globus-setting",
    "globus_settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A further setting of the local Globus, such as bytes_per_second=1000000.",
)
def up(  # noqa: PLR0917 - click calls it by name
    data: Path | None,
    demo: bool,
    bind: str,
    port: int,
    globus_port: int,
    public_url: str,
    globus_public_url: str,
    globus_settings: tuple[str, ...],
) -> None:
    """Run site, worker and local Globus until Ctrl-C, with all data in one folder."""
    addresses = Addresses(bind, port, globus_port, public_url, globus_public_url)
    extra = _settings_from(globus_settings)
    try:
        run_up((data or data_folder()).expanduser().absolute(), addresses, demo=demo, globus_settings=extra, say=_say)
    except (AlreadyRunningError, PortBusyError, StartFailedError) as error:
        raise click.ClickException(str(error)) from error


@main.command(short_help="Run the site.")
@data_option
@_parent_option
@click.option("--workers", default=1, show_default=True, help="Server processes.")
def web(with_parent: int | None, workers: int) -> None:
    """Serve pages and the REST API."""
    os.environ.setdefault("MOORAGE_GLOBUS_TIMEOUT_SECONDS", PAGE_TIMEOUT_SECONDS)
    os.environ.setdefault("MOORAGE_GLOBUS_RETRIES", "0")
    tie_to(with_parent)
    start_part()
    options = read_options()
    from moorage.config.web_server import serve_site  # noqa: PLC0415 - quick help for the other commands

    try:
        serve_site(options.bind, options.port, workers=workers)
    except PortBusyError as error:
        raise click.ClickException(str(error)) from error


@main.command(short_help="Run a worker.")
@data_option
@_parent_option
def worker(with_parent: int | None) -> None:
    """Run imports and sweeps. Start as many as you like, on as many hosts as share the store."""
    tie_to(with_parent)
    start_part()
    read_options()
    from moorage.config.worker import run_until_signal  # noqa: PLC0415

    run_until_signal()


@main.command("globus-local", short_help="Run the local Globus.", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def globus_local(arguments: tuple[str, ...]) -> None:
    """Run `globus-local serve` with these ARGUMENTS (as a rule --config FILE)."""
    os.execv(sys.executable, [sys.executable, "-m", "globus_local", "serve", *arguments])  # noqa: S606


@main.command(short_help="Make the store, and bring the database up to date.")
@data_option
@click.option("--demo", is_flag=True, hidden=True)
def migrate(demo: bool) -> None:
    """Apply migrations, and make the store where it is new; safe to repeat, and while nothing else runs."""
    read_options()
    import django  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    if demo:
        from moorage.config.demo.logins import demo_logins  # noqa: PLC0415
        from moorage.config.demo.records import make_demo_records  # noqa: PLC0415

        make_demo_records(demo_logins(data_folder()))
    click.echo("The database is up to date.")
    _make_store()


def _make_store() -> None:
    from moorage.backends import backends  # noqa: PLC0415
    from moorage.jobs.recognising import make_store  # noqa: PLC0415

    store = backends().store
    try:
        is_there = make_store(store)
    except OSError as error:
        raise click.ClickException(f"The store cannot be made: {error}.") from error
    if not is_there:
        _say(
            f"The store is not there: {store.root} holds nothing of what the database knows. Mount its disk, and all "
            f"goes on by itself. If the store is lost, or this is another one: `mkdir -p {store.mark}`, and migrate."
        )


@main.command(short_help="Prove that this installation can work.")
@data_option
def check() -> None:
    """Look at settings, database, store and Globus; say what is wrong and what to do."""
    start_found()
    from moorage.config.checks import run_checks  # noqa: PLC0415

    if not run_checks(_say):
        raise SystemExit(1)


@main.command(short_help="Let somebody sign up.")
@data_option
@click.argument("email")
def invite(email: str) -> None:
    """Let EMAIL sign up although sign-up is by invitation."""
    start_existing()
    from django.urls import reverse  # noqa: PLC0415

    from moorage.accounts.invitations import invite as invite_address  # noqa: PLC0415
    from moorage.backends import backends  # noqa: PLC0415

    invitation, token = invite_address(email=email, by=None, at=backends().clock())
    address = Options().public_url.rstrip("/") + reverse("invitation", args=[token])
    click.echo(f"{invitation.email} may sign up at {address}")
    click.echo("Send this link to nobody else: it is good for one account. Inviting again makes a new one.")


@main.command("end-account", short_help="End somebody's account.")
@data_option
@click.argument("email")
def end_account_command(email: str) -> None:
    """End the account of EMAIL: sessions, tokens and access to staging areas end; what she brought stays."""
    start_existing()
    from moorage.accounts.ending import end_account  # noqa: PLC0415
    from moorage.accounts.models import Member  # noqa: PLC0415
    from moorage.backends import backends  # noqa: PLC0415

    member = Member.objects.filter(email__iexact=email).first()
    if member is None:
        raise click.ClickException(f"Nobody has an account with the address {email}. Check the address.")
    end_account(member=member, by=None, at=backends().clock())
    click.echo(f"The account of {member.email} has ended.")


main.add_command(fixity)
main.add_command(check_store)


def _settings_from(words: tuple[str, ...]) -> dict[str, object]:
    """NAME=VALUE words; a value that is JSON (a number, true) is taken as that, else as text."""
    settings: dict[str, object] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name.isidentifier():
            raise click.UsageError(f"--globus-setting takes NAME=VALUE, not {word!r}.")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
    return settings


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
