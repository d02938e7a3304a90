"""The real guards around one compartment, taken one input at a time: no loop, no wire, no disk.

Each input runs the product's own coroutines (the entrance, the commands, the cabinet, the unlocker) over a
store of three values. Time stands still at ``NOW``: what is in the past of a box moves away from it instead,
so the same situation is the same value whenever it happens.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import structlog

from config.contract import codes
from config.contract.events import CommandEnded, DoorOpened, Fact
from config.contract.messages import OpenDoor, Session
from config.contract.signing import SigningKey, sign
from controller.access import Granted
from controller.cabinet import Cabinet
from controller.clock import Clock, Computer
from controller.commands import Commands
from controller.doors import Door, Reading
from controller.entrance.collecting import Collecting
from controller.entrance.loading import Courier, Loading
from controller.entrance.placing import Placing
from controller.store import Change, StoreFailing
from controller.unlock import Lock, Unlocker
from controller.visit import Ask, Box, Opening, Pulse, Pulsed, Purpose, Rules, now_of
from firmware_bridge.ports import Pulse as WirePulse
from firmware_bridge.ports import PulseAnswer

LABEL, CABINET = "01", "cabinet-01"
A, B = "00000000000000a1", "00000000000000b1"
"""Two parcels; each is an order of its own."""
OCCUPANCY_A = "00000000000000ee-1"
OCCUPANCIES_B = ("00000000000000ee-2", "00000000000000ee-3")
COMMANDS = ("00000000000000c1", "00000000000000c2")
RULES = Rules(pulses=2, window_s=5, release_wait_s=2, rest_s=3, left_open_alarm_s=2, left_open_block_s=3)
STEP_S = 3.0
DEADLINE_S = 3.0
NOW = 1000.0
SESSIONS = (Session(epoch="00000000000000ee", n=1), Session(epoch="00000000000000ee", n=2))
KEY = SigningKey.from_bytes("1", b"k" * 32)
FILE: Any = SimpleNamespace(
    compartment=[SimpleNamespace(label=LABEL, row=1, size="S", zone="z")],
    zone=[SimpleNamespace(name="z", class_="ambient")],
)
PARCELS: Any = {
    parcel: SimpleNamespace(parcel=parcel, order=parcel, size="S", zone="ambient", low=False)
    for parcel in (A, B)
}


class Broken(AssertionError):
    """A rule that must always hold does not."""


def hold(condition: object, rule: str) -> None:
    if not condition:
        raise Broken(rule)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is on the disk."""

    box: Box
    used: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The box in memory and on the disk after an input, the pulses that are to follow, and what was told."""

    box: Box
    kept: Kept
    pulses: tuple[Pulse, ...]
    facts: tuple[Fact, ...]


class Disk:
    """The store as far as these parts see it."""

    is_full = False
    counters = (1, 1)
    epoch = "00000000000000ee"

    def __init__(self, kept: Kept, occupancy: str, *, fails: bool) -> None:
        self.kept, self._occupancy, self._fails = kept, occupancy, fails
        self.facts: tuple[Fact, ...] = ()

    def next_opening(self) -> int:
        return 2

    def next_occupancy(self) -> str:
        return self._occupancy

    async def has_seen(self, command: str) -> bool:
        return command in self.kept.seen

    async def commit(self, change: Change, stamp: object) -> None:
        if self._fails:
            raise StoreFailing(__file__, OSError("the disk fails"))  # type: ignore[arg-type]
        box = self.kept.box
        if change.boxes:
            (after,) = change.boxes
            check_told(box, after, change.facts)
            box = as_kept(after)
        seen = {change.seen_command[0]} if change.seen_command else set()
        self.kept = Kept(box, self.kept.used | set(change.used), self.kept.seen | seen)
        self.facts += change.facts


def check_told(before: Box, after: Box, facts: tuple[Fact, ...]) -> None:
    """I10, and so I12: nothing about a box changes unless the last event about it tells just that."""
    told = [fact.box for fact in facts if hasattr(fact, "box")]
    last = told[-1] if told else now_of(before)
    same = {"door": "unknown"}
    hold(
        last.model_copy(update=same) == now_of(after).model_copy(update=same),
        f"I10: the box became {now_of(after)} and {last} was told",
    )


class Machine:
    """The parts around one box, as the product builds them."""

    def __init__(
        self, box: Box, kept: Kept, *, occupancy: str = OCCUPANCIES_B[0], fails: bool = False
    ) -> None:
        self.disk: Any = Disk(kept, occupancy, fails=fails)
        still = Computer(lambda: NOW, lambda: NOW, lambda: NOW, lambda: "boot")
        self.clock = Clock(served_ms=0, computer=still)
        self.cabinet = QuietCabinet({LABEL: box}, set(kept.used), self.disk, self.clock, RULES)
        self.pulses: list[Pulse] = []
        self.cabinet.connect(self.pulses.append)

    def outcome(self) -> Outcome:
        return Outcome(self.cabinet.boxes[LABEL], self.disk.kept, tuple(self.pulses), self.disk.facts)


class QuietCabinet(Cabinet):
    """Tells listeners and logs nothing: a search hears too much."""

    def _tell(self, changed: Any) -> None:
        for listener in self._listeners:
            listener(changed)


class AtOnce:
    """A running loop that does at once what is asked of it."""

    def call_soon(self, callback: Any, *args: Any) -> None:
        callback(*args)


@contextmanager
def running() -> Iterator[None]:
    """No loop and no log: a search hears too much."""
    before, told = asyncio._get_running_loop(), structlog.get_config()
    asyncio._set_running_loop(AtOnce())  # type: ignore[arg-type]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        asyncio._set_running_loop(before)
        structlog.configure(**told)


def finish(work: Coroutine[Any, Any, Any]) -> Any:
    """Nothing here waits for anything, so a coroutine ends at its first step."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    except StoreFailing:
        return None
    raise RuntimeError(f"{work} waits for something")


# --- inputs


def types_code(machine: Machine, order: str) -> None:
    """The owner of this order proves it."""
    disk, clock = machine.disk, machine.clock
    entrance = Collecting(FILE, machine.cabinet, SimpleNamespace(parcels=PARCELS), disk, clock)  # type: ignore[arg-type]
    finish(entrance.collect(Granted(order, "code")))


def scans_label(machine: Machine, parcel: str) -> None:
    """A courier with a badge shows this parcel."""
    disk, clock = machine.disk, machine.clock
    placing = Placing(FILE, machine.cabinet, disk, clock, lambda answer: None)
    entrance = Loading(machine.cabinet, SimpleNamespace(parcels=PARCELS), disk, clock, placing)  # type: ignore[arg-type]
    entrance._courier = Courier("00000000000000aa", codes.BadgeRight.LOAD, NOW + 1)
    finish(entrance.parcel(label_of(parcel)))


@cache
def label_of(parcel: str) -> str:
    return codes.parcel_label(parcel)


def asks(machine: Machine, purpose: Purpose) -> None:
    """Somebody from the service, or somebody inside."""
    occupancy = machine.cabinet.boxes[LABEL].occupancy if purpose is Purpose.SERVICE else None
    proof = "badge" if purpose is Purpose.SERVICE else "inside"
    finish(machine.cabinet.ask(LABEL, Ask(2, purpose, proof, occupancy)))


def asks_wrongly(machine: Machine, purpose: Purpose) -> None:
    """Somebody who may not: for what lies there no more, or with a parcel for a box that is not free."""
    parcel = "00000000000000d1" if purpose is Purpose.LOAD else None
    wish = Ask(2, purpose, "remote", "00000000000000ee-9", order=parcel, parcel=parcel)
    finish(machine.cabinet.ask(LABEL, wish))


def hears(machine: Machine, number: int, occupancy: str, left_s: float, *, session: int) -> None:
    """A command arrives whose deadline is ``left_s`` away."""
    machine.clock.synced(NOW, int(NOW * 1000))
    documents = SimpleNamespace(public_keys=lambda purpose: {KEY.kid: KEY.public})
    commands = Commands(CABINET, machine.cabinet, documents, None, machine.disk, machine.clock)  # type: ignore[arg-type]
    finish(commands.take(command(number, occupancy, left_s), SESSIONS[session]))


@cache
def command(number: int, occupancy: str, left_s: float) -> bytes:
    body = OpenDoor(
        id=COMMANDS[number], cabinet=CABINET, session=SESSIONS[0], deadline_ms=int((NOW + left_s) * 1000),
        compartment=LABEL, occupancy=occupancy, purpose="collect",
    )  # fmt: skip
    return sign(KEY, "commands", CABINET, body.body())


class Board:
    """Writes when it may; whether it answers decides only how the time is known."""

    pulse_seconds = 0.3

    def __init__(self) -> None:
        self.wrote = False

    async def open(self, channel: int, permit: Any) -> WirePulse:
        self.wrote = permit()
        if not self.wrote:
            return WirePulse("board", channel, PulseAnswer.WITHHELD)
        return WirePulse("board", channel, PulseAnswer.ACCEPTED, sent_at=NOW)


def carries_out(box: Box, pulse: Pulse) -> str:
    """The pulse's turn on the wire: "" when its bytes were written, else why not."""
    machine, board, withheld = Machine(box, Kept(box)), Board(), list[str]()
    lock = Lock(board, 1, "supply")  # type: ignore[arg-type]
    unlocker = Unlocker({LABEL: lock}, machine.cabinet, machine.clock)
    finish(unlocker._send(lock, pulse, withheld))
    return "" if board.wrote else withheld[-1]


def is_told(machine: Machine, done: Pulsed) -> None:
    finish(machine.cabinet.pulsed(LABEL, done))


def reads(machine: Machine, is_open: bool, interrupted: bool | None) -> None:
    finish(machine.cabinet.read([(LABEL, Reading(is_open, NOW, interrupted))]))


def ticks(machine: Machine) -> None:
    finish(machine.cabinet.tick())


def restarts(machine: Machine, same_boot: bool) -> None:
    finish(machine.cabinet.restarted(same_boot=same_boot))


# --- the same situation is the same value


def as_kept(box: Box) -> Box:
    return replace(box, door=Door(), beam=box.beam.kept)


def later(box: Box, seconds: float) -> Box:
    """As it is seen from ``seconds`` later; what is further away than any rule looks is as far as that."""
    door = box.door
    counts = door.is_open and not door.told_left_open
    door = replace(door, since=away(door.since - seconds, STEP_S) if counts else NOW, changes=())
    rest = box.rest_until - seconds
    return replace(
        box,
        opening=None if box.opening is None else older(box.opening, seconds),
        door=door,
        left=None,  # nobody looks once more here
        rest_until=rest if rest > NOW else 0.0,
    )


def older(opening: Opening, seconds: float) -> Opening:
    sent, opened, until = opening.sent_at, opening.opened_at, opening.not_after
    return replace(
        opening,
        first_pulse=away(opening.first_pulse - seconds, RULES.window_s),
        intended=None if opening.intended is None else NOW,
        sent_at=None if sent is None else away(sent - seconds, STEP_S),
        opened_at=None if opened is None else away(opened - seconds, RULES.left_open_block_s),
        not_after=None if until is None else max(NOW, round(until - seconds, 1)),
    )


def away(at: float, most: float) -> float:
    return max(NOW - most, round(at, 1))


def numbered(box: Box, number: int) -> Box:
    """The opening under way has this number."""
    if box.opening is None or box.opening.number == number:
        return box
    return replace(box, opening=replace(box.opening, number=number))


def ends_of(facts: tuple[Fact, ...]) -> list[str]:
    return [fact.command for fact in facts if isinstance(fact, CommandEnded)]


def saw_open(facts: tuple[Fact, ...]) -> bool:
    return any(isinstance(fact, DoorOpened) for fact in facts)
