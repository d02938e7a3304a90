"""The cloud's command line: ``tuangui cloud …``."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from cloud import app as cloud_app
from cloud.auth import Scope, create_api_key
from cloud.broker import BrokerProblem
from cloud.downlink import BadBrokerUrl
from cloud.enrolment import enrol as enrol_cabinet
from cloud.hand_in import NotTaken, hand_in
from cloud.log import set_up_logging
from cloud.moment import now_ms
from cloud.problems import Refused
from cloud.store import Store, access
from cloud.vault import VaultProblem
from config.cabinet import load
from config.parent import end_with_parent
from config.problems import BadFile
from config.settings import CloudSettings, load_settings

CANNOT = (BadFile, Refused, BrokerProblem, BadBrokerUrl, VaultProblem, cloud_app.StartProblem)
HOUR_MS = 3600 * 1000

app = typer.Typer(
    help="The service: API, pages, console, ingest, and the broker as its child.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
key = typer.Typer(help="API keys: who may ask for what.", no_args_is_help=True)
app.add_typer(key, name="key")

SettingsFile = Annotated[Path | None, typer.Option("--settings", help="TOML file with settings")]
Folder = Annotated[Path | None, typer.Option(help="data folder; default data/cloud")]


@app.callback(invoke_without_command=True)
def default(context: typer.Context) -> None:
    """Without a command: serve with the default settings.

    Example: tuangui cloud
    """
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve(
    settings: SettingsFile = None,
    folder: Folder = None,
    host: Annotated[str | None, typer.Option(help="address of API and pages")] = None,
    port: Annotated[int | None, typer.Option(help="port of API and pages; 0 takes a free one")] = None,
    broker: Annotated[str | None, typer.Option(help="nats, mosquitto or external")] = None,
    broker_port: Annotated[int | None, typer.Option(help="MQTT port; 0 takes a free one")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON line when ready")] = False,
    with_parent: Annotated[bool, typer.Option(help="end when the parent process ends")] = False,
) -> None:
    """Run the service until Ctrl-C or SIGTERM.

    Example: tuangui cloud serve --port 8080 --broker nats
    """
    if with_parent:
        end_with_parent()
    given = {"folder": folder, "host": host, "port": port, "broker": broker, "broker_port": broker_port}
    chosen = _settings(settings, **given)
    set_up_logging(chosen.log_level)

    def announce(addresses: dict[str, Any]) -> None:
        print(cloud_app.as_line(addresses, as_json=as_json), flush=True)

    _run(lambda: cloud_app.serve(chosen, announce))


@app.command()
def enrol(
    cabinet: Annotated[Path, typer.Argument(help="cabinet file")],
    settings: SettingsFile = None,
    folder: Folder = None,
    valid_hours: Annotated[
        int, typer.Option(min=1, max=24 * 14, help="the token is good for this long")
    ] = 24,
) -> None:
    """Add a cabinet and print a one-time token for the first start of its edge.

    Works beside a running service. A new token makes an earlier identity void once it is exchanged.

    Example: tuangui cloud enrol config/cabinets/locker-8a80.toml
    """

    async def work(store: Store) -> None:
        print(await enrol_cabinet(store, load(cabinet), valid_hours * HOUR_MS))

    _on_folder(_settings(settings, folder=folder), work)


@app.command("open-all")
def open_all(
    order: Annotated[Path, typer.Argument(help="order file, signed by two officers")],
    api_key: Annotated[
        str, typer.Option(envvar="TUANGUI_API_KEY", prompt=True, hide_input=True, help="of scope operator")
    ],
    url: Annotated[str, typer.Option(help="address of the service")] = "http://127.0.0.1:8080",
) -> None:
    """Open every door of a cabinet, as two officers have ordered; see tuangui officer.

    Example: TUANGUI_API_KEY=tg_… tuangui cloud open-all order.json
    """
    try:
        print(hand_in(order, url, api_key))
    except (BadFile, NotTaken) as error:
        _fail(error)


@key.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="whose key it is")],
    scope: Annotated[list[Scope], typer.Option(help="what it may do; may be given several times")],
    settings: SettingsFile = None,
    folder: Folder = None,
) -> None:
    """Print a new API key, once.

    Example: tuangui cloud key create shop --scope orders --scope read
    """

    async def work(store: Store) -> None:
        print(await create_api_key(store, name, scope))

    _on_folder(_settings(settings, folder=folder), work)


@key.command("list")
def list_keys(settings: SettingsFile = None, folder: Folder = None) -> None:
    """List API keys: name, scopes, whether they are in force.

    Example: tuangui cloud key list
    """

    async def work(store: Store) -> None:
        async with store.reading() as db:
            for row in await access.all_api_keys(db):
                print(row["name"], row["scopes"], "revoked" if row["revoked_ms"] else "in force", sep="\t")

    _on_folder(_settings(settings, folder=folder), work)


@key.command("revoke")
def revoke_key(
    name: Annotated[str, typer.Argument(help="the key's name")],
    settings: SettingsFile = None,
    folder: Folder = None,
) -> None:
    """Make an API key void, within five seconds.

    Example: tuangui cloud key revoke shop
    """

    async def work(store: Store) -> None:
        async with store.writing() as db:
            if not await access.revoke_api_key(db, name, now_ms()):
                raise Refused(404, "unknown_key", f"no key named {name!r} is in force")

    _on_folder(_settings(settings, folder=folder), work)


def _settings(file: Path | None, **given: Any) -> CloudSettings:
    try:
        return load_settings(CloudSettings, file, **given)
    except BadFile as error:
        _fail(error)


def _on_folder(settings: CloudSettings, work: Callable[[Store], Awaitable[None]]) -> None:
    """Do something with the data folder; a service that runs on it goes on undisturbed."""
    set_up_logging("warning")

    async def whole() -> None:
        store, _ = await cloud_app.open_folder(settings, checkpoints=False)
        try:
            await work(store)
        finally:
            await store.close()

    _run(whole)


def _run(work: Callable[[], Any]) -> None:
    try:
        asyncio.run(work())
    except CANNOT as error:
        _fail(error)


def _fail(error: Exception) -> NoReturn:
    print(f"tuangui cloud: {error.sentence if isinstance(error, Refused) else error}", file=sys.stderr)
    raise typer.Exit(2) from error


if __name__ == "__main__":
    app(prog_name="tuangui cloud")
