"""Cold goods at a whole edge on a real wire: who is refused when the air was warm, and what ends it.

The cabinet's boot clock is jumped ahead, as a computer that slept would find it.
"""

import secrets
import time
from dataclasses import dataclass

import edge_bench
import pytest

from config.cabinet import parse
from config.contract import codes
from controller.climate import probes
from controller.clock import Computer

BADGE = "00000000000000ee"
MINUTE = 60.0


@dataclass
class Sleepy:
    """A computer whose clocks are ours."""

    ahead_s: float = 0.0
    wall_ahead_s: float = 0.0
    boot: str = "first"

    def computer(self) -> Computer:
        return Computer(
            boot_seconds=lambda: time.monotonic() + self.ahead_s,
            wall=lambda: time.time() + self.wall_ahead_s,
            boot_identity=lambda: self.boot,
        )


def cold_file():
    about = {"id": edge_bench.CABINET, "number": "T1", "name_zh": "冷柜", "name_en": "Cold", "phone": "400-1"}
    board = {
        "name": "locks", "kind": "lock_modbus", "bus": "modbus", "address": 1, "channels": 8, "pulse_ms": 100
    }  # fmt: skip
    return parse(
        {
            "cabinet": about,
            "bus": [{"name": "modbus", "kind": "modbus", "port": "/dev/none", "baud": 115200}],
            "board": [board],
            "reader": [{"name": "qr", "port": "/dev/none"}],
            "thermometer": [{"name": "probe", "bus": "modbus", "address": 9}],
            "zone": [
                {"name": "hall", "class": "ambient"},
                {"name": "cold", "class": "chilled", "thermometer": "probe"},
            ],
            "compartment": [
                {
                    "label": f"{n:02d}", "size": "S", "zone": "cold" if n <= 4 else "hall", "board": "locks",
                    "channel": n, "row": n,
                }
                for n in range(1, 9)
            ],
        }
    )  # fmt: skip


@pytest.fixture
async def cold(tmp_path, monkeypatch):
    monkeypatch.setattr(probes, "READ_S", 0.05)
    bench = edge_bench.Bench(tmp_path, cold_file())
    bench.sleepy = Sleepy()
    bench.computer = bench.sleepy.computer()
    await bench.plug_in()
    await bench.start()
    await bench.until(lambda: is_cold(bench))
    yield bench
    await bench.stop()
    bench.served.unplug()


def is_cold(bench):
    return bench.edge.zones.refuses("01", "collect") == ""


async def loaded(bench):
    order = bench.cloud.expect(zone="chilled")
    await bench.hand_over()
    await bench.load(order)
    return order


async def warms_up(bench, minutes=15.1, celsius=9.0):
    """The air is warm, and then time passes while nobody opens anything."""
    await bench.served.air("probe", celsius)
    await bench.until(lambda: bench.edge.zones.air["cold"].celsius == celsius)
    bench.sleepy.ahead_s += minutes * MINUTE


async def held(bench):
    """An order whose goods have been held."""
    order = await loaded(bench)
    bench.sleepy.ahead_s += 31 * MINUTE  # the courier's opening explains nothing any more
    await bench.until(lambda: "cold_hold" in bench.box("01").sides)
    return order


async def reboot(bench):
    await bench.stop()
    bench.sleepy.boot = secrets.token_hex(4)
    bench.sleepy.ahead_s = 5.0 - time.monotonic()  # the clock of a new boot begins at nought
    await bench.start()


def pulses(bench, label):
    return len(bench.served.cabinet.compartment(label).energised)


@pytest.mark.row("H8")
async def test_h8_goods_that_were_warm_for_too_long_are_refused_and_told(cold):
    order = await loaded(cold)
    cold.sleepy.ahead_s += 40.0
    await cold.until(lambda: is_cold(cold))
    before = pulses(cold, "01")
    await warms_up(cold, 31)
    assert (await cold.edge.entrance.typed(order.code)).refusal == "held"
    await cold.until(lambda: "cold_hold" in cold.box("01").sides)
    assert (await cold.edge.entrance.scanned(cold.cloud.pickup_qr(order.order))).refusal == "held"
    assert pulses(cold, "01") == before
    await cold.until(lambda: cold.edge.health.has("cold_hold", "cold"))
    told = [e.data for e in await cold.events() if e.type == "ColdHoldBegan"]
    assert [one["box"]["label"] for one in told] == ["01", "02", "03", "04"]
    assert told[0]["exposure"]["warm_min"] >= 31
    assert told[0]["limit_celsius"] == 5.0


@pytest.mark.row("H8")
async def test_h8_a_program_that_dies_while_a_cold_door_opens_holds_nothing_for_it(cold):
    order = cold.cloud.expect(zone="chilled")
    await cold.hand_over()
    await cold.courier()
    died = cold.dies_after(1, carried_out=True)
    await cold.scan(order)
    assert died.is_set()
    await cold.stop()
    await cold.start()
    await cold.until(lambda: is_cold(cold))
    assert cold.edge.zones.held == ()


@pytest.mark.row("H8")
async def test_h8_nothing_is_loaded_into_a_held_zone_and_the_other_zone_serves_on(cold):
    await held(cold)
    order, other = cold.cloud.expect(zone="chilled"), cold.cloud.expect(zone="ambient")
    await cold.hand_over()
    assert (await cold.edge.entrance.scanned(cold.cloud.badge())).kind in ("courier", "courier_left")
    if cold.edge.entrance.loading.courier is None:
        await cold.edge.entrance.scanned(cold.cloud.badge())
    refused = await cold.edge.entrance.scanned(codes.parcel_label(order.parcel))
    assert refused.kind == "refused"
    assert await cold.load(other) == "05"


@pytest.mark.row("H8")
async def test_h8_neither_cold_nor_a_restart_nor_a_reboot_ends_a_hold(cold):
    order = await held(cold)
    await cold.served.air("probe", 2.0)
    await cold.until(lambda: not cold.edge.zones.air["cold"].dark)
    await cold.stop()
    await cold.start()
    assert (await cold.edge.entrance.typed(order.code)).refusal == "held"
    cold.sleepy.wall_ahead_s = -10 * 86_400
    await reboot(cold)
    assert (await cold.edge.entrance.typed(order.code)).refusal == "held"
    assert "cold_hold" in cold.box("01").sides


@pytest.mark.row("H8")
async def test_h8_only_a_badge_for_service_ends_a_hold_at_the_screen(cold):
    order = await held(cold)
    entrance = cold.edge.entrance
    assert (await entrance.said("release", "cold")).refusal == "no_badge"
    await entrance.scanned(cold.cloud.badge())
    assert (await entrance.said("release", "cold")).refusal == "no_badge"
    await entrance.scanned(cold.cloud.badge())
    now = int(time.time())
    of_today = cold.cloud.badge("00000000000000bb", now + 3600, iat=now, right=codes.BadgeRight.SERVICE)
    begun = await entrance.scanned(of_today)
    assert (begun.kind, begun.held) == ("service", ("cold",))
    assert (await entrance.said("release", "nowhere")).refusal == "no_hold"
    await cold.served.air("probe", 3.0)
    await cold.until(lambda: cold.edge.zones.air["cold"].celsius == 3.0)
    assert (await entrance.said("release", "cold")).kind == "released"
    assert (await entrance.typed(order.code)).kind == "opening"


@pytest.mark.row("H8")
async def test_h8_a_person_ends_it_once_it_is_cold_again(cold):
    order = await held(cold)
    zones = cold.edge.zones
    await warms_up(cold, 2)
    assert await zones.release("cold", BADGE) == "not_cold"
    await cold.served.air("probe", 3.0)
    await cold.until(lambda: zones.air["cold"].celsius == 3.0)
    assert await zones.release("cold", BADGE) == ""
    assert await zones.release("cold", BADGE) == "no_hold"
    answer = await cold.edge.entrance.typed(order.code)
    assert answer.kind == "opening"
    await cold.collect(answer.door)
    await cold.becomes(answer.door, "vacant")
    told = [e for e in await cold.events() if e.type in ("ColdHoldEnded", "ExposureRecorded")]
    assert [e.data["badge"] for e in told[:4]] == [BADGE] * 4
    assert told[4].data["parcel"] == order.parcel
    assert told[4].data["warm_min"] >= 31
    assert not cold.edge.health.has("cold_hold", "cold")


@pytest.mark.row("H8")
async def test_h8_a_silent_probe_holds_the_goods(cold):
    order = await loaded(cold)
    await cold.served.fault("board_silent", "probe")
    cold.sleepy.ahead_s += 31 * MINUTE
    assert (await cold.edge.entrance.typed(order.code)).refusal == "held"
    await cold.until(lambda: "cold_hold" in cold.box("01").sides)
    assert cold.edge.zones.air["cold"].held in ("no_reading", "not_back")


@pytest.mark.row("H8")
async def test_h8_pulses_that_are_still_to_come_are_withheld_when_the_goods_are_held(cold):
    order = await loaded(cold)
    await cold.served.fault("latch_jammed", "01")
    before = pulses(cold, "01")
    await cold.edge.entrance.typed(order.code)
    await cold.until(lambda: pulses(cold, "01") == before + 1)
    await warms_up(cold, 31)
    await cold.until(lambda: cold.box("01").opening is None)
    assert cold.box("01").state in ("occupied", "checking")  # whether the first pulse had been watched
    assert pulses(cold, "01") == before + 1
    withheld = [e.data["reason"] for e in await cold.events() if e.type == "PulseWithheld"]
    assert withheld == ["held"]


@pytest.mark.row("H8")
async def test_h8_after_a_power_cut_nobody_is_served_and_without_the_time_the_goods_are_held(cold):
    order = await loaded(cold)
    await reboot(cold)
    assert (await cold.edge.entrance.typed(order.code)).refusal == "held"
    cold.sleepy.ahead_s += 15 * MINUTE
    await cold.until(lambda: "cold_hold" in cold.box("01").sides)
    assert cold.edge.zones.air["cold"].held == "power_gap"


def cloud_says(bench, cloud_ms):
    bench.edge.clock.synced(bench.edge.clock.boot_seconds(), cloud_ms)


@pytest.mark.parametrize(("dark_minutes", "is_held"), [(10, False), (16, True)])
@pytest.mark.row("H8")
async def test_h8_a_power_cut_is_as_long_as_the_clouds_clock_says(cold, dark_minutes, is_held):
    now_ms = 1_790_000_000_000
    cloud_says(cold, now_ms)
    order = await loaded(cold)
    cold.sleepy.wall_ahead_s = 30 * 86_400.0
    await reboot(cold)
    assert (await cold.edge.entrance.typed(order.code)).refusal == "held"
    assert "cold_hold" not in cold.box("01").sides, "whether it was too long is not known yet"
    cloud_says(cold, now_ms + dark_minutes * 60_000)
    await cold.edge.zones.tick()
    if is_held:
        await cold.until(lambda: "cold_hold" in cold.box("01").sides)
    else:
        await cold.until(lambda: is_cold(cold))
        assert (await cold.edge.entrance.typed(order.code)).kind == "opening"


@pytest.mark.row("H8")
async def test_h8_records_that_fell_back_hold_the_cold_goods(cold):
    await loaded(cold)
    await cold.stop()
    (cold.settings.folder / "edge.db").write_bytes(b"\0" * 8192)
    await cold.start()
    assert cold.edge.zones.air["cold"].held == "records_restored"


@pytest.mark.parametrize("days", [-10, 10])
@pytest.mark.row("H8")
async def test_h8_a_wall_clock_that_jumps_holds_nothing_and_frees_nothing(cold, days):
    order = await loaded(cold)
    cold.sleepy.wall_ahead_s = days * 86_400.0
    await cold.stop()
    await cold.start()
    await cold.until(lambda: is_cold(cold))
    answer = await cold.edge.entrance.typed(order.code)
    assert answer.kind == "opening"


async def test_what_goods_were_exposed_to_is_recorded_with_their_collection(cold):
    order = await loaded(cold)
    answer = await cold.edge.entrance.typed(order.code)
    await cold.collect(answer.door)
    await cold.becomes(answer.door, "vacant")
    events = await cold.events()
    collected = next(at for at, e in enumerate(events) if e.type == "ParcelCollected")
    record = next(e for e in events if e.type == "ExposureRecorded")
    assert events.index(record) == collected + 1, "one transaction"
    assert (record.data["parcel"], record.data["zone"], record.data["gaps"]) == (order.parcel, "cold", 0)
