"""The command `globus-local`: run the service; add identities and clients beside the configured ones."""

from __future__ import annotations

import secrets
import uuid
from pathlib import Path

import click
from werkzeug.security import generate_password_hash

from globus_local.app import build_world
from globus_local.auth.identities import MIN_PASSWORD_LENGTH, UsernameTakenError
from globus_local.config import ClientConfig, Config, load_config
from globus_local.errors import GlobusLocalError
from globus_local.serve import serve

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The TOML file of this local Globus.",
)


@click.group()
def main() -> None:
    """A local Globus: Auth, Transfer, HTTPS data access and a web app in one process."""


@main.command("serve", short_help="Run the service.")
@config_option
@click.option(
    "--with-parent",
    type=int,
    metavar="PID",
    help="End as soon as the process PID, which started this one, ends.  [default: the parent, if there is one]",
)
def serve_command(config_path: Path, with_parent: int | None) -> None:
    """Run the service until Ctrl-C."""
    config = _read(config_path)
    try:
        serve(config, parent=with_parent)
    except GlobusLocalError as error:
        raise click.ClickException(str(error)) from error


@main.group("identity")
def identity_group() -> None:
    """People who can sign in."""


@identity_group.command("add", short_help="Make an identity.")
@config_option
@click.argument("username")
@click.option("--name", default="", help="The person's name.")
@click.option("--organization", default="")
@click.password_option(help="Asked for when not given.")
def identity_add(config_path: Path, username: str, name: str, organization: str, password: str) -> None:
    """Make the identity USERNAME (as a rule an e-mail address) and print its id."""
    if len(password) < MIN_PASSWORD_LENGTH:
        raise click.ClickException(f"A password has at least {MIN_PASSWORD_LENGTH} characters.")
    world = build_world(_read(config_path))
    try:
        identity = world.identities.create(
            username=username, name=name, email=username, organization=organization, password=password
        )
    except UsernameTakenError as error:
        raise click.ClickException(str(error)) from error
    click.echo(identity.id)


@identity_group.command("list", short_help="Show all identities.")
@config_option
def identity_list(config_path: Path) -> None:
    """Show id, status and username of every identity, clients included."""
    for identity in build_world(_read(config_path)).identities.all():
        click.echo(f"{identity.id}  {identity.status:6}  {identity.username}")


@identity_group.command("hash", short_help="Hash a password for the configuration.")
@click.password_option(help="Asked for when not given.")
def identity_hash(password: str) -> None:
    """Print what to write as `password_hash` of an identity, so that the file holds no password."""
    click.echo(generate_password_hash(password))


@main.group("client")
def client_group() -> None:
    """Programs that may ask people for access."""


@client_group.command("add", short_help="Make an OAuth client.")
@config_option
@click.argument("name")
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="May be given several times.")
@click.option("--public", is_flag=True, help="Without a secret: PKCE only.")
@click.option("--linked-to", help="An identity id: the client's identity joins that identity's set.")
def client_add(
    config_path: Path, name: str, redirect_uris: tuple[str, ...], public: bool, linked_to: str | None
) -> None:
    """Make a client called NAME and print its id and, unless it is public, its secret."""
    world = build_world(_read(config_path))
    secret = None if public else secrets.token_urlsafe(32)
    client = ClientConfig(id=str(uuid.uuid4()), name=name, secret=secret, redirect_uris=redirect_uris)
    world.clients.apply(client)
    world.identities.ensure_client_identity(client.id, name)
    if linked_to:
        world.identities.link(client.id, to=linked_to)
    click.echo(f"id: {client.id}")
    if secret:
        click.echo(f"secret: {secret}")


def _read(path: Path) -> Config:
    try:
        return load_config(path)
    except GlobusLocalError as error:
        raise click.ClickException(str(error)) from error
