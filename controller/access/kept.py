"""What access must not forget: wrong tries of each kind. Kept in the store and in its floor."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from controller.access.tries import Tries


@dataclass(frozen=True, slots=True)
class Kept:
    """Durable before anybody hears of it; an older copy of the store brings nothing of it back."""

    code: Tries = field(default_factory=Tries)
    """With a code alone."""
    strong: Tries = field(default_factory=Tries)
    """With a code and the last digits of a phone."""
    pin: Tries = field(default_factory=Tries)
    """With the PIN of a badge."""

    @classmethod
    def read(cls, meta: Callable[[str], str | None]) -> "Kept":
        return cls(*(Tries.from_json(meta(key)) for key in ("tries", "tries_strong", "tries_pin")))

    def meta(self) -> dict[str, str]:
        """As it lies in the store, by key; every key is guarded by the floor."""
        return {
            "tries": self.code.to_json(),
            "tries_strong": self.strong.to_json(),
            "tries_pin": self.pin.to_json(),
        }

    def with_code(self, tries: Tries) -> "Kept":
        return replace(self, code=tries)

    def with_pin(self, tries: Tries) -> "Kept":
        return replace(self, pin=tries)

    def with_strong(self, tries: Tries) -> "Kept":
        return replace(self, strong=tries)
