"""The walk itself: pulses through the product's own drivers, one at a time, and questions to a person."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from config.cabinet import Board, Cabinet
from firmware_bridge.assemble import Hardware, device
from firmware_bridge.commission.wiring import Channel, Finding, Opened, Wiring, learn
from firmware_bridge.errors import BadFrame, BridgeError
from firmware_bridge.ports import SETTLES_SECONDS, DoorReadings, LockBoard, PulseAnswer

LOOKS = 4
"""So often every board is read at first: two that answer at once differ sooner or later."""
LOOK_AGAIN_SECONDS = 0.1
SHUT_WITHIN_SECONDS = 120.0


class CoilHeld(Exception):
    """A board did not end a pulse by itself: it is none of the family that the plan says, and burns locks."""


class Person(Protocol):
    """Whoever stands in front of the cabinet."""

    async def all_shut(self) -> None:
        """Asks for every door to be shut; returns when the person says so."""
        ...

    async def which_opened(self, expected: str) -> tuple[str, ...]:
        """The labels of the doors that opened just now; ``expected`` is the plan's."""
        ...

    async def let_go(self, label: str) -> bool:
        """Whether the lock of this door has let go by itself: it neither hums nor holds its bolt in."""
        ...

    async def shut_again(self, labels: Sequence[str]) -> None:
        """Asks for these doors to be shut; returns when the person says so, or sooner."""
        ...


@dataclass(slots=True)
class _Way:
    """One way to read a board: as planned, or with the status bytes in the other order."""

    settings: dict[str, Any]
    board: LockBoard
    inverted: bool = False
    """With all doors shut most of its switches read open."""

    async def open(self) -> dict[int, bool]:
        """Switch channel to "open"; ``BridgeError``."""
        doors = (await self.board.doors()).doors
        return {channel: is_open != self.inverted for channel, is_open in doors.items()}


class _Boards:
    """All boards of a plan that can be used, each with the ways to read it that are still possible."""

    def __init__(self, plan: Cabinet, hardware: Hardware) -> None:
        self.plan = plan
        self.hardware = hardware
        self.findings: list[Finding] = []
        self._proven: set[str] = set()
        self._let_go: set[str] = set()
        self.ways = {board.name: _ways(board, hardware) for board in plan.board}

    async def meet(self) -> None:
        """Read every board with all doors shut; put aside those that cannot be used, learn the polarity."""
        for board in self.plan.board:
            trouble = await _trouble(self.hardware.boards[board.name])
            if trouble:
                self.findings.append(Finding(board.name, trouble))
                del self.ways[board.name]
                continue
            switches = [c.switch for c in self.plan.compartment if c.board == board.name]
            for way in self.ways[board.name]:
                states = await way.open()
                read_open = [switch for switch in switches if states.get(switch)]
                way.inverted = len(read_open) * 2 > len(switches)

    async def read(self) -> dict[str, list[dict[int, bool]]]:
        """By board, what each of its ways reads; nothing for one that does not answer right now."""
        return {name: [await _now(way) for way in ways] for name, ways in self.ways.items()}

    def moved(
        self, before: Mapping[str, list[dict[int, bool]]], after: Mapping[str, list[dict[int, bool]]]
    ) -> tuple[Channel, ...]:
        """The switches that went open in between; a way in which one moved is the board's from then on."""
        found: list[Channel] = []
        for name, ways in self.ways.items():
            opened = [_went_open(*pair) for pair in zip(before[name], after[name], strict=True)]
            right = next((at for at, channels in enumerate(opened) if channels), None)
            if right is not None:
                found += [(name, channel) for channel in opened[right]]
                self._proven.add(name)
                self.ways[name] = [ways[right]]
        return tuple(found)

    async def see_let_go(self, name: str, label: str, person: Person) -> None:
        """``CoilHeld`` when this board did not end its pulse; where a card does not tell, the person does."""
        readings = await self._patiently(name)
        if readings is not None and readings.stays_on:
            raise CoilHeld(f"{readings.stays_on}: nothing was written")
        seen = readings is not None and readings.seen_off
        board = next(board for board in self.plan.board if board.name == name)
        if seen or name in self._let_go or board.family.bus != "modbus" or board.is_guarded:
            return
        if not await person.let_go(label):
            raise CoilHeld(f"board {name} did not let go of {label} by itself: nothing was written")
        self._let_go.add(name)

    async def _patiently(self, name: str) -> DoorReadings | None:
        for _ in range(LOOKS):
            try:
                return await self.hardware.boards[name].doors()
            except BridgeError:
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return None

    def settings(self) -> dict[str, dict[str, Any]]:
        """What has to be set otherwise than planned, by board; told as findings, too."""
        wrong = {}
        for board in self.plan.board:
            ways = self.ways.get(board.name)
            if not ways or board.name not in self._proven:
                continue  # where no switch ever moved, none has shown how it is to be read
            keys = ways[0].settings | _turned(board, ways[0].inverted)
            if keys:
                wrong[board.name] = keys
                told = ", ".join(f"{key} = {value}" for key, value in keys.items())
                self.findings.append(
                    Finding(board.name, f"its switches read the other way round: {told}", repaired=True)
                )
        return wrong


async def walk(plan: Cabinet, hardware: Hardware, person: Person) -> Wiring:
    """Open every lock of the plan once and learn how the cabinet is wired.

    Boards that do not answer, or not clearly, are left out with a finding. ``hardware`` is started.
    ``CoilHeld``: it has to end at once, and nothing that it learned is to be used.
    """
    await person.all_shut()
    boards = _Boards(plan, hardware)
    await boards.meet()
    openings = []
    for planned in plan.compartment:
        if planned.board in boards.ways:
            openings.append(await _open(boards, (planned.board, planned.channel), planned.label, person))
    settings = boards.settings()
    return learn(plan, openings, settings, boards.findings)


async def _open(boards: _Boards, lock: Channel, expected: str, person: Person) -> Opened:
    before = await boards.read()
    pulse = await boards.hardware.boards[lock[0]].open(lock[1], lambda: True)
    if pulse.answer is PulseAnswer.REFUSED or pulse.ends_at is None:
        boards.findings.append(Finding(expected, f"the board says to its opening: {pulse.answer}"))
        return Opened(lock, (), ())
    await asyncio.sleep(max(0.0, pulse.ends_at - asyncio.get_running_loop().time()) + SETTLES_SECONDS)
    moved = boards.moved(before, await boards.read())
    await boards.see_let_go(lock[0], expected, person)
    doors = await person.which_opened(expected)
    if doors:
        await person.shut_again(doors)
    if moved:
        await _until_shut(boards, moved, doors)
    return Opened(lock, doors, moved)


async def _until_shut(boards: _Boards, moved: tuple[Channel, ...], doors: tuple[str, ...]) -> None:
    gives_up_at = asyncio.get_running_loop().time() + SHUT_WITHIN_SECONDS
    while asyncio.get_running_loop().time() < gives_up_at:
        states = await boards.read()
        if not any(states[name][0].get(channel, True) for name, channel in moved):
            return
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    boards.findings.append(Finding(", ".join(doors) or str(moved), "its switch did not close again"))


def _ways(board: Board, hardware: Hardware) -> list[_Way]:
    ways = [_Way({}, hardware.boards[board.name])]
    if "byte_order" in board.family.settings:
        other = {"byte_order": "first" if board.byte_order == "last" else "last"}
        turned = board.model_copy(update=other)
        ways.append(_Way(other, device(board.kind).drive(turned, hardware.lines[board.bus], ())))
    return ways


def _turned(board: Board, inverted: bool) -> dict[str, Any]:
    if not inverted:
        return {}
    if "closed_value" in board.family.settings:
        return {"closed_value": 1 - board.closed}
    return {"closed_input": not board.closed_input}


async def _trouble(board: LockBoard) -> str:
    """What keeps a board from being read, in a sentence; empty when nothing does."""
    seen = []
    for _ in range(LOOKS):
        try:
            seen.append((await board.doors()).doors)
        except BadFrame:
            return "its answers are garbled: two boards with this address, a wrong baud rate, or a bad cable"
        except BridgeError as error:
            return str(error)
    if any(each != seen[0] for each in seen):
        return "it answers differently each time: two boards with this address, or doors that move"
    return ""


async def _now(way: _Way) -> dict[int, bool]:
    try:
        return await way.open()
    except BridgeError:
        return {}


def _went_open(before: Mapping[int, bool], after: Mapping[int, bool]) -> list[int]:
    return [channel for channel, is_open in after.items() if is_open and before.get(channel) is False]
