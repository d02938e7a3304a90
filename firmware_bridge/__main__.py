"""``tuangui bridge``: talk to real boards from the command line, through the same drivers as the product."""

import asyncio
import json
import sys
from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from config.cabinet import Cabinet, load
from config.problems import BadFile
from firmware_bridge.assemble import assemble
from firmware_bridge.commission import command as commission
from firmware_bridge.decode import read, read_line
from firmware_bridge.errors import BridgeError
from firmware_bridge.frames import Sender
from firmware_bridge.line.punctual import punctual_loop
from firmware_bridge.ports import PulseAnswer
from firmware_bridge.timing import Polls, time_polls

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="Talk to the boards of a cabinet.")

File = Annotated[Path, typer.Argument(help="cabinet file")]
Port = Annotated[list[str] | None, typer.Option(help="NAME=ADDRESS: another port for a bus or reader")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]


@app.command()
def doors(file: File, port: Port = None, as_json: AsJson = False) -> None:
    """Read every door switch and print which doors stand open.

    Example: ./tuangui bridge doors config/cabinets/locker-8a80.toml --port rs485=/dev/ttyUSB0
    """
    cabinet = _load(file)
    found, flagged = _run(_doors(cabinet, _ports(port)))
    if as_json:
        print(json.dumps({"doors": found, "flagged": flagged}))
    else:
        for label, state in found.items():
            print(f"{label:>8}  {state}")
    for sentence in flagged:
        print(sentence, file=sys.stderr)
    raise typer.Exit(1 if flagged else 0)


@app.command("open")
def open_door(file: File, label: str, port: Port = None, as_json: AsJson = False) -> None:
    """Send one timed pulse to the lock of compartment LABEL, then say what the switch shows.

    Example: ./tuangui bridge open config/cabinets/locker-8a80.toml 07 --port rs485=/dev/ttyUSB0
    """
    cabinet = _load(file)
    if label not in {c.label for c in cabinet.compartment}:
        _fail(f"{file}: there is no compartment {label}")
    told = _run(_open(cabinet, label, _ports(port)))
    print(json.dumps(told) if as_json else f"{label}: pulse {told['answer']}, door {told['door']}")
    raise typer.Exit(0 if told["door"] == "open" else 1)


@app.command()
def decode(
    kind: Annotated[str, typer.Argument(help="family, or - for JSON lines on standard input")],
    frame: Annotated[list[str] | None, typer.Argument(help="bytes in hex")] = None,
    sender: Annotated[Sender | None, typer.Option("--from", help="who sent it, where that matters")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a frame means, or exactly what is wrong with it.

    With - each line of standard input is a JSON object with "protocol", "hex" and perhaps "direction"; each
    is answered by one line with "meaning" and the fields, or with "error".

    Example: ./tuangui bridge decode lock_8a80 8A 01 01 11 9B --from host
    """
    if kind == "-":
        for line in sys.stdin.buffer:
            print(json.dumps(read_line(line.decode(errors="replace")), ensure_ascii=False), flush=True)
        return
    try:
        told = read(kind, "".join(frame or []), sender)
    except ValueError as error:
        _fail(f"{' '.join(frame or [])}: {error}")
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(told.pop("meaning"))
        for key, value in told.items():
            print(f"{key:>12}  {'-' if value is None else value}")


@app.command("time-polls", hidden=True)
def polls(
    file: File,
    rounds: Annotated[int, typer.Option(min=1, help="how often every board is read")] = 10,
    port: Port = None,
    seconds: Annotated[float, typer.Option(min=0, help="instead: for so long, all boards at once")] = 0.0,
) -> None:
    """Time how long the boards of a cabinet take to be read, and what it costs; prints JSON.

    Example: ./tuangui bridge time-polls config/cabinets/locker-8a80.toml --rounds 100
    """
    cabinet, ports = _load(file), _ports(port)

    async def timed() -> Polls:
        async with assemble(cabinet, ports) as hardware:
            return await time_polls(hardware, rounds, seconds=seconds)

    try:
        with asyncio.Runner(loop_factory=punctual_loop) as runner:
            print(json.dumps(asdict(runner.run(timed()))))
    except BridgeError as error:
        _fail(str(error))


@app.command("commission")
def commission_cabinet(
    file: File,
    out: Annotated[Path, typer.Option(help="the cabinet file to write")],
    labels: Annotated[Path | None, typer.Option(help="write a sheet of door labels (HTML) to print")] = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Open one door after the other, ask which one it was, and write the file of the cabinet as it is wired.

    FILE says how it was meant. Nothing is written when you give up. Exit code 1: something is left to repair.

    Example: ./tuangui bridge commission plan.toml --out cabinet.toml --labels doors.html
    """
    plan = _load(file)
    if out.exists():
        _fail(f"{out} exists: name a new file")
    try:
        wiring = _run(commission.commission(plan, _ports(port)))
        if len(wiring.left_out) == len(plan.compartment):
            _fail("\n".join([*map(str, wiring.findings), "no door works: nothing was written"]))
        commission.write(wiring, out, labels)
    except commission.GaveUp as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}")
    if as_json:
        print(commission.as_json(wiring, out))
    else:
        for finding in wiring.findings:
            print(f"{'set in the file' if finding.repaired else 'to repair':>16}  {finding}")
        print(f"{out}: {len(plan.compartment) - len(wiring.left_out)} of {len(plan.compartment)} doors")
    raise typer.Exit(0 if all(finding.repaired for finding in wiring.findings) else 1)


async def _doors(cabinet: Cabinet, ports: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    async with assemble(cabinet, ports) as hardware:
        flagged = [str(flag) for flag in hardware.flagged]
        states = {}
        for name, board in hardware.boards.items():
            try:
                readings = (await board.doors()).doors
            except BridgeError:
                readings = {}  # flagged at start already
            for c in cabinet.compartment:
                if c.board == name:
                    states[c.label] = _word(readings.get(c.switch))
        return states, flagged


async def _open(cabinet: Cabinet, label: str, ports: dict[str, str]) -> dict[str, Any]:
    async with assemble(cabinet, ports) as hardware:
        compartment = cabinet.compartment_named(label)
        board = hardware.boards[compartment.board]
        pulse = await board.open(compartment.channel, lambda: True)
        if pulse.answer is PulseAnswer.NO_ANSWER or pulse.ends_at is None:
            return {"label": label, "answer": pulse.answer.value, "door": "unknown"}
        await asyncio.sleep(pulse.ends_at - asyncio.get_running_loop().time())
        try:
            door = _word((await board.doors()).doors.get(compartment.switch))
        except BridgeError:
            door = "unknown"
        return {"label": label, "answer": pulse.answer.value, "door": door}


def _word(is_open: bool | None) -> str:
    return "unknown" if is_open is None else "open" if is_open else "closed"


def _load(file: Path) -> Cabinet:
    try:
        return load(file)
    except BadFile as problems:
        _fail(str(problems))


def _ports(given: list[str] | None) -> dict[str, str]:
    ports = {}
    for pair in given or []:
        name, equals, address = pair.partition("=")
        if not (name and equals and address):
            _fail(f"--port {pair}: expected NAME=ADDRESS")
        ports[name] = address
    return ports


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except BridgeError as error:
        _fail(str(error))


def _fail(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(2)


if __name__ == "__main__":
    app()
