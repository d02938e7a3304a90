"""Relay cards that time their own pulses, and input cards for switches and beams.

The driver knows one relay card, what sort it is (``config/cabinet/relays.py``), and the card that its
switches are wired to, the same one or another; light beams across compartments are wired to further inputs of
that card and are read with the switches. Turning a relay on to stay is not in it: a computer that stops in
between would burn the solenoid.
"""

from dataclasses import dataclass, field

from config.cabinet import Board
from config.cabinet.families import LOCKS, LONGEST_PULSE_MS
from config.cabinet.relays import RELAY_CARDS, RelayCard
from firmware_bridge.device import LockDevice
from firmware_bridge.errors import BridgeError, PortError, WrongUse
from firmware_bridge.guard import Guard
from firmware_bridge.guard.lock import GuardedLock
from firmware_bridge.line import Exchange, Refused
from firmware_bridge.modbus import REPLY_SECONDS, ModbusBus
from firmware_bridge.ports import DoorReadings, Permit, Pulse, PulseAnswer

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
        """One pulse of one relay, timed by the card, sent at most once. See ``LockBoard``."""
        if not 1 <= channel <= self.channels:
            raise WrongUse(self.name, f"there is no channel {channel}, only 1 to {self.channels}")
        try:
            if not self._released:
                await self.release()
        except BridgeError:
            # Nothing is written to a card before it has confirmed that all its outputs are off.
            return Pulse(self.name, channel, PulseAnswer.NO_ANSWER)
        return await self._send(channel, permit)

    async def doors(self) -> DoorReadings:
        """All door switches and beams, in one exchange. See ``LockBoard``."""
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
        return DoorReadings(self.name, doors, done.sent_at, done.answered_at, beams)

    async def release(self) -> None:
        """All relays off; sent before anything else is written to this card. See ``LockBoard``."""
        await self.bus.all_off(self.relays, self.address, self.channels, board=self.name)
        self._released = True

    async def _send(self, channel: int, permit: Permit) -> Pulse:
        try:
            done = await self.bus.pulse(
                self.relays, self.address, channel, self.pulse_ms, board=self.name, permit=permit
            )
        except PortError:
            return Pulse(self.name, channel, PulseAnswer.NO_ANSWER)
        return self._pulse(channel, done)

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
