"""Weighing transmitters on Modbus, whichever registers their make has.

The driver knows one scale; it does not know what lies on it, or what that costs.
"""

from config.cabinet.registers import Quantity
from firmware_bridge.errors import StillMoving, WrongUse
from firmware_bridge.ports import WeightReading
from firmware_bridge.registers import Held, Place, RegisterDevice, covered, is_set, spans, words_of

MILLIGRAMS = {"mg": 1, "g": 1_000, "kg": 1_000_000}
"""In one of each unit."""


class ScaleRegisters(RegisterDevice):
    """One scale on a bus. See ``Scale``."""

    async def weigh(self) -> WeightReading:
        """What lies on it now.

        Flags that do not touch the weight come in requests of their own, before it and behind it: the load
        rested while the weight was read only if it did both times.
        """
        weight = self.map.weight
        assert weight is not None  # the cabinet file's checks say so
        apart = self._apart(weight)
        looks = [await self.read(apart)] if apart else []
        read = await self.read(self.places(weight) | self._flags - apart)
        looks += [read, await self.read(apart)] if apart else [read]
        self._check_overload(looks)
        milligrams = self.measured("weight", weight, read) * MILLIGRAMS[weight.unit]
        return WeightReading(self.name, round(milligrams), self._is_stable(looks), read.asked_at)

    async def tare(self) -> None:
        """See ``Scale``."""
        await self._tell("tare")

    async def zero(self) -> None:
        """See ``Scale``."""
        await self._tell("zero")

    async def _tell(self, key: str) -> None:
        command = self.map.commands.get(key)
        if command is None:
            raise WrongUse(self.name, f"register map {self.map.name} has no {key}")
        if (await self.weigh()).stable is False:  # whoever weighs what can be is a scale, and no relay card
            raise StillMoving(self.bus.line.address, self.name)
        await self.bus.write(
            self.address, command.address, words_of(command), function=command.function, board=self.name
        )

    @property
    def _flags(self) -> set[Place]:
        return {flag.place for flag in self.map.flags.values()}

    def _apart(self, weight: Quantity) -> set[Place]:
        """The flags that do not come in the request of the weight."""
        requests = spans(self.places(weight) | self._flags)
        with_weight = next(span for span in requests if (weight.function, weight.address) in covered(span))
        return self._flags - covered(with_weight)

    def _check_overload(self, looks: list[Held]) -> None:
        flag = self.map.overload
        for look in looks:
            if flag is not None and flag.place in look.values and is_set(flag, look.values):
                raise self.impossible("overload", look)

    def _is_stable(self, looks: list[Held]) -> bool | None:
        flag = self.map.stable
        if flag is None:
            return None
        return all(is_set(flag, look.values) for look in looks if flag.place in look.values)
