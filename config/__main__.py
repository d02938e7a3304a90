"""``tuangui config``: look at cabinet files, settings and the contract without running anything."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from config.cabinet import Cabinet, load
from config.contract import asyncapi
from config.neighbourhood import load_neighbourhood
from config.problems import BadFile
from config.settings import CloudSettings, EdgeSettings, load_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def config() -> None:
    """Look at cabinet files, settings and the contract.

    Example: tuangui config check config/cabinets/locker-8a80.toml
    """


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="cabinet files, or neighbourhood files")],
) -> None:
    """Check cabinet files without running them; every problem is told, exit 1 if there is one.

    Example: tuangui config check config/cabinets/*.toml
    """
    bad = False
    for file in files:
        try:
            for line in _told(file):
                typer.echo(line)
        except BadFile as error:
            bad = True
            typer.echo(str(error), err=True)
    raise typer.Exit(1 if bad else 0)


def _told(file: Path) -> list[str]:
    if _is_neighbourhood(file):
        return [_sentence(each, cabinet) for each, cabinet in load_neighbourhood(file).cabinets]
    return [_sentence(file, load(file))]


def _is_neighbourhood(file: Path) -> bool:
    try:
        return any(line.startswith("cabinets") for line in file.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return False


def _sentence(file: Path, cabinet: Cabinet) -> str:
    zones = ", ".join(f"{zone.name} ({zone.class_})" for zone in cabinet.zone)
    return f"{file}: {cabinet.id}, {len(cabinet.compartment)} compartments, zones: {zones}"


@app.command()
def show(file: Annotated[Path, typer.Argument(help="cabinet file")]) -> None:
    """Print a cabinet as the planner sees it, as JSON.

    Example: tuangui config show config/cabinets/locker-modbus.toml
    """
    try:
        cabinet = load(file)
    except BadFile as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(
        json.dumps({"id": cabinet.id, "map_version": cabinet.map_version(), **cabinet.map()}, indent=1)
    )


@app.command()
def settings(
    kind: Annotated[str, typer.Argument(help="edge or cloud")],
    file: Annotated[Path | None, typer.Option(help="settings file")] = None,
    changed: Annotated[bool, typer.Option(help="only what differs from the default")] = False,
) -> None:
    """Print the settings in force with their descriptions.

    Example: tuangui config settings edge --changed
    """
    if kind not in ("edge", "cloud"):
        typer.echo(f"there are settings of edge and cloud, not of {kind!r}", err=True)
        raise typer.Exit(2)
    given: EdgeSettings | CloudSettings
    try:
        given = load_settings(EdgeSettings, file) if kind == "edge" else load_settings(CloudSettings, file)
    except BadFile as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    for name, field in type(given).model_fields.items():
        value = getattr(given, name)
        if not changed or value != field.default:
            typer.echo(f"{name} = {json.dumps(value, default=os.fspath)}  # {field.description}")


@app.command()
def contract(
    write: Annotated[bool, typer.Option(help="write config/contract/asyncapi.json anew")] = False,
) -> None:
    """Print what cabinet and cloud have agreed to say, as AsyncAPI 3 with JSON Schema.

    Example: tuangui config contract > asyncapi.json
    """
    text = asyncapi.as_text()
    if write:
        asyncapi.FILE.write_text(text, encoding="utf-8")
    else:
        typer.echo(text, nl=False)


if __name__ == "__main__":
    app(prog_name="tuangui config")
