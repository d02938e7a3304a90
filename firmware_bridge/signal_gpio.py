"""Contacts, lamps and buzzers on pins of this computer. Locks are never among them: a guard has theirs.

The controller's own process has these pins. When it dies they stay as they were, or fall back, as the
computer pleases; see docs/boards/signals.md.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from config.cabinet import Bus, Indicator, Input
from firmware_bridge.errors import PortError, PortGone, PortUnavailable
from firmware_bridge.ports import InputReadings

AGAIN_SECONDS = 1.0
"""Pins that cannot be had are tried again this often."""


class Signals(Protocol):
    """The pins once they are held; ``firmware_bridge/gpio.py`` has two ways to them."""

    def levels(self) -> Mapping[str, bool]: ...
    def light(self, name: str, on: bool) -> None: ...
    def close(self) -> None: ...


Take = Callable[[Bus, Sequence[Input], Sequence[Indicator]], Signals]


def _take(bus: Bus, inputs: Sequence[Input], indicators: Sequence[Indicator]) -> Signals:
    # gpiozero takes long to import, and few cabinets have pins.
    from firmware_bridge.gpio import open_signals

    return open_signals(bus, inputs, indicators)


class SignalPins:
    """The port of one bus of pins; see ``Port``."""

    def __init__(
        self, bus: Bus, inputs: Sequence[Input], indicators: Sequence[Indicator], take: Take = _take
    ) -> None:
        self.fault: PortError | None = PortUnavailable(bus.port, "its pins were not taken yet")
        self._bus, self._inputs, self._indicators = bus, inputs, indicators
        self._take = take
        self._held: Signals | None = None
        self._again: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._held is not None

    async def open(self) -> None:
        """Take hold of the pins, lamps off."""
        try:
            await self._open()
        finally:
            self._again = asyncio.create_task(self._keep_up())

    async def close(self) -> None:
        """Lamps off, and let go."""
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
        self._lose(PortGone(self._bus.port, "it was closed"))

    def levels(self) -> Mapping[str, bool]:
        """Of all contacts. ``PortError``."""
        try:
            return self._there().levels()
        except PortError as error:
            self._lose(error)
            raise

    def light(self, name: str, on: bool) -> None:
        """Switch a lamp or a buzzer. ``PortError``."""
        try:
            self._there().light(name, on)
        except PortError as error:
            self._lose(error)
            raise

    async def _open(self) -> None:
        try:
            self._held = await asyncio.to_thread(self._take, self._bus, self._inputs, self._indicators)
            self.fault = None
        except PortError as error:
            self.fault = error
            raise

    def _there(self) -> Signals:
        if self._held is None:
            raise self.fault or PortGone(self._bus.port, "its pins are gone")
        return self._held

    def _lose(self, error: PortError) -> None:
        self.fault = error
        if self._held is not None:
            self._held.close()
            self._held = None

    async def _keep_up(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            if self._held is None:
                with contextlib.suppress(PortError):
                    await self._open()


@dataclass(slots=True)
class InputGpio:
    """All contacts on the pins of one bus."""

    pins: SignalPins
    contacts: Sequence[Input]

    @property
    def name(self) -> str:
        return self.contacts[0].card

    async def read(self) -> InputReadings:
        """See ``SignalInputs``."""
        asked_at = asyncio.get_running_loop().time()
        levels = self.pins.levels()
        disturbed = {each.name: levels[each.name] != each.quiet for each in self.contacts}
        return InputReadings(self.name, disturbed, asked_at, asyncio.get_running_loop().time())


@dataclass(slots=True)
class IndicatorGpio:
    """One lamp or buzzer on a pin."""

    pins: SignalPins
    wired: Indicator

    @property
    def name(self) -> str:
        return self.wired.name

    @property
    def card(self) -> str:
        return self.wired.card

    async def show(self, on: bool) -> None:
        """See ``Indicator``."""
        self.pins.light(self.name, on)
