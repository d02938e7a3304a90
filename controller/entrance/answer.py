"""What a person at the cabinet is told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person is told. ``kind``: opening, refused, courier (badge accepted), courier_left,
    pin (is wanted), service (may be done), service_left,
    again (the next code opens once more)."""

    kind: str
    door: str | None = None
    refusal: str = ""
    wait_s: int = 0
    more: int = 0
    """Further doors of the same order, opened one after the other."""
