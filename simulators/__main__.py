"""``tuangui sim``: simulated hardware on ptys or TCP."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from config.cabinet import Cabinet, load
from config.problems import BadFile
from simulators.serve import serve

app = typer.Typer(no_args_is_help=True, help="The outside world: boards, people, faults.")
sim = typer.Typer(no_args_is_help=True, help="Simulated hardware, reached through ptys or TCP.")
measure = typer.Typer(no_args_is_help=True, help="Measurements: ours beside the limit, in one run.")
app.add_typer(sim, name="sim")
app.add_typer(measure, name="measure")

Links = Annotated[Path | None, typer.Option(help="folder for the stable port names")]
Tcp = Annotated[bool, typer.Option(help="TCP ports instead of ptys")]
TurnRound = Annotated[float, typer.Option(min=0, help="how long a board thinks before it answers")]
WithParent = Annotated[bool, typer.Option(help="end when the starting process does")]


class Measured(StrEnum):
    """Families of boards that measurements know."""

    LOCK_8A80 = "lock_8a80"
    LOCK_MODBUS = "lock_modbus"


class Broker(StrEnum):
    """Brokers that come up beside the cloud."""

    NATS = "nats"
    MOSQUITTO = "mosquitto"


@app.callback()
def _root() -> None:
    """The outside world: boards, people, faults."""


@app.command("demo")
def demo(
    once: Annotated[bool, typer.Option(help="play one evening, reckon it up, and end")] = False,
    people: Annotated[bool, typer.Option(help="residents and couriers keep coming by themselves")] = False,
    broker: Annotated[Broker, typer.Option(help="which broker runs beside the cloud")] = Broker.NATS,
    folder: Annotated[Path | None, typer.Option(help="keep everything here; else it is removed")] = None,
    seed: Annotated[int, typer.Option(help="for what people do by chance")] = 1,
    json: Annotated[
        str | None, typer.Option(metavar="FILE", help="write addresses, or the evening, as data")
    ] = None,
) -> None:
    """Run a whole neighbourhood on this machine: cloud, broker, two cabinets and their hardware.

    Runs until Ctrl-C and then leaves nothing behind. --json - writes to the standard output.

    Example: ./tuangui demo
    Example: ./tuangui demo --once --json evening.json
    """
    from simulators.demo import command  # the simulated hardware starts quicker without all this

    wanted = command.Wanted(broker=broker.value, folder=folder, people=people, seed=seed, json=json)
    raise typer.Exit(command.once(wanted) if once else command.stay(wanted))


@measure.command("pickup")
def measure_pickup(
    family: Annotated[list[Measured] | None, typer.Option(help="boards; default: both families")] = None,
    baud: Annotated[list[int] | None, typer.Option(help="default: 9600, 19200 and 115200")] = None,
    polled: Annotated[list[int] | None, typer.Option(help="boards; default: 0 (idle), 1, 4, 8")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="24 pickups, six blocks, a round")] = 2,
    seed: Annotated[int, typer.Option(help="for the moments of the scans")] = 1,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="also write the rows as data")] = None,
) -> None:
    """From the last byte of a QR to the reply of the lock: rows P1 and P2. Exit code 1 where one is missed.

    Example: ./tuangui measure pickup --baud 9600 --polled 0 --polled 8
    """
    from simulators.measure import command

    families = [command.family(each.value) for each in family or Measured]
    raise typer.Exit(command.pickup(families, baud or (), polled or (), rounds, seed, json))


@measure.command("bus")
def measure_bus(
    family: Annotated[list[Measured] | None, typer.Option(help="boards; default: both families")] = None,
    baud: Annotated[list[int] | None, typer.Option(help="default: 9600, 19200 and 115200")] = None,
    blocks: Annotated[int, typer.Option(min=1, help="how often everything is measured")] = 5,
    pickups: Annotated[int, typer.Option(min=0, help="rounds of rows P1 and P2; 0 leaves them out")] = 2,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="also write the figures as data")] = None,
) -> None:
    """What the bus costs: rows P1 to P3 beside the wire itself, one exchange beside bare loops, a dead board.

    Exit code 1 where a goal is missed.

    Example: ./tuangui measure bus --baud 9600 --blocks 3
    """
    from simulators.measure import command

    families = [command.family(each.value) for each in family or Measured]
    raise typer.Exit(command.bus(families, baud or (), blocks, pickups, json))


@measure.command("commit")
def measure_commit(
    blocks: Annotated[int, typer.Option(min=1, help="of 700 commits each, edge and bare in turn")] = 5,
    folder: Annotated[Path | None, typer.Option(help="on the disk to measure", exists=True)] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="also write the figures as data")] = None,
) -> None:
    """State and event committed by the edge, beside bare sqlite3: row P4. Exit code 1 where it is missed.

    Example: ./tuangui measure commit --folder data
    """
    from simulators.measure import command

    raise typer.Exit(command.commit(blocks, folder, json))


@sim.command("cabinet")
def cabinet(
    file: Annotated[Path, typer.Argument(help="cabinet file")],
    links: Links = None,
    tcp: Tcp = False,
    turn_round_ms: TurnRound = 2.0,
    with_parent: WithParent = False,
) -> None:
    """Serve all hardware of one cabinet file and print its addresses as one JSON line.

    Example: ./tuangui sim cabinet config/cabinets/locker-8a80.toml --links data/a01
    """
    described = _checked(lambda: load(file))
    with _folder(links) as folder:
        serve(described, folder, tcp=tcp, turn_round_seconds=turn_round_ms / 1000, with_parent=with_parent)


@sim.command("board")
def board(
    kind: Annotated[str, typer.Argument(help="family of the board, as cabinet files name it")],
    address: Annotated[int | None, typer.Option(min=0, max=255, help="on the bus; default: 1")] = None,
    channels: Annotated[int | None, typer.Option(min=1, help="locks; default: 24 or what it can")] = None,
    profile: Annotated[str, typer.Option(help="dialect of the family")] = "",
    option: Annotated[list[str] | None, typer.Option(help="KEY=VALUE, as a cabinet file says it")] = None,
    baud: Annotated[int, typer.Option(help="speed of its wire")] = 9600,
    links: Links = None,
    tcp: Tcp = False,
    turn_round_ms: TurnRound = 2.0,
    with_parent: WithParent = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the JSON line alone")] = False,
) -> None:
    """Serve one board with a lock, a door and a switch on each channel, or one sensor, and print its address.

    Sensors are climate_xymd02, climate_registers and scale_registers; the last two take --option map=NAME, or
    a whole map, --option register_map={…}. Prints one JSON line with its address under "ports" and the
    control port under "control", and what they are good for on standard error.

    Example: ./tuangui sim board lock_8a80 --channels 16 --option byte_order=first
    Example: ./tuangui sim board scale_registers --option map=generic-scale
    """
    from simulators import single

    wanted = single.Wanted(kind, address, channels, profile, tuple(option or ()), baud)
    described = _checked(lambda: single.described(wanted))
    if not as_json:
        print(single.sentence(described), file=sys.stderr, flush=True)
    with _folder(links) as folder:
        serve(described, folder, tcp=tcp, turn_round_seconds=turn_round_ms / 1000, with_parent=with_parent)


@sim.command("run")
def run(
    scenario: Annotated[Path, typer.Argument(help="scenario file, or the name of one of ours")],
    seed: Annotated[int, typer.Option(help="the same seed gives the same days, byte for byte")] = 1,
    days: Annotated[float, typer.Option(min=0.01, max=400, help="how long, on a clock that jumps")] = 1,
    cabinets: Annotated[
        int | None, typer.Option(min=1, max=99, help="so many on one cloud; else as the scenario says")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the sums as data")] = False,
) -> None:
    """Live through days of cabinets, people and faults in minutes, and check what must always hold.

    The real controller, store and drivers run on a virtual clock. Exit code 1: a rule did not hold; seed,
    moment and the last lines of the trace are then printed.

    Example: ./tuangui sim run evening.toml --seed 7 --days 7
    """
    from simulators.scenario import command  # the simulated hardware starts quicker without all this

    try:
        code = command.play(scenario, seed, days, cabinets, as_json=as_json)
    except BadFile as problems:
        print(problems, file=sys.stderr)
        raise typer.Exit(2) from problems
    raise typer.Exit(code)


def _checked(described: Callable[[], Cabinet]) -> Cabinet:
    try:
        return described()
    except BadFile as problems:
        print(problems, file=sys.stderr)
        raise typer.Exit(2) from problems


@contextmanager
def _folder(links: Path | None) -> Iterator[Path]:
    if links is not None:
        yield links
        return
    with tempfile.TemporaryDirectory(prefix="tuangui-sim-") as made:
        yield Path(made)


if __name__ == "__main__":
    app()
