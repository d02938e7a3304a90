"""Wrong, used, expired and another cabinet's code: the same words, and no time that tells them apart."""

import random
import statistics
import time

import pytest

from controller.access import Tries
from controller.entrance import Answer
from tests.edge.bench import Bench, cabinet_file

ALIKE = Answer("refused", refusal="not_valid")
TELLS_NOTHING_MS = 1.0
ROUNDS = 4
"""What else runs here can only add a difference to a round; one that the code makes is in every round."""


async def codes_of_each_kind(bench):
    """A code for each reason to be refused."""
    used = await bench.loaded()
    door = (await bench.edge.entrance.typed(used.code)).door
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    expired = bench.cloud.expect(expires_ms=1)
    for _ in range(60):  # as many as lie in a cabinet: the order of the list is to tell nothing either
        bench.cloud.expect()
    await bench.hand_over()
    elsewhere = type(bench.cloud)().expect()
    return {"used": used.code, "expired": expired.code, "elsewhere": elsewhere.code, "wrong": "00000000"}


async def medians_ms(bench, codes, times_each):
    """How long each kind takes to be answered, typed in a mixed order."""
    mixed = list(codes) * times_each
    random.Random(4).shuffle(mixed)
    took = {kind: [] for kind in codes}
    for kind in mixed:
        bench.edge.access.tries = Tries()
        began = time.perf_counter()
        answer = await bench.edge.entrance.typed(codes[kind])
        took[kind].append((time.perf_counter() - began) * 1000)
        assert answer == ALIKE, kind
    return {kind: statistics.median(each) for kind, each in took.items()}


@pytest.mark.row("S4")
@pytest.mark.parametrize(
    "times_each",
    [40, pytest.param(500, marks=[pytest.mark.hard, pytest.mark.timeout(900)])],
)
async def test_s4_a_refused_code_does_not_tell_why(tmp_path, record_property, times_each):
    """With the cheapest digest, so that nothing is hidden in its noise. It is the same for every kind."""
    bench = Bench(tmp_path, cabinet_file(), poll_s=1.0)
    await bench.plug_in()
    await bench.start()
    try:
        codes = await codes_of_each_kind(bench)
        for _ in range(ROUNDS):
            medians = await medians_ms(bench, codes, times_each)
            apart = max(medians.values()) - min(medians.values())
            if apart < TELLS_NOTHING_MS:
                break
    finally:
        await bench.stop()
        bench.served.unplug()
    record_property("median difference ms", round(apart, 3))
    assert apart < TELLS_NOTHING_MS, medians


@pytest.mark.row("S4")
async def test_s4_a_used_code_costs_a_wrong_try_as_any_other_does(tmp_path):
    bench = Bench(tmp_path, cabinet_file())
    await bench.plug_in()
    await bench.start()
    try:
        codes = await codes_of_each_kind(bench)
        waits = {}
        for kind, code in codes.items():
            bench.edge.access.tries = Tries()
            waits[kind] = [(await bench.edge.entrance.typed(code)).wait_s for _ in range(6)]
    finally:
        await bench.stop()
        bench.served.unplug()
    assert set(map(tuple, waits.values())) == {(0, 0, 0, 0, 0, 30)}
