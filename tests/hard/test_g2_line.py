"""A line full of noise costs little of the computer, and one that was gone is used again when it is there.

The program that asks is a process of its own, so that its share of a core is its own.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulators.serve import Served
from tests.wire.one_of_each import BAUD, SORTS
from tests.wire.opens_doors import Programs

CHANNELS = 4
NOISE = BAUD / 10
"""Bytes a second: the line is never quiet."""
PIECE_SECONDS = 0.01
BACK_SECONDS, ASKS_AGAIN_SECONDS = 3.0, 0.3
"""A board that fails is left alone for ten times what asking it cost, and the program has to come to it."""
BACK_SECONDS_OF = {"lock_winnsen": 42.0}
"""It has two seconds for an answer; asked sooner, a dead one would cost the others more than a tenth."""
TICKS = os.sysconf("SC_CLK_TCK")
EVERY_DAY = ("8A/80", "Waveshare, RTU over TCP")


@dataclass(slots=True)
class Asking:
    """A board, and a program that asks it for its doors all the time."""

    kind: str
    served: Served
    pid: int
    told: Path

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    async def noise(self, seconds: float) -> int:
        """Random bytes as fast as the line takes them; how many went out."""
        wire, luck = self.served.buses["bus"].wire, random.Random(1)
        before = wire.bytes_out
        for _ in range(round(seconds / PIECE_SECONDS)):
            wire.send(luck.randbytes(round(NOISE * PIECE_SECONDS)))
            await asyncio.sleep(PIECE_SECONDS)
        return wire.bytes_out - before

    async def answered(self, since: float) -> float:
        """How long after that moment the first answer came."""
        async with asyncio.timeout(60):
            while True:
                times = [float(line) for line in self.told.read_text().splitlines()]
                if later := [at for at in times if at > since]:
                    return later[0] - since
                await asyncio.sleep(0.02)


@pytest.fixture
async def asking(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Asking]:
    sort, programs, told = SORTS[request.param], Programs(), tmp_path / "told"
    told.touch()
    served = Served(sort.file(CHANNELS), tmp_path, tcp=sort.on_tcp)
    ports = await served.plug_in()
    try:
        with programs.listening():
            pid = await programs.begin("asks", raw=sort.raw(CHANNELS), ports=ports, told=str(told))
            made = Asking(sort.kind, served, pid, told)
            await made.answered(0.0)
            yield made
    finally:
        programs.end()
        served.unplug()


FOR_EVERY_SORT = pytest.mark.parametrize(
    ("asking", "seconds"),
    [(name, 2.0) for name in EVERY_DAY]
    + [pytest.param(name, 10.0, marks=[pytest.mark.hard, pytest.mark.timeout(120)]) for name in SORTS],
    indirect=["asking"],
)


@pytest.mark.row("G2")
@FOR_EVERY_SORT
async def test_g2_noise_costs_little_and_is_over_when_it_is_over(asking, seconds, reached):
    loop = asyncio.get_running_loop()
    before, began = asking.cpu_seconds(), loop.time()
    await asking.served.fault("board_silent", "board")  # nothing of it is understood
    sent = await asking.noise(seconds)
    share = (asking.cpu_seconds() - before) / (loop.time() - began)
    await asking.served.repair("board_silent", "board")
    back = await asking.answered(loop.time())
    figure = f"{share:.1%} at {sent / seconds:.0f} bytes/s, {back:.1f} s"
    reached("G2", goal="CPU < 20 % under noise, back ≤ 3 s", figure=figure)
    assert sent > NOISE * seconds / 2
    assert share < 0.2
    assert back <= BACK_SECONDS_OF.get(asking.kind, BACK_SECONDS) + ASKS_AGAIN_SECONDS
    assert asking.served.cabinet.longest_energised() == 0.0


@pytest.mark.row("G2")
@FOR_EVERY_SORT
async def test_g2_a_port_that_was_gone_is_used_again(asking, seconds, reached):
    await asking.served.cut("bus")
    before = asking.cpu_seconds()
    await asyncio.sleep(seconds)
    share = (asking.cpu_seconds() - before) / seconds
    await asking.served.restore("bus")
    back = await asking.answered(asyncio.get_running_loop().time())
    reached("G2", goal="CPU < 20 % without a port, back ≤ 3 s", figure=f"{share:.1%}, {back:.1f} s")
    assert share < 0.2
    assert back <= BACK_SECONDS + ASKS_AGAIN_SECONDS
