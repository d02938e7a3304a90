"""Anything at all held in front of the reader or typed on the keypad: an answer, and no door."""

import random
import time

import pytest

from config.contract import codes
from config.contract.messages import ExpectedParcel, Parcels
from tests.edge.bench import Bench, cabinet_file

DIGITS = ["0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "①②③⑤⑧", "²³¹⁰"]
LENGTHS = (1, 4, 6, 7, 8, 8, 8, 9, 12, 16, 99)
TEXTS = [
    "",
    " ",
    "\x00",
    "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    "TGP1-",
    "TGC1-",
]
FOREIGN = ["https://u.wechat.com/abc", "WIFI:T:WPA;S=net;P=pw;;", "BEGIN:VCARD\nEND:VCARD", "6901234567892"]


def anything(luck, good):
    """Digits of all kinds and lengths, letters, noise, other systems' codes, damaged ones of ours."""
    at = luck.randrange(len(good))
    kinds = (
        lambda: "".join(luck.choices(luck.choice(DIGITS), k=luck.choice(LENGTHS))),
        lambda: "".join(chr(luck.randrange(1, 0xD7FF)) for _ in range(luck.randrange(300))),
        lambda: luck.choice(TEXTS + FOREIGN),
        lambda: good[:at] + luck.choice("ABCDEFGH234567 -=?ß") + good[at + 1 :],
        lambda: good[:at],
        lambda: good.lower(),
        lambda: codes.LABEL_PREFIX + "".join(luck.choices("0123456789ABCDEFXY", k=luck.randrange(15, 18))),
        lambda: "A" * luck.choice((codes.TOKEN_CHARACTERS, 65_536)),
    )  # fmt: skip
    return luck.choice(kinds)()


@pytest.mark.row("G4")
@pytest.mark.parametrize(
    "number", [1_500, pytest.param(100_000, marks=[pytest.mark.hard, pytest.mark.timeout(1200)])]
)
async def test_g4_whatever_is_scanned_or_typed_is_answered_soon_and_opens_nothing(
    tmp_path, number, record_property
):
    luck = random.Random(11)
    bench = Bench(tmp_path, cabinet_file())
    await bench.plug_in()
    await bench.start()
    try:
        order = await bench.loaded()
        await bench.edge.entrance.scanned(bench.cloud.badge())  # the courier leaves
        before, slowest = bench.openings_on_the_wire(), 0.0
        good = bench.cloud.pickup_qr(order.order, cabinet="another-cabinet")
        for n in range(number):
            present = bench.edge.entrance.typed if n % 2 else bench.edge.entrance.scanned
            began = time.perf_counter()
            answer = await present(anything(luck, good))
            slowest = max(slowest, time.perf_counter() - began)
            assert answer.kind == "refused"
        record_property("slowest ms", round(slowest * 1000))
        assert bench.openings_on_the_wire() == before
        assert slowest <= 0.2
        assert (await bench.edge.entrance.scanned(bench.cloud.pickup_qr(order.order))).kind == "opening"
    finally:
        await bench.stop()
        bench.served.unplug()


@pytest.mark.row("G4")
def test_g4_the_dearest_code_that_is_allowed_is_answered_in_time():
    """The digest is what takes long; at its default it is a quarter of what a person is made to wait."""
    log2_n = Parcels(salt="0" * 32, parcels=()).scrypt_log2_n
    began = time.process_time()
    codes.code_digest("12345678", bytes(16), log2_n)
    assert time.process_time() - began < 0.2
    assert ExpectedParcel.model_fields["strong_digest"].default is None
