"""``tuangui edge``: run one cabinet."""

import asyncio
import json
import logging
import signal
from pathlib import Path
from typing import Annotated, Any, TextIO, cast

import structlog
import typer

from config.cabinet import Cabinet, load
from config.parent import end_with_parent
from config.problems import BadFile
from config.settings import EdgeSettings, load_settings
from controller.app import build
from controller.bundle import NothingToPack, pack
from controller.identity import Identity, NotEnrolled, exchange, read_identity
from controller.install import (
    STATE,
    UNITS,
    CannotInstall,
    clock_behind_ms,
    set_clock,
    unit_text,
)
from controller.install import install as install_unit
from controller.last_good import Settled, keep, settle
from controller.log_file import CappedLog
from controller.store import StoreFailing
from controller.timing import time_commits
from firmware_bridge.assemble import assemble
from firmware_bridge.errors import WrongUse
from firmware_bridge.line.punctual import punctual_loop

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def edge() -> None:
    """Run the controller of one cabinet.

    Example: tuangui edge run config/cabinets/locker-8a80.toml --token tge_…
    """


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="cabinet file")],
    token: Annotated[str | None, typer.Option(help="one-time token, for the first start")] = None,
    cloud: Annotated[str | None, typer.Option(help="address of the cloud, for the first start")] = None,
    folder: Annotated[Path | None, typer.Option(help="data folder")] = None,
    settings: Annotated[Path | None, typer.Option(help="settings file")] = None,
    port: Annotated[list[str] | None, typer.Option(help="NAME=ADDRESS in place of the file's")] = None,
    kiosk_port: Annotated[int | None, typer.Option(help="port of the kiosk page")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON line when ready")] = False,
    with_parent: Annotated[bool, typer.Option(help="end when the parent process ends")] = False,
) -> None:
    """Run a cabinet until Ctrl-C.

    Example: tuangui edge run config/cabinets/locker-8a80.toml --port rs485=/dev/ttyUSB0
    """
    if with_parent:
        end_with_parent()
    try:
        given = load_settings(EdgeSettings, settings, folder=folder, cloud_url=cloud, kiosk_port=kiosk_port)
        _log_to(CappedLog(given.folder, int(given.log_mib * 2**20)), given.log_level)
        settled = settle(file, given.folder)
        identity = _identity(settled.cabinet, given, token)
        with asyncio.Runner(loop_factory=punctual_loop) as runner:
            runner.run(_serve(file, settled, given, identity, _ports(port or []), as_json))
    except (BadFile, NotEnrolled, WrongUse, StoreFailing) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


@app.command("time-commits")
def commits(
    folder: Annotated[Path, typer.Argument(help="on the disk that is to be timed", exists=True)],
    count: Annotated[int, typer.Option(min=1, help="so many commits")] = 300,
) -> None:
    """Time how long one change takes to be durable on a disk; prints the seconds as JSON.

    Example: tuangui edge time-commits /var/lib/tuangui
    """
    try:
        with asyncio.Runner(loop_factory=punctual_loop) as runner:
            print(json.dumps(runner.run(time_commits(folder, count))))
    except (StoreFailing, OSError) as error:
        typer.echo(f"{folder}: {error}", err=True)
        raise typer.Exit(2) from error


@app.command()
def install(
    file: Annotated[Path, typer.Argument(help="cabinet file")],
    folder: Annotated[Path, typer.Option(help="data folder")] = STATE,
    units: Annotated[Path, typer.Option(help="where systemd looks for units")] = UNITS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the unit and change nothing")] = False,
) -> None:
    """Have systemd run this cabinet from every boot on; needs root.

    Example: sudo tuangui edge install config/cabinets/locker-8a80.toml
    """
    try:
        text = unit_text(file, load(file), folder)
        if dry_run:
            print(text, end="")
            return
        unit = install_unit(text, units)
    except (BadFile, CannotInstall, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    print(f"{unit} is there and starts at every boot; start it now with: systemctl start {unit.stem}")


@app.command("set-clock")
def put_clock_forward(
    folder: Annotated[Path, typer.Option(help="data folder")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be set")] = False,
) -> None:
    """Put the computer's clock forward to a time that has certainly passed, if it is behind; needs root.

    Example: sudo tuangui edge set-clock --folder /var/lib/tuangui
    """
    behind_ms = clock_behind_ms(folder)
    if not behind_ms:
        print("the clock is not behind what this cabinet knows")
        return
    try:
        if not dry_run:
            set_clock(behind_ms)
    except CannotInstall as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    print(f"the clock {'would be' if dry_run else 'was'} put forward by {behind_ms / 1000:.0f} s")


@app.command()
def bundle(
    out: Annotated[Path, typer.Argument(help="the .tar.gz to write")],
    folder: Annotated[Path | None, typer.Option(help="data folder")] = None,
    settings: Annotated[Path | None, typer.Option(help="settings file")] = None,
) -> None:
    """Pack logs, states and the last frames of the buses for somebody far away; no secrets are in it.

    Example: tuangui edge bundle /tmp/cabinet.tar.gz --folder /var/lib/tuangui
    """
    try:
        names = pack(load_settings(EdgeSettings, settings, folder=folder).folder, out)
    except (BadFile, NothingToPack, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    print(f"{out}: {', '.join(names)}")


def _identity(cabinet: Cabinet, settings: EdgeSettings, token: str | None) -> Identity:
    identity = read_identity(settings.folder, cabinet.id)
    if identity is not None:
        return identity
    if token is None:
        how = "get a token with `tuangui cloud enrol` and pass it by --token"
        raise NotEnrolled(f"{settings.folder} holds no identity: {how}")
    return exchange(token, settings.cloud_url, cabinet.id, settings.folder)


def _ports(given: list[str]) -> dict[str, str]:
    ports = {}
    for pair in given:
        name, equals, address = pair.partition("=")
        if not (name and equals and address):
            raise WrongUse("--port", f"wants NAME=ADDRESS, not {pair!r}")
        ports[name] = address
    return ports


async def _serve(
    file: Path,
    settled: Settled,
    settings: EdgeSettings,
    identity: Identity,
    ports: dict[str, str],
    as_json: bool,
) -> None:
    cabinet = settled.cabinet
    hardware = assemble(cabinet, ports)
    running = await build(cabinet, settings, identity, hardware, refused=settled.refused)
    if not settled.refused:
        keep(file, cabinet, settings.folder)

    def ready(told: dict[str, Any]) -> None:
        text = json.dumps(told) if as_json else f"cabinet {cabinet.id} is ready; kiosk: {told['kiosk_url']}"
        print(text, flush=True)

    task = asyncio.ensure_future(running.run(ready))
    loop = asyncio.get_running_loop()
    for ending in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(ending, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return


def _log_to(log: CappedLog, level: str) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, log)),
    )


if __name__ == "__main__":
    app(prog_name="tuangui edge")
