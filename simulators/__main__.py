"""``tuangui sim``: simulated hardware on ptys or TCP."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from config.cabinet import load
from config.problems import BadFile
from simulators.serve import serve

app = typer.Typer(no_args_is_help=True, help="The outside world: boards, people, faults.")
sim = typer.Typer(no_args_is_help=True, help="Simulated hardware, reached through ptys or TCP.")
app.add_typer(sim, name="sim")


@app.callback()
def _root() -> None:
    """The outside world: boards, people, faults."""


@sim.command("cabinet")
def cabinet(
    file: Annotated[Path, typer.Argument(help="cabinet file")],
    links: Annotated[Path | None, typer.Option(help="folder for the stable port names")] = None,
    tcp: Annotated[bool, typer.Option(help="TCP ports instead of ptys")] = False,
    turn_round_ms: Annotated[float, typer.Option(min=0, help="how long a board thinks")] = 2.0,
    with_parent: Annotated[bool, typer.Option(help="end when the starting process does")] = False,
) -> None:
    """Serve all hardware of one cabinet file and print its addresses as one JSON line.

    Example: tuangui sim cabinet config/cabinets/locker-8a80.toml --links /tmp/a01
    """
    try:
        described = load(file)
    except BadFile as problems:
        print(problems, file=sys.stderr)
        raise typer.Exit(2) from problems
    folder = links or Path(tempfile.mkdtemp(prefix="tuangui-sim-"))
    serve(described, folder, tcp=tcp, turn_round_seconds=turn_round_ms / 1000, with_parent=with_parent)


if __name__ == "__main__":
    app()
