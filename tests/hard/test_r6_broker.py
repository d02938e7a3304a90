"""The broker is killed in mid-stream and forgets everything: no event is lost, no command fires twice.

Nor does any opening make more pulses than its own; one lock is jammed, so that its openings need all of them.
"""

import time
from collections import Counter
from pathlib import Path

import pytest

from config.contract.events import InsideCalled
from config.contract.messages import Presence
from config.contract.topics import Leaf
from controller.store import Change
from tests.edge.bench import Bench, cabinet_file
from tests.edge.far_side import Broker, Cloud
from tests.proofs import Reached

JAMMED = "05"
"""A door that uses all pulses of every opening."""
FACTS_EACH = 20


class Office:
    """Says commands, three times each, and at last all there ever were once more."""

    def __init__(self, bench: Bench, cloud: Cloud) -> None:
        self._bench, self._cloud = bench, cloud
        self.commands: dict[str, bytes] = {}

    def open(self, label: str) -> str:
        """A command as of a phone in front of the screen, which no budget counts."""
        number, shown = f"{len(self.commands):016x}", self._bench.edge.screen.shown()
        command = self._bench.cloud.open_door(
            self._cloud.session, label, None, id=number, purpose="service",
            deadline_ms=int(time.time() * 1000) + 5000,
            presence=Presence(nonce=shown.nonce, number=shown.number),
        )  # fmt: skip
        self.commands[number] = command
        for _ in range(3):
            self._cloud.say(Leaf.COMMANDS, command)
        return number

    def say_all_again(self) -> None:
        for command in self.commands.values():
            self._cloud.say(Leaf.COMMANDS, command)


def watched_coils(bench: Bench) -> Counter[tuple[str, int]]:
    """By the boards' own record: how often a coil was energised, by door and opening (0: there was none)."""
    pulses: Counter[tuple[str, int]] = Counter()

    def pulsed(label: str) -> None:
        opening = bench.box(label).opening
        pulses[label, 0 if opening is None else opening.number] += 1

    bench.served.cabinet.pulsed = pulsed
    return pulses


async def met(bench: Bench, cloud: Cloud) -> None:
    """Both sides know each other and the time."""
    edge = bench.edge
    await bench.until(lambda: edge.uplink.connected and edge.clock.sync_age() < 10, 30)
    await bench.until(lambda: cloud.session == edge.uplink._session, 30)


async def shut(bench: Bench, label: str) -> None:
    """Whoever sees an open door shuts it."""
    if bench.box(label).door.is_open:
        await bench.shut(label)
    await bench.until(lambda: bench.box(label).opening is None)


async def one_kill(bench: Bench, cloud: Cloud, broker: Broker, office: Office, n: int) -> None:
    """In the middle of events; every other time the command has fired when the broker dies."""
    await met(bench, cloud)
    label = f"{n % 6 + 1:02d}"
    await shut(bench, label)
    office.open(label)
    for _ in range(FACTS_EACH):
        await bench.edge.cabinet.record(Change(facts=(InsideCalled(),)))
    if n % 2 == 0:
        await bench.until(lambda: bench.box(label).opening is not None, 10)
    broker.kill()
    broker.start()


async def everything_is_said_again(bench: Bench, cloud: Cloud, office: Office) -> None:
    """And a new command behind it: when that has ended, the others have been looked at."""
    await met(bench, cloud)
    office.say_all_again()
    for label in bench.edge.cabinet.boxes:
        await shut(bench, label)
    last = office.open("01")
    await bench.until(lambda: bench.box("01").door.is_open, 10)
    began = await fired(bench)
    assert began[-1:] == [(last, began[-1][1])]
    await bench.until(lambda: bench.edge.store.through == bench.edge.store.seq, 60)


async def fired(bench: Bench) -> list[tuple[str, tuple[str, int]]]:
    """Each command that began an opening, with its door and opening."""
    began = [event.data for event in await bench.events() if event.type == "OpeningStarted"]
    return [(told["command"], (told["box"]["label"], told["opening"])) for told in began]


async def lost(bench: Bench, cloud: Cloud) -> tuple[int, int]:
    """Events that the cloud has not, or has otherwise; and of how many."""
    rows = await bench.edge.store.events_after(0, 1 << 20, 1 << 30)
    assert rows is not None
    return sum(cloud.kept.get(seq) != line for seq, line in enumerate(rows.lines, 1)), len(rows.lines)


async def killed(folder: Path, kind: str, times: int, reached: Reached) -> None:
    broker = Broker(kind, folder)
    broker.start()
    bench = Bench(folder, cabinet_file(), reconnect_s=0.5, sync_s=1)
    bench.broker_url = broker.url
    cloud = Cloud(bench.cloud, broker.url)
    await bench.plug_in()
    try:
        await bench.start()
        await bench.hand_over()
        await bench.served.fault("latch_jammed", JAMMED)
        pulses, office = watched_coils(bench), Office(bench, cloud)
        for n in range(times):
            await one_kill(bench, cloud, broker, office, n)
        await everything_is_said_again(bench, cloud, office)
        began = await fired(bench)
        missing, events = await lost(bench, cloud)
        twice = len(began) - len({command for command, _ in began})
        most, own = max(pulses.values()), bench.settings.pulses_per_opening
        figure = f"{missing} of {events} lost, {twice} of {len(began)} fired twice, {most} pulses at most"
        reached("R6", goal=f"0 lost, 0 fired twice in {times} kills, ≤ {own} pulses", figure=figure)
        assert missing == 0
        assert events >= times * FACTS_EACH
        assert twice == 0
        assert {command for command, _ in began} <= set(office.commands)
        assert len(began) >= times / 2, "hardly a command came through: this shows nothing"
        assert set(pulses) <= {opening for _, opening in began}, "a pulse without an opening of its own"
        assert most == own, "no jammed door was tried in full"
    finally:
        await bench.stop()
        bench.served.unplug()
        cloud.stop()
        broker.kill()


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_a_killed_broker_costs_nothing(tmp_path, kind, reached):
    await killed(tmp_path, kind, 6, reached)


@pytest.mark.hard
@pytest.mark.row("R6")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_r6_a_hundred_kills_cost_nothing(tmp_path, kind, reached):
    await killed(tmp_path, kind, 100, reached)
