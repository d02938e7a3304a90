"""A pickup QR or a badge with a byte changed, shown again after its use, or from before: none is accepted."""

import base64
import shutil

import pytest

from config.contract import codes
from controller.access import BadgeGranted, Denied, Granted
from tests.edge.bench import Bench, cabinet_file


@pytest.fixture
async def bench(tmp_path):
    bench = Bench(tmp_path, cabinet_file())
    await bench.plug_in()
    await bench.start()
    yield bench
    await bench.stop()
    bench.served.unplug()


def changed(text, values):
    """The token with each byte changed in turn, by each of these values."""
    raw = base64.b32decode(text + "=")
    assert len(raw) == codes.TOKEN_BYTES
    for at in range(len(raw)):
        for value in values:
            damaged = raw[:at] + bytes([raw[at] ^ value]) + raw[at + 1 :]
            yield base64.b32encode(damaged).decode().rstrip("=")


@pytest.mark.row("S5")
@pytest.mark.parametrize(
    "values",
    [
        pytest.param([1 << bit for bit in range(8)], id="bits"),
        pytest.param(range(1, 256), id="bytes", marks=[pytest.mark.hard, pytest.mark.timeout(900)]),
    ],
)
async def test_s5_no_token_with_a_changed_byte_is_accepted(bench, values, record_property):
    order = await bench.loaded()
    access = bench.edge.access
    tokens = [bench.cloud.pickup_qr(order.order), bench.cloud.badge(right=codes.BadgeRight(7))]
    assert isinstance(access.by_token(tokens[0]), Granted)
    assert isinstance(access.by_token(tokens[1]), BadgeGranted)
    tried = accepted = 0
    for token in tokens:
        for text in changed(token, values):
            tried += 1
            accepted += not isinstance(access.by_token(text), Denied)
    record_property("tokens", tried)
    assert (tried, accepted) == (2 * codes.TOKEN_BYTES * len(list(values)), 0)
    assert access.kept.generations == ()


async def opens_nothing(bench, *texts):
    before = bench.openings_on_the_wire()
    for text in texts:
        assert (await bench.edge.entrance.scanned(text)).kind == "refused"
    assert bench.openings_on_the_wire() == before


@pytest.mark.row("S5")
async def test_s5_a_used_right_opens_nothing_after_use_restart_and_restore(bench, tmp_path):
    order = await bench.loaded()
    shutil.copytree(bench.settings.folder, tmp_path / "before")
    qr = bench.cloud.pickup_qr(order.order)
    door = (await bench.edge.entrance.scanned(qr)).door
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    await opens_nothing(bench, qr, order.code)
    await bench.stop()
    await bench.start()
    await opens_nothing(bench, qr, order.code)
    await bench.stop()
    for file in bench.settings.folder.glob("edge.db*"):
        file.unlink()
    for file in (tmp_path / "before").glob("edge.db*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, bench.settings.folder / file.name)
    await bench.start()
    await bench.hand_over()
    assert "quarantine" in bench.box(door).sides
    await opens_nothing(bench, qr, order.code)
