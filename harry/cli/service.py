"""`harry service`: runs Harry as a systemd user service, so that he is there after a boot and comes back after a crash.

`unit` prints the unit file; `install` writes it, starts it and says what is still in the way.
"""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: help and mistakes answer at once

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import typer

from harry.cli.groups import group
from harry.cli.options import Call, Sets

app = typer.Typer(
    cls=group("status"), help="Run Harry as your systemd service: started at login, and again after a crash."
)

NAME = "harry.service"

UNIT = """\
[Unit]
Description=Harry, a voice companion
After=pipewire.service pipewire-pulse.service pulseaudio.service
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
ExecStart={command} run
# Waits for what becomes of it: `systemctl reload` fails, with the reason in the journal, where a setting is wrong.
ExecReload={command} reload
Restart=on-failure
RestartSec=2
TimeoutStartSec=60
TimeoutStopSec=10
WatchdogSec=60
# What is said is nobody's business but yours: only the log reaches the journal.
StandardOutput=null
StandardError=journal
StandardInput=null
{environment}UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK

[Install]
WantedBy=default.target
"""


def unit_text(config_file: Path | None, environ: dict[str, str] | None = None) -> str:
    """Return the unit file for the Harry of this Python; his folder and his file stay the ones named now."""
    known = dict(os.environ) if environ is None else environ
    command = [sys.executable, "-m", "harry.cli.app"]
    if config_file is not None:
        command += ["--config", str(config_file.absolute())]
    home = known.get("HARRY_HOME")
    setting = f"HARRY_HOME={Path(home).expanduser().absolute()}" if home else ""
    environment = f"Environment={_quoted(setting, variables=False)}\n" if setting else ""
    return UNIT.format(command=" ".join(map(_quoted, command)), environment=environment)


def unit_path() -> Path:
    """Name the place where systemd looks for a person's own units."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(base) / "systemd" / "user" / NAME


@app.command()
def unit(ctx: typer.Context) -> None:
    """Print the unit file."""
    call: Call = ctx.obj
    config = call.configuration(None)
    _refuse_variables()
    print(unit_text(config.file), end="")


@app.command()
def install(ctx: typer.Context, sets: Sets = None) -> None:
    """Write the unit file, and start Harry now and at every login."""
    call: Call = ctx.obj
    config = call.configuration(sets)  # a mistake in it is told now, not in the journal
    _refuse_sets(sets)
    _refuse_variables()
    _systemctl("show-environment")  # where there is no systemd, nothing is written
    from harry.files.atomic import write_file

    path = unit_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, unit_text(config.file).encode())
    print(f"{path} is written.")
    _systemctl("daemon-reload")
    _systemctl("enable", NAME)
    _systemctl("restart", NAME)
    print("Harry runs, and starts again at every login. `harry service status` says how he is.")
    if not _lingers():
        print("So that he also runs before you log in: loginctl enable-linger")


@app.command()
def uninstall() -> None:
    """Stop Harry and remove the unit file; what he keeps stays."""
    path = unit_path()
    if not path.exists():
        print("There is no service.")
        return
    systemd = shutil.which("systemctl") is not None
    if systemd:
        _systemctl("disable", "--now", NAME)
    path.unlink()
    if systemd:
        _systemctl("daemon-reload")
    print(f"{path} is removed. What Harry keeps stays.")


@app.command()
def start() -> None:
    """Start the service."""
    _systemctl("start", NAME)
    print("Harry runs.")


@app.command()
def stop() -> None:
    """Stop the service, until the next login."""
    _systemctl("stop", NAME)
    print("Harry ended.")


@app.command()
def status() -> None:
    """Show how systemd sees the service. Exits as systemctl does: 0 if it runs."""
    raise typer.Exit(_systemctl("status", "--no-pager", "--lines=5", NAME, shown=True))


@app.command()
def logs() -> None:
    """Show the service's log."""
    raise typer.Exit(_run(["journalctl", "--user", "--no-pager", "--lines=100", "--unit", NAME], shown=True).returncode)


def _systemctl(*arguments: str, shown: bool = False) -> int:
    """Run `systemctl --user`; returns its exit code. Raises `HarryError` unless its output is `shown` as it is."""
    from harry.errors import HarryError

    done = _run(["systemctl", "--user", *arguments], shown=shown)
    if done.returncode and not shown:
        said = (done.stderr or "").strip().splitlines()
        remedy = "harry service logs" if "Job for" in (done.stderr or "") else "Is there a systemd user session?"
        raise HarryError(f"systemd did not do it: {said[0] if said else 'it gave no reason'}", remedy=remedy)
    return done.returncode


def _run(command: list[str], *, shown: bool) -> subprocess.CompletedProcess[str]:
    from harry.errors import HarryError

    try:
        return subprocess.run(command, capture_output=not shown, text=True, check=False, timeout=90)  # noqa: S603  our own words
    except FileNotFoundError as error:
        raise HarryError(
            f"There is no {command[0]} here.", remedy="Without systemd, start `harry run` in the way of your system."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise HarryError("systemd did not answer within 90 seconds.", remedy="harry service status") from error


def _lingers() -> bool:
    return (
        shutil.which("loginctl") is None
        or "yes"
        in _run(["loginctl", "show-user", str(os.getuid()), "--property=Linger", "--value"], shown=False).stdout
    )


def _refuse_sets(sets: list[str] | None) -> None:
    from harry.errors import ConfigurationError

    if sets:
        raise ConfigurationError(
            "The service reads the configuration file, and no --set.", remedy="Write the keys into the file first."
        )


def _refuse_variables() -> None:
    from harry.config.sources import is_key
    from harry.errors import ConfigurationError

    lost = sorted(name for name, value in os.environ.items() if is_key(name, value))
    if lost:
        raise ConfigurationError(
            f"The service would not know what {', '.join(lost)} sets.",
            remedy="Write the keys into the configuration file, and unset the variables.",
        )


def _quoted(word: str, *, variables: bool = True) -> str:
    """Quote a word for a unit file (systemd.syntax(7)): `%` means something there, and `$` in a command."""
    escaped = word.replace("\\", "\\\\").replace("%", "%%").replace('"', '\\"')
    escaped = escaped.replace("$", "$$") if variables else escaped
    return escaped if shlex.quote(word) == word else f'"{escaped}"'
