"""`harry token`: who may come in at the door. A new token is printed, and nothing else; it can be read nowhere again.

Each command imports what it needs when it runs, so that help and mistakes answer at once.
"""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: see above

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from harry.cli.groups import Group
from harry.cli.options import AsJson, Call, Sets

if TYPE_CHECKING:
    from harry.config.loading import Config

app = typer.Typer(cls=Group, help="Create and revoke access tokens.", invoke_without_command=True)

Whose = Annotated[str | None, typer.Option("--user", metavar="USER", help="Whose token it is; left out, yours.")]


@app.callback()
def token(
    ctx: typer.Context,
    user: Whose = None,
    scope: Annotated[
        str | None,
        typer.Option(
            metavar="announce", help="All that it is good for: having Harry say something. Left out, everything."
        ),
    ] = None,
    sets: Sets = None,
) -> None:
    """Create and revoke access tokens.

    Without a command, a new token is printed, and nothing else. Harry keeps only its hash: it cannot be read again.
    """
    if ctx.invoked_subcommand is not None:
        return
    from harry.host.access_tokens import SCOPES, Tokens

    if scope is not None and scope not in SCOPES:
        raise typer.BadParameter(f"is one of {', '.join(SCOPES)}", param_hint="--scope")
    call: Call = ctx.obj
    config = call.configuration(sets)
    print(Tokens(config.data_folder).new(user_named(user) or config.user.name, scope=scope or ""))


@app.command("list", short_help="List the tokens that are valid, by their ids.")
def list_(ctx: typer.Context, as_json: AsJson = False, sets: Sets = None) -> None:
    """List the valid tokens by their ids; the tokens themselves are not kept."""
    from datetime import datetime

    from harry.host.access_tokens import Tokens

    call: Call = ctx.obj
    tokens = Tokens(call.configuration(sets).data_folder).all()
    if not tokens and not as_json:
        print("No tokens yet. `harry token` makes one; `harry token page` prints an address for a browser.")
    for known in tokens:
        made = datetime.fromtimestamp(known.made).astimezone().isoformat(timespec="seconds")
        if as_json:
            told = {"id": known.id, "user": known.user, "kind": known.kind, "made": made, "until": known.until}
            print(json.dumps({**told, "scope": known.scope}))
        else:
            print(f"{known.id}  {made}  {known.kind:<5}  {known.user}{f', {known.scope} alone' if known.scope else ''}")


@app.command(short_help="Revoke a token by its id, or all tokens of a user.")
def revoke(
    ctx: typer.Context,
    identity: Annotated[str | None, typer.Argument(metavar="[ID]", help="As `harry token list` shows it.")] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="USER", help="All tokens of this user.")] = None,
    sets: Sets = None,
) -> None:
    """Revoke a token: whoever uses it is disconnected within a second."""
    from harry.errors import ConfigurationError
    from harry.host.access_tokens import Tokens

    if (identity is None) == (user is None):
        raise typer.BadParameter("say which: an id, or --user", param_hint="ID")
    call: Call = ctx.obj
    tokens = Tokens(call.configuration(sets).data_folder)
    if identity is not None and not tokens.revoke(identity):
        raise ConfigurationError(f"There is no token {identity!r}.", remedy="`harry token list` shows them.")
    if user is not None:
        print(f"{tokens.forget(user)} revoked")


@app.command(short_help="Print an address that opens the page in a browser, once.")
def page(ctx: typer.Context, user: Whose = None, sets: Sets = None) -> None:
    """Print an address that opens the page in a browser, once and within ten minutes."""
    call: Call = ctx.obj
    print_page_address(call.configuration(sets), user)


def print_page_address(config: Config, user: str | None) -> None:
    """Make a code and print the address that it stands in."""
    from harry.daemon.web_server import address_of
    from harry.host.access_tokens import CODE_LIVES, Tokens

    code = Tokens(config.data_folder).new(user_named(user) or config.user.name, kind="code", lives=CODE_LIVES)
    print(f"{address_of(config, config.web.port)}/enter?code={code}")


def user_named(user: str | None) -> str | None:
    """Return the user that `--user` names, if it does. Raises `typer.BadParameter`."""
    if user is not None and (not 1 <= len(user) <= 64 or not user.isprintable()):
        raise typer.BadParameter("takes a name of 1 to 64 characters, in one line", param_hint="--user")
    return user
