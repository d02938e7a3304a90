"""No coil stays energised longer than the board's own pulse, whatever happens to the program that asked.

The programs under test are processes of their own that open door after door through the drivers, on a board
of every family; they are killed, stopped, or lose their port at random moments. One that switches an output
on and means to switch it off itself leaves it on. What hangs behind a guard is put through the same in
tests/wire: test_lock_gpio.py and test_guarded_cards.py.
"""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.serve import Served
from tests.wire.one_of_each import SORTS, Sort
from tests.wire.opens_doors import SIDE_BY_SIDE, Programs, dies

MARGIN_SECONDS = 0.02
NEVER_LONGER_SECONDS = 1.0 + 1e-6
CHANNELS = 2
MAY_COME = {"OpenLock", "TimedPulse", "Off", "ManyOff", "ReadAll", "ReadLock", "Read"}
"""Every sort of frame that a board may receive in these proofs."""

HOLDS_AN_OUTPUT = """
import socket, sys, time
from serial import Serial
port, frame = sys.argv[1:]
if "://" in port:
    host, number = port.partition("://")[2].split(":")
    socket.create_connection((host, int(number))).sendall(bytes.fromhex(frame))
else:
    Serial(port).write(bytes.fromhex(frame))
print("begins", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    made = Programs()
    yield made
    made.end()


async def die(luck: random.Random, programs: Programs, served: Served, raw: dict, deaths: int) -> Counter:
    """Let so many programs die on one board, one after the other; what of."""
    ports = {name: wire.address for name, wire in served.wires.items()}
    within = raw["board"][0]["pulse_ms"] / 1000 + 0.1

    async def pull() -> None:
        await served.cut("bus")
        await asyncio.sleep(luck.uniform(0.0, within))
        await served.restore("bus")
        await asyncio.sleep(0.6)  # the program has its port again

    causes: Counter = Counter()
    for _ in range(deaths):
        pid = await programs.begin("cabinet", raw=raw, ports=ports)
        causes[await dies(luck, pid, within, pull)] += 1
    await asyncio.sleep(within)
    return causes


@pytest.mark.parametrize(
    "moments",
    [4, pytest.param(1000, marks=[pytest.mark.hard, pytest.mark.row("H1"), pytest.mark.timeout(600)])],
)
@pytest.mark.parametrize("sort", SORTS.values(), ids=SORTS)
async def test_h1_a_program_that_dies_stops_or_loses_its_port_leaves_no_coil_on(
    tmp_path: Path, programs: Programs, sort: Sort, moments: int, reached
) -> None:
    raw, luck = sort.raw(CHANNELS), random.Random(f"{sort} {moments}")
    pulse_seconds = raw["board"][0]["pulse_ms"] / 1000
    boards = min(moments, SIDE_BY_SIDE)
    far = [tmp_path / str(n) for n in range(boards)]
    for folder in far:
        folder.mkdir()
    served = [Served(sort.file(CHANNELS), folder, tcp=sort.on_tcp) for folder in far]
    for each in served:
        await each.plug_in()
    with programs.listening():
        causes = await asyncio.gather(
            *(die(random.Random(luck.random()), programs, each, raw, moments // boards) for each in served)
        )
    frames = Counter(sort.frame(frame) for each in served for _, frame in each.buses["bus"].requests)
    longest = max(each.cabinet.longest_energised() for each in served)
    boxes = [box for each in served for box in each.cabinet.truth()["compartments"].values()]
    pulses = sum(len(box["energised"]) for box in boxes)
    for each in served:
        each.unplug()

    ways = ", ".join(f"{number} × {cause}" for cause, number in sorted(sum(causes, Counter()).items()))
    figure = f"{longest * 1000:.0f} ms of {pulses} pulses; {ways}"
    reached("H1", goal=f"coil on ≤ {(pulse_seconds + MARGIN_SECONDS) * 1000:.0f} ms", figure=figure)
    assert not any(box["coil_on"] for box in boxes)
    assert longest <= min(pulse_seconds + MARGIN_SECONDS, NEVER_LONGER_SECONDS)
    assert frames.keys() <= MAY_COME
    assert frames["OpenLock"] + frames["TimedPulse"] == pulses >= moments * 0.8


@pytest.mark.row("H1")
@pytest.mark.parametrize("sort", [sort for sort in SORTS.values() if sort.holds], ids=lambda sort: sort.kind)
async def test_h1_a_program_that_times_the_pulse_itself_leaves_one_on(tmp_path, sort):
    served = Served(sort.file(CHANNELS), tmp_path, tcp=sort.on_tcp)
    port = (await served.plug_in())["bus"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDS_AN_OUTPUT, port, sort.holds.hex(), stdout=asyncio.subprocess.PIPE
    )
    assert await process.stdout.readline() == b"begins\n"
    process.kill()
    await process.wait()
    too_long = sort.file(CHANNELS).board[0].pulse_ms / 1000 + MARGIN_SECONDS
    await asyncio.sleep(too_long + 0.1)
    longest = served.cabinet.longest_energised()
    served.unplug()
    assert longest > too_long
