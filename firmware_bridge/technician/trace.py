"""``tuangui bridge trace``: the bytes of all ports, written down while something is done."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from config.cabinet import Cabinet
from firmware_bridge.assemble import Hardware, assemble
from firmware_bridge.line import Wire
from firmware_bridge.recording import About, Doing, Recorder
from firmware_bridge.technician.doors import print_doors, read_doors
from firmware_bridge.technician.opening import check_label, print_opening, pulse_once
from firmware_bridge.technician.parts import ports_of, without
from firmware_bridge.technician.typed import AsJson, File, Port, fail, loaded, ports_given, run


def trace(
    file: File,
    out: Annotated[Path, typer.Argument(help="the file of JSON lines to write")],
    label: Annotated[str | None, typer.Option("--open", help="open this compartment meanwhile")] = None,
    listen: Annotated[bool, typer.Option("--listen", help="ask nothing, until Ctrl-C")] = False,
    seconds: Annotated[float | None, typer.Option(min=0, help="listen for so long")] = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Write down every byte of a cabinet's ports while its doors are read, or one is opened, or in silence.

    What is done is printed as by "doors" or "open". Listening asks the boards nothing; each line is in the
    file at once, so that Ctrl-C loses none.

    Example: ./tuangui bridge trace cabinet.toml seen.jsonl --port rs485=/dev/ttyUSB0
    Example: ./tuangui bridge trace cabinet.toml seen.jsonl --open 07
    Example: ./tuangui bridge trace cabinet.toml seen.jsonl --listen --seconds 30
    """
    cabinet, ports = loaded(file), ports_given(port)
    if label is not None and (listen or seconds is not None):
        fail("--open and --listen cannot be had at once: listening sends nothing")
    if label is not None:
        check_label(file, cabinet, label)
    doing: Doing = "open" if label is not None else "listen" if listen or seconds is not None else "doors"
    if doing == "listen":
        work = _listened(cabinet, ports, seconds)
    else:
        check_traceable(cabinet)
        work = _done(cabinet, ports, label)
    told, lines = _recorded(out, About(**_about(cabinet, ports, doing, label)), work)
    if told is not None:
        _print(cabinet, told, as_json=as_json)
    print(f"{out}: {lines} pieces of bytes", file=sys.stderr)
    raise typer.Exit(_code(told))


def check_traceable(cabinet: Cabinet) -> None:
    """End the command where a guard owns a wire: its bytes run in a process of its own.

    That process turns coils off on time, and has nothing else to do: it records nothing for anybody.
    """
    for board in cabinet.board:
        if board.is_guarded:
            fail(
                f"bus {board.bus} belongs to the guard of board {board.name}, a process that nothing may "
                "hold up: its bytes are neither recorded nor replayed. bridge doors and bridge open tell its "
                "answers; to see bytes, put a listening adapter on the wire and trace that with --listen"
            )


Work = Callable[[Recorder], Coroutine[Any, Any, "dict[str, Any] | None"]]


def _recorded(out: Path, about: About, work: Work) -> tuple[dict[str, Any] | None, int]:
    lines = 0

    async def recorded() -> dict[str, Any] | None:
        nonlocal lines
        recorder = Recorder(file, about, asyncio.get_running_loop().time())
        try:
            told = await work(recorder)
        finally:
            lines = recorder.lines
        if recorder.fault is not None:
            reason = recorder.fault.strerror
            fail(f"{out}: {reason}; after {lines} pieces nothing more was written, and what was done is done")
        return told

    try:
        with out.open("x", encoding="utf-8") as file:
            return run(recorded()), lines
    except FileExistsError:
        fail(f"{out} exists: name a new file")
    except OSError as error:
        fail(f"{out}: {error.strerror or error}")
    except KeyboardInterrupt:
        return None, lines
    except typer.Exit:
        if not lines:
            out.unlink()  # nothing was done, so that there is nothing to keep
        raise


def _done(cabinet: Cabinet, ports: dict[str, str], label: str | None) -> Work:
    async def work(recorder: Recorder) -> dict[str, Any]:
        hardware = _watched(assemble(cabinet, ports), recorder)
        async with hardware:
            return await do(cabinet, hardware, label)

    return work


def _listened(cabinet: Cabinet, ports: dict[str, str], seconds: float | None) -> Work:
    async def work(recorder: Recorder) -> None:
        pins = [bus.name for bus in cabinet.bus if bus.kind == "gpio"]
        part, mine = without(cabinet, ports, leave_out=pins)
        hardware = _watched(assemble(part, mine), recorder)
        async with hardware:
            for flag in hardware.flagged:
                print(flag, file=sys.stderr)
            await (asyncio.Event().wait() if seconds is None else asyncio.sleep(seconds))

    return work


async def do(cabinet: Cabinet, hardware: Hardware, label: str | None) -> dict[str, Any]:
    """Open one compartment, or read all doors where none is named."""
    if label is None:
        return await read_doors(cabinet, hardware)
    return await pulse_once(cabinet, hardware, label)


def _watched(hardware: Hardware, recorder: Recorder) -> Hardware:
    for name, wire in hardware.wires.items():
        if isinstance(wire, Wire):
            wire.trace = recorder.port(name)
    return hardware


def _about(cabinet: Cabinet, ports: dict[str, str], doing: Doing, label: str | None) -> dict[str, Any]:
    addresses = ports_of(cabinet) | ports
    began = datetime.now(UTC).isoformat(timespec="seconds")
    return {"cabinet": cabinet.id, "began": began, "doing": doing, "label": label or "", "ports": addresses}


def _print(cabinet: Cabinet, told: dict[str, Any], *, as_json: bool) -> None:
    if "doors" in told:
        print_doors(cabinet, told, as_json=as_json)
    else:
        print_opening(told, as_json=as_json)


def _code(told: dict[str, Any] | None) -> int:
    if told is None:
        return 0
    return int(bool(told["flagged"]) if "doors" in told else told["door"] != "open")
