"""Relay cards that time their own pulses, and input cards for switches and beams.

The driver knows one relay card, what sort it is (``config/cabinet/relays.py``), and the card that its
switches are wired to, the same one or another; light beams across compartments are wired to further inputs of
that card and are read with the switches. Turning a relay on to stay is not in it: a computer that stops in
between would burn the solenoid.
"""

import asyncio
import contextlib
import math
from dataclasses import dataclass, field

from config.cabinet import Board
from config.cabinet.families import LOCKS, LONGEST_PULSE_MS
from config.cabinet.relays import RELAY_CARDS, RelayCard
from firmware_bridge.device import LockDevice
from firmware_bridge.errors import (
    BoardError,
    BoardRefused,
    BridgeError,
    ImpossibleReading,
    PortError,
    WrongUse,
)
from firmware_bridge.guard import Guard
from firmware_bridge.guard.lock import GuardedLock
from firmware_bridge.line import Exchange, Refused
from firmware_bridge.modbus import REPLY_SECONDS, ModbusBus
from firmware_bridge.ports import DoorReadings, Permit, Pulse, PulseAnswer

OFF_WITHIN_SECONDS = 0.25
"""Behind the end of a pulse: a card's clock is no better than a tenth of a second."""
WAVESHARE = RELAY_CARDS["waveshare"]


@dataclass(slots=True)
class LockModbus:
    """One relay card on a bus. ``closed_input`` is the level of an input whose door is closed.

    ``inputs_function``: 2 where inputs are read one by one, 4 where sixteen stand in a register. ``beams``
    are the inputs of light beams; ``clear_input`` is the level of one that nothing interrupts.
    """

    name: str
    bus: ModbusBus
    address: int
    channels: int
    pulse_ms: int = 300
    inputs_address: int | None = None
    closed_input: bool = True
    beams: tuple[int, ...] = ()
    clear_input: bool = True
    inputs_function: int = 2
    relays: RelayCard = WAVESHARE
    _released: bool = field(default=False, kw_only=True)
    _look_at: dict[int, float] = field(default_factory=dict, init=False)
    """Outputs that were pulsed, by what tells their state, and when they have to be off."""
    _stays_on: str = field(default="", init=False)
    _seen_off: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.pulse_ms not in self.relays.pulses or self.pulse_ms > LONGEST_PULSE_MS:
            title, lengths = self.relays.title, self.relays.lengths
            raise WrongUse(self.name, f"{title} make pulses of {lengths}, not {self.pulse_ms}")
        if not 1 <= self.channels <= self.relays.most_channels:
            title, most = self.relays.title, self.relays.most_channels
            raise WrongUse(self.name, f"{title} have 1 to {most} channels, not {self.channels}")
        if not 1 <= self.address <= 247:
            raise WrongUse(self.name, f"Modbus cards answer to 1 to 247, not {self.address}")

    @property
    def pulse_seconds(self) -> float:
        return self.pulse_ms / 1000

    @property
    def reply_seconds(self) -> float:
        return REPLY_SECONDS

    async def open(self, channel: int, permit: Permit) -> Pulse:
        """One pulse of one relay, timed by the card, sent at most once. See ``LockBoard``.

        Whether the card has really ended it is read with the next door switches. Nothing is sent to a card
        that has not.
        """
        if not 1 <= channel <= self.channels:
            raise WrongUse(self.name, f"there is no channel {channel}, only 1 to {self.channels}")
        if self._stays_on:
            return Pulse(self.name, channel, PulseAnswer.NO_ANSWER)
        try:
            if not self._released:
                await self.release()
        except BridgeError:
            # Nothing is written to a card before it has confirmed that all its outputs are off.
            return Pulse(self.name, channel, PulseAnswer.NO_ANSWER)
        return await self._send(channel, permit)

    async def doors(self) -> DoorReadings:
        """All door switches and beams, in one exchange, and outputs that were pulsed. See ``LockBoard``."""
        await self._look_at_outputs()
        card = self.address if self.inputs_address is None else self.inputs_address
        last = max(self.channels, *self.beams, 0)
        done = await self.bus.inputs(
            card, last, board=f"{self.name} (card {card})", function=self.inputs_function
        )
        assert done.sent_at is not None
        assert done.answered_at is not None
        assert isinstance(done.answer, list)
        levels = dict(enumerate(done.answer, start=1))
        doors = {channel: levels[channel] != self.closed_input for channel in range(1, self.channels + 1)}
        beams = {wired: levels[wired] != self.clear_input for wired in self.beams}
        return DoorReadings(
            self.name, doors, done.sent_at, done.answered_at, beams, self._stays_on, self._seen_off
        )

    async def release(self) -> None:
        """All relays off; sent before anything else is written to this card. See ``LockBoard``."""
        try:
            await self.bus.all_off(self.relays, self.address, self.channels, board=self.name)
        except ImpossibleReading as error:
            self._stays_on = str(error)
            raise
        self._released = True

    async def _send(self, channel: int, permit: Permit) -> Pulse:
        state = (self.relays.first_state or 0) + channel - 1
        self._look_at[state] = math.inf  # nobody may take this pulse for an earlier one that has not ended
        pulse = Pulse(self.name, channel, PulseAnswer.NO_ANSWER)
        try:
            done = await self.bus.pulse(
                self.relays, self.address, channel, self.pulse_ms, board=self.name, permit=permit
            )
            pulse = self._pulse(channel, done)
        except PortError:
            pass
        finally:
            ends_at = pulse.ends_at or asyncio.get_running_loop().time() + self.pulse_seconds
            self._look_at[state] = ends_at + OFF_WITHIN_SECONDS
        return pulse

    async def _look_at_outputs(self) -> None:
        """Read those whose pulse is over. One that is on is turned off, and nothing opened any more."""
        if self.relays.first_state is None:
            return
        for state, off_from in list(self._look_at.items()):
            if off_from > asyncio.get_running_loop().time():
                continue
            is_on = await self._is_on(state)
            if is_on is None or self._look_at.get(state) != off_from:
                continue  # asked again with the next switches; or it has been pulsed again meanwhile
            if is_on:
                self._stays_on = f"board {self.name} kept output {state} on after its pulse"
                with contextlib.suppress(BoardError):
                    await self.bus.output_off(self.relays, self.address, state, board=self.name)
            else:
                del self._look_at[state]
                self._seen_off = not self._stays_on

    async def _is_on(self, state: int) -> bool | None:
        """None where the card does not say; one that refuses to is not asked again about this pulse."""
        try:
            return await self.bus.is_on(self.relays, self.address, state, board=f"{self.name} outputs")
        except BoardRefused:
            self._look_at.pop(state, None)
        except BoardError:
            pass
        return None

    def _pulse(self, channel: int, done: Exchange[bytes | Refused]) -> Pulse:
        if done.withheld:
            return Pulse(self.name, channel, PulseAnswer.WITHHELD)
        assert done.sent_at is not None
        if done.answer is None:
            ends_at = done.sent_at + REPLY_SECONDS + self.pulse_seconds
            return Pulse(self.name, channel, PulseAnswer.NO_ANSWER, done.sent_at, ends_at)
        assert done.answered_at is not None
        if isinstance(done.answer, Refused):
            return Pulse(
                self.name, channel, PulseAnswer.REFUSED, done.sent_at, done.answered_at, done.answered_at
            )
        ends_at = done.answered_at + self.pulse_seconds
        return Pulse(self.name, channel, PulseAnswer.ACCEPTED, done.sent_at, ends_at, done.answered_at)


def _drive(board: Board, bus: ModbusBus | Guard, beams: tuple[int, ...]) -> LockModbus | GuardedLock:
    if isinstance(bus, Guard):
        return GuardedLock(board.name, bus, board.channels, board.pulse_ms, board.closed_input)
    return LockModbus(
        board.name,
        bus,
        board.address,
        board.channels,
        pulse_ms=board.pulse_ms,
        inputs_address=board.inputs_address,
        closed_input=board.closed_input,
        beams=beams,
        clear_input=board.clear_input,
        inputs_function=board.inputs_function,
        relays=RELAY_CARDS[board.dialect],
    )


DEVICE = LockDevice(LOCKS["lock_modbus"], _drive)
