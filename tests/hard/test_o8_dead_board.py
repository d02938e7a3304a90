"""One board of eight on a bus falls silent: other doors open as quickly, and it gets little of the bus."""

import asyncio
import contextlib
from itertools import pairwise

import pytest

from simulators.measure.pickup import percentile
from tests.edge.bench import Bench, cabinet_file

BOARDS, DEAD = 8, "locks-5"
ANSWERS_TO = 5
BAUD = 9600
SHOWN_AGAIN = 3
"""A QR whose bytes come with gaps, from a reader on a busy computer, is shown again, as people do."""
POLL = bytes([0x80, ANSWERS_TO])


def costs(requests: list[tuple[float, bytes]]) -> tuple[list[float], float]:
    """What each poll of the dead board kept the others from the wire, and how long all that was.

    Somebody else always waits for the wire, and all these frames are equally long: from one poll of the dead
    board to the next frame, whoever sends it, is what the first one cost.
    """
    asked = [at for at, frame in requests if frame[:2] == POLL]
    cost = [later - at for (at, frame), (later, _) in pairwise(requests) if frame[:2] == POLL]
    return cost[: len(asked) - 1], asked[-1] - asked[0]


async def opened_after_s(bench: Bench, qr: str) -> float:
    """Seconds from the last byte of a scanned QR to the first byte of the unlock."""
    reader, bus = bench.served.wires["qr"], bench.served.wires["rs485"]
    shown = asyncio.get_running_loop().time()

    def unlocks() -> list[float]:
        return [each.at for each in bus.crossings if each.at > shown and each.data[:1] == b"\x8a"]

    for _ in range(SHOWN_AGAIN):
        await bench.served.scan("qr", qr)
        with contextlib.suppress(AssertionError):
            await bench.until(lambda: unlocks() != [], 3)
            break
    scanned = max(each.at for each in reader.crossings if each.at < unlocks()[0])
    return unlocks()[0] - scanned


@pytest.mark.row("O8")
@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=[pytest.mark.hard, pytest.mark.timeout(1200)])])
async def test_o8_a_dead_board_costs_little_and_holds_up_no_other(tmp_path, rounds, reached):
    bench = Bench(tmp_path, cabinet_file(BOARDS if rounds == 1 else 3 * BOARDS, BAUD, boards=BOARDS))
    await bench.plug_in()
    try:
        await bench.start()
        board_of = {each.label: each.board for each in bench.file.compartment}
        orders = [await bench.loaded() for _ in board_of]
        living = [order for order in orders if board_of[bench.door_of(order)] != DEAD]
        await bench.served.fault("board_silent", DEAD)
        await bench.until(lambda: bench.edge.health.has("board_silent", DEAD), 30)
        bench.served.buses["rs485"].requests.clear()
        waits: list[float] = []
        for number in range(rounds):
            for order in living:
                door = bench.door_of(order)
                waits.append(await opened_after_s(bench, bench.cloud.pickup_qr(order.order)))
                await bench.collect(door)
                await bench.becomes(door, "vacant")
            if number < rounds - 1:
                living = [await bench.loaded() for _ in living]
        requests = bench.served.buses["rs485"].requests
        await bench.until(lambda: sum(frame[:2] == POLL for _, frame in requests) > 2, 30)
        cost, lasted = costs(list(requests))
        share, p99 = sum(cost) / lasted, percentile(waits, 99)
        reached("O8", goal="the other doors' p99 ≤ 500 ms", figure=f"{p99 * 1000:.0f} ms of {len(waits)}")
        figure = f"{share:.1%}, {max(cost) * 1000:.0f} ms each of {len(cost)}"
        reached("O8", goal="the dead board's share of the bus < 10 %", figure=figure)
        assert p99 <= 0.5
        assert share < 0.1
    finally:
        await bench.stop()
        bench.served.unplug()
