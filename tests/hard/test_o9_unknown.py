"""Offline, and somebody shows what nobody gave out: random, forged, of another cabinet, of another cloud."""

import base64
import random
import secrets

import pytest

from controller.access import Denied
from tests.edge.bench import Bench, CloudKeys, cabinet_file


def unknown_tokens(luck, cloud, foreign, order, number):
    """Tokens of the right form that this cabinet must not take."""
    genuine = base64.b32decode(cloud.pickup_qr(order) + "=")
    elsewhere = [base64.b32decode(cloud.pickup_qr(order, cabinet=f"cabinet-{n}") + "=") for n in range(50)]
    theirs = [base64.b32decode(foreign.pickup_qr(order) + "=") for _ in range(50)]
    over = [base64.b32decode(cloud.pickup_qr(order, exp=1_700_000_000 + n) + "=") for n in range(50)]
    for n in range(number):
        match n % 5:
            case 0:
                raw = b"\x01\x01\x03\x00" + luck.randbytes(90)
            case 1:  # our body, another signature
                raw = genuine[:30] + luck.randbytes(64)
            case 2:  # our signature, another order
                raw = genuine[:12] + luck.randbytes(8) + genuine[20:]
            case 3:
                raw = luck.choice(elsewhere + over)
            case _:
                raw = luck.choice(theirs)
        yield base64.b32encode(raw).decode().rstrip("=")


@pytest.mark.row("O9")
@pytest.mark.parametrize(
    "number", [5_000, pytest.param(1_000_000, marks=[pytest.mark.hard, pytest.mark.timeout(1200)])]
)
async def test_o9_no_token_that_nobody_gave_out_opens_a_door(tmp_path, number, record_property):
    bench = Bench(tmp_path, cabinet_file())
    await bench.plug_in()
    await bench.start()
    try:
        order = await bench.loaded()
        tokens = unknown_tokens(random.Random(9), bench.cloud, CloudKeys(), order.order, number)
        taken = sum(not isinstance(bench.edge.access.by_token(text), Denied) for text in tokens)
        record_property("tokens", number)
        assert taken == 0
        before = bench.openings_on_the_wire()
        answer = await bench.edge.entrance.scanned(bench.cloud.pickup_qr(secrets.token_hex(8)))
        assert answer.kind == "refused", "signed by our cloud, but nothing lies here under that order"
        assert bench.openings_on_the_wire() == before
    finally:
        await bench.stop()
        bench.served.unplug()
