"""``tuangui bridge time-polls``: what reading all boards costs; for measurements."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer

from firmware_bridge.assemble import assemble
from firmware_bridge.errors import BridgeError
from firmware_bridge.line.punctual import punctual_loop
from firmware_bridge.technician.typed import File, Port, fail, loaded, ports_given
from firmware_bridge.timing import Polls
from firmware_bridge.timing import time_polls as time_them


def time_polls(
    file: File,
    rounds: Annotated[int, typer.Option(min=1, help="how often every board is read")] = 10,
    port: Port = None,
    seconds: Annotated[float, typer.Option(min=0, help="instead: for so long, all boards at once")] = 0.0,
) -> None:
    """Time how long the boards of a cabinet take to be read, and what it costs; prints JSON.

    Example: ./tuangui bridge time-polls config/cabinets/locker-8a80.toml --rounds 100
    """
    cabinet, ports = loaded(file), ports_given(port)

    async def timed() -> Polls:
        async with assemble(cabinet, ports) as hardware:
            return await time_them(hardware, rounds, seconds=seconds)

    try:
        with asyncio.Runner(loop_factory=punctual_loop) as runner:
            print(json.dumps(asdict(runner.run(timed()))))
    except BridgeError as error:
        fail(str(error))
