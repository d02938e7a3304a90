"""What access must not forget: wrong tries of each kind, and codes that were replaced.

Kept in the store and in its floor.
"""

import json
from collections.abc import Callable, Container
from dataclasses import dataclass, field, replace

from controller.access.tries import Tries

MOST_GENERATIONS = 200
"""More orders than a cabinet has compartments, and room for them in the floor."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Durable before anybody hears of it; an older copy of the store brings nothing of it back."""

    code: Tries = field(default_factory=Tries)
    """With a code alone."""
    strong: Tries = field(default_factory=Tries)
    """With a code and the last digits of a phone."""
    pin: Tries = field(default_factory=Tries)
    """With the PIN of a badge."""
    generations: tuple[tuple[str, int], ...] = ()
    """By order: the newest generation of a QR that was shown here before the cloud told of it."""

    @classmethod
    def read(cls, meta: Callable[[str], str | None]) -> "Kept":
        code, strong, pin = (Tries.from_json(meta(key)) for key in ("tries", "tries_strong", "tries_pin"))
        shown = json.loads(meta("generations") or "[]")
        return cls(code, strong, pin, tuple((order, generation) for order, generation in shown))

    def generation(self, order: str) -> int:
        """No older code or QR of this order is good: a newer one was shown here."""
        return dict(self.generations).get(order, 0)

    def meta(self) -> dict[str, str]:
        """As it lies in the store, by key; every key is guarded by the floor."""
        return {
            "tries": self.code.to_json(),
            "tries_strong": self.strong.to_json(),
            "tries_pin": self.pin.to_json(),
            "generations": json.dumps(self.generations, separators=(",", ":")),
        }

    def with_code(self, tries: Tries) -> "Kept":
        return replace(self, code=tries)

    def with_generation(self, order: str, generation: int) -> "Kept":
        others = tuple(pair for pair in self.generations if pair[0] != order)
        return replace(self, generations=(*others, (order, generation))[-MOST_GENERATIONS:])

    def without(self, orders: Container[str]) -> "Kept":
        """The cloud has told of these meanwhile."""
        kept = tuple(pair for pair in self.generations if pair[0] not in orders)
        return replace(self, generations=kept)

    def with_pin(self, tries: Tries) -> "Kept":
        return replace(self, pin=tries)

    def with_strong(self, tries: Tries) -> "Kept":
        return replace(self, strong=tries)
