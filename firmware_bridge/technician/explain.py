"""``tuangui bridge decode``: what bytes mean."""

import json
import sys
from typing import Annotated

import typer

from firmware_bridge.decode import read, read_line
from firmware_bridge.frames import Sender
from firmware_bridge.technician.typed import AsJson, fail


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
        fail(f"{' '.join(frame or [])}: {error}")
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(told.pop("meaning"))
        for key, value in told.items():
            print(f"{key:>12}  {'-' if value is None else value}")
