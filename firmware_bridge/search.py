"""Looking for boards on a wire: every address is asked for its doors, at one speed after the other.

Only what reads is asked: no driver is released or opened, so nothing is written that could move.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from config.cabinet import Cabinet
from firmware_bridge.assemble import device
from firmware_bridge.errors import BadFrame, BoardRefused, BoardSilent, ImpossibleReading, PortError
from firmware_bridge.line import Direction, Line, Wire
from firmware_bridge.modbus import ModbusBus

TIMES_ASKED = 3
"""A board that says anything is asked so often: whoever shares its address answers differently at times."""
TIMES_SILENT = 2
"""A board may miss one question: it starts up, or somebody else's bytes were on the wire."""
REOPENED_WITHIN_SECONDS = 3.0
WORTH_SHOWING_BYTES = 16


class State(StrEnum):
    """What is known of an address that said something."""

    ANSWERS = "answers"
    DIFFERS = "differs"
    """Whole answers that say different things."""
    GARBLED = "garbled"
    """Answers that are broken, at least one of them."""
    REFUSES = "refuses"
    """The board understands, and says no to what was asked."""


@dataclass(frozen=True, slots=True)
class Found:
    """An address at a speed, and the doors (by channel) that stood open there."""

    baud: int
    address: int
    state: State
    open: tuple[int, ...] = ()


@dataclass(slots=True)
class Searched:
    """What was found, and what has to be said about it."""

    boards: list[Found] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> bool:
        return bool(self.sentences)


@dataclass(frozen=True, slots=True)
class _Garbage:
    """Bytes that are no answer; ``framed`` when they begin as the question did, so the speed is right."""

    heard: bytes
    framed: bool


_Told = tuple[int, ...] | _Garbage | BoardRefused | None
"""One answer: the doors that stand open, or what came instead; None: silence."""


class Search:
    """One wire, described by a cabinet file of one board for each speed. ``asked`` is told of each step."""

    def __init__(self, files: Sequence[Cabinet], addresses: range, asked: Callable[[int, int], None]) -> None:
        self._files, self._addresses, self._asked = files, addresses, asked

    async def search(self) -> Searched:
        """``PortUnavailable`` when the port cannot be opened, ``PortGone`` when it vanishes for good."""
        heard: dict[int, dict[int, list[_Told]]] = {}
        for file in self._files:
            heard[file.bus[0].baud] = await self._at_one_speed(file)
        return _judged(heard, self._files[0].board[0].kind, self._files[0].bus[0].port)

    async def _at_one_speed(self, file: Cabinet) -> dict[int, list[_Told]]:
        asking = _Asking(file)
        heard: dict[int, list[_Told]] = {}
        try:
            await asking.wire.open()
            for time in range(1, TIMES_SILENT + 1):
                for address in self._addresses:
                    if address not in heard and (told := await asking.listen_to(address, time)):
                        heard[address] = told
                    self._asked(file.bus[0].baud, address)
        finally:
            await asking.wire.close()
        return heard


class _Asking:
    """One opened wire at one speed."""

    def __init__(self, file: Cabinet) -> None:
        bus = file.bus[0]
        self._board = file.board[0]
        self._request = b""
        self.wire = Wire(
            bus.port, baud=bus.baud, parity=bus.parity, stopbits=bus.stopbits, trace=self._remember
        )
        self._bus = ModbusBus(self.wire) if bus.kind == "modbus" else Line(self.wire)

    async def listen_to(self, address: int, time: int) -> list[_Told]:
        """All that was said at this address; nothing when the first question, now, met silence."""
        first = await self._ask(address, f"{time}")
        if first is None:
            return []
        return [first, *[await self._ask(address, f"{time}-{n}") for n in range(2, TIMES_ASKED + 1)]]

    async def _ask(self, address: int, time: str) -> _Told:
        await self._reopened()
        # A name for each question: a line leaves boards alone that failed under the same one.
        one = self._board.model_copy(update={"address": address, "name": f"at-{address}-{time}"})
        try:
            doors = (await device(one.kind).drive(one, self._bus, ()).doors()).doors
        except BoardSilent:
            return None
        except BoardRefused as refusal:
            return refusal
        except (BadFrame, ImpossibleReading) as error:
            heard = error.frame.removeprefix(self._request)
            return _Garbage(heard, heard[:1] == self._request[:1]) if heard else None
        return tuple(channel for channel, is_open in sorted(doors.items()) if is_open)

    def _remember(self, _: float, direction: Direction, data: bytes) -> None:
        if direction is Direction.SENT:
            self._request = data

    async def _reopened(self) -> None:
        """A line opens its port anew when garbage keeps coming; ``PortError`` when it does not come back."""
        try:
            async with asyncio.timeout(REOPENED_WITHIN_SECONDS):
                while not self.wire.is_open:  # noqa: ASYNC110 (nobody is told when a port is back)
                    await asyncio.sleep(0.01)
        except TimeoutError as error:
            raise self.wire.fault or PortError(self.wire.address, "it did not come back") from error


def _judged(heard: dict[int, dict[int, list[_Told]]], kind: str, port: str) -> Searched:
    searched = Searched()
    right = [baud for baud, told in heard.items() if any(map(_is_understood, told.values()))]
    for baud, told in heard.items():
        garbage = next((each for all_told in told.values() for each in all_told if _is_garbage(each)), None)
        if isinstance(garbage, _Garbage) and baud not in right and not _any_framed(told):
            searched.sentences.append(_wrong_speed(port, kind, baud, right, garbage.heard))
            continue
        for address, answers in told.items():
            found = _found(baud, address, answers)
            searched.boards.append(found)
            searched.sentences += _doubt(found, answers)
    if not searched.boards and not searched.sentences:
        speeds = ", ".join(map(str, heard))
        searched.sentences.append(f"no {kind} board answers on {port} at {speeds} baud")
    return searched


def _found(baud: int, address: int, answers: Sequence[_Told]) -> Found:
    doors = {each for each in answers if isinstance(each, tuple)}
    open_at_all = tuple(sorted({channel for told in doors for channel in told}))
    if any(isinstance(each, _Garbage) for each in answers):
        return Found(baud, address, State.GARBLED, open_at_all)
    if len(doors) > 1:
        return Found(baud, address, State.DIFFERS, open_at_all)
    return Found(baud, address, State.ANSWERS if doors else State.REFUSES, open_at_all)


def _doubt(found: Found, answers: Sequence[_Told]) -> list[str]:
    where = f"address {found.address} at {found.baud} baud"
    match found.state:
        case State.GARBLED:
            garbage = next(each for each in answers if isinstance(each, _Garbage))
            reason = f"its answers are broken ({_shown(garbage.heard)})"
            return [f"{where}: {reason}; two boards seem to share it, or something disturbs the wire"]
        case State.DIFFERS:
            return [f"{where}: its answers differ; two boards seem to share it, unless a door just moved"]
        case State.REFUSES:
            refusal = next(each for each in answers if isinstance(each, BoardRefused))
            return [f"{where}: a board is there and refuses, with code {refusal.code}; try fewer --channels"]
    return []


def _wrong_speed(port: str, kind: str, baud: int, right: Sequence[int], heard: bytes) -> str:
    came = f"bytes came that are no answer ({_shown(heard)})"
    if right:
        speeds = " and ".join(map(str, right))
        return f"{baud} baud is wrong for {port}: {came}, and boards answer at {speeds} baud"
    return f"{baud} baud seems wrong for {port}: {came}; try another --baud, or another --kind than {kind}"


def _is_understood(answers: Sequence[_Told]) -> bool:
    return any(isinstance(each, tuple | BoardRefused) for each in answers)


def _is_garbage(told: _Told) -> bool:
    return isinstance(told, _Garbage)


def _any_framed(told: dict[int, list[_Told]]) -> bool:
    return any(isinstance(each, _Garbage) and each.framed for all_told in told.values() for each in all_told)


def _shown(heard: bytes) -> str:
    return heard[:WORTH_SHOWING_BYTES].hex(" ") + (" …" if len(heard) > WORTH_SHOWING_BYTES else "")
