"""`harry page`: the way to the page for a browser on this computer, or for a phone, as a code that its camera reads."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: help and mistakes answer at once

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from harry.cli.options import Call, Sets
from harry.cli.token import Whose, print_page_address, user_named

app = typer.Typer()
"""A command at the root of the command line."""

WITHIN = 20.0
"""Seconds for which a running Harry is waited for: keys are made where there are none."""


@app.command(short_help="Print an address that opens the page, once; --phone: a code for your phone's camera.")
def page(
    ctx: typer.Context,
    phone: Annotated[bool, typer.Option("--phone", help="For a phone in the same network.")] = False,
    user: Whose = None,
    sets: Sets = None,
) -> None:
    """Print an address that opens the page in a browser, once and within ten minutes.

    With --phone, the Harry who runs opens a second port by HTTPS, and a phone in the same network comes in by a code
    for its camera. The phone's token is its own: `harry token list` shows it, `harry token revoke` takes it back.
    """
    call: Call = ctx.obj
    config = call.configuration(sets)
    if not phone:
        print_page_address(config, user)
        return
    way = _ask(config.data_folder, user_named(user) or config.user.name)
    print("Scan this with the camera of a phone in the same network (good once, for ten minutes):\n")
    _draw(way["page"])
    print(f"{way['page']}\n")
    print("The phone warns until it trusts this computer's certificate. To have it trusted, once:")
    print(f"  1. On the phone, open {way['certificate']}, go on past the warning, and take the file.")
    print("  2. iPhone: Settings, Profile Downloaded, Install; then General, About, Certificate Trust Settings.")
    print('     Android: Settings, search for "CA certificate", Install anyway, and choose the file.')
    print("  3. Compare what the phone shows as SHA-256 with this:")
    print(f"     {way['fingerprint']}")
    print(f"The port is open until Harry ends; to open it at each start: web.phone_port = {way['port']}")


def _ask(folder: Any, user: str) -> dict[str, Any]:
    """Have the Harry who runs open the door. Raises `HarryError`."""
    from harry.daemon.control_socket import ask
    from harry.errors import HarryError

    try:
        answer = next(ask(folder, {"do": "phone", "user": user}, within=WITHIN), None)
    except ConnectionError as error:
        raise HarryError(str(error), remedy="`harry run` starts one.") from error
    except TimeoutError as error:
        raise HarryError("Harry does not answer.", remedy="Try again in a moment.") from error
    if answer is None:
        raise HarryError("Harry did not answer.", remedy="harry status")
    if "error" in answer:
        raise HarryError(answer["error"], remedy=answer.get("remedy", ""))
    way: dict[str, Any] = answer["phone"]
    return way


def _draw(address: str) -> None:
    try:
        import segno
    except ImportError:
        print("(There is no code: pip install 'harry-voice[phone]' adds what draws it. The address does the same.)")
        return
    segno.make_qr(address, error="l").terminal(out=sys.stdout, border=2, compact=True)
