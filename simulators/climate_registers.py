"""A thermostat or temperature probe, with registers as its map says."""

from collections.abc import Callable
from dataclasses import dataclass

from simulators.registers import RegisterDevice


@dataclass(slots=True)
class ClimateRegisters(RegisterDevice):
    """One of them in the air of a zone."""

    celsius: float = 21.0
    humidity: float = 55.0
    measures: Callable[[], float] | None = None
    """The air that it hangs in; without one ``celsius`` is what somebody's hand says."""

    def measures_now(self) -> dict[str, float]:
        if self.measures is not None:
            self.celsius = self.measures()
        return {"temperature": self.celsius, "humidity": self.humidity}
