"""The air of one zone: heat from the room, through open doors and from goods; a compressor that takes it out.

Two bodies, the air and what stands in it (walls and goods), with one heat exchange between them. Nothing here
knows a limit or a rule; the thermostat is the one in the refrigeration unit, not ours.
"""

from collections.abc import Callable
from dataclasses import dataclass

STEP_S = 1.0
"""So long one step of the physics is."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a zone is made of; a small glass-door merchandiser by default. J/K, W/K, W, seconds."""

    air: float = 20_000.0
    inside: float = 200_000.0
    air_to_inside: float = 60.0
    room_to_inside: float = 3.0
    open_door: float = 25.0
    cooling: float = 350.0
    heater: float = 150.0
    least_off_s: float = 180.0
    """A compressor that starts against pressure burns, so it rests at least so long."""
    hysteresis: float = 1.0
    defrost_every_s: float = 0.0
    """0: it never defrosts."""
    defrost_s: float = 900.0


class Air:
    """One zone, stepped from outside. ``open_doors`` is asked at each step."""

    def __init__(
        self,
        set_point: float,
        open_doors: Callable[[], int],
        *,
        body: Body | None = None,
        room: float = 26.0,
        is_dead: Callable[[], bool] = lambda: False,
    ) -> None:
        self.body = body or Body()
        self.room = room
        self.celsius = self.inside = self.set_point = set_point
        self.powered = True
        """The mains; without it nothing runs, and the compressor rests after it."""
        self.running = False
        self._open_doors, self._is_dead = open_doors, is_dead
        self._stopped_s = self.body.least_off_s
        self._since_defrost_s = 0.0

    @property
    def defrosting(self) -> bool:
        """The heater melts ice off; the compressor stands."""
        every = self.body.defrost_every_s
        return bool(every) and self.powered and self._since_defrost_s >= every

    def step(self, seconds: float = STEP_S) -> None:
        """Let so much time pass; a few seconds at most."""
        self._switch(seconds)
        body, cold = self.body, self.celsius
        heat = body.air_to_inside * (self.inside - cold)
        heat += body.open_door * self._open_doors() * (self.room - cold)
        heat += body.heater if self.defrosting else 0.0
        heat -= body.cooling if self.running else 0.0
        self.celsius += heat * seconds / body.air
        gained = body.air_to_inside * (cold - self.inside) + body.room_to_inside * (self.room - self.inside)
        self.inside += gained * seconds / body.inside

    def put(self, celsius: float, heat_capacity: float = 4_000.0) -> None:
        """Something of another temperature comes in; 4 kJ/K is a litre of milk."""
        self.inside += (celsius - self.inside) * heat_capacity / (self.body.inside + heat_capacity)

    def _switch(self, seconds: float) -> None:
        self._count_defrost(seconds)
        may_run = self.powered and not self.defrosting and not self._is_dead()
        if self.running:
            self.running = may_run and self.celsius > self.set_point - self.body.hysteresis
            self._stopped_s = 0.0
            return
        self._stopped_s += seconds
        rested = self._stopped_s >= self.body.least_off_s
        self.running = may_run and rested and self.celsius > self.set_point + self.body.hysteresis

    def _count_defrost(self, seconds: float) -> None:
        if not self.powered:
            return
        self._since_defrost_s += seconds
        if self._since_defrost_s >= self.body.defrost_every_s + self.body.defrost_s:
            self._since_defrost_s = 0.0
