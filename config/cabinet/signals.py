"""Contacts of the case, lamps and buzzers: what a cabinet file says of one."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.cabinet.part import Label, Name, Part, Pin
from config.cabinet.relays import HELD_CARDS, UntimedCard


class _Wired(Part):
    """On a card of a Modbus bus, or on a pin of this computer."""

    name: Name
    bus: Name
    address: int | None = Field(default=None, ge=1, le=247, description="Modbus: the card")
    number: int | None = Field(
        default=None, ge=1, le=64, description="Modbus: which input or output of it, counted from 1"
    )
    pin: Pin | None = Field(default=None, description="GPIO: as gpiozero counts, or the chip's line offset")

    @property
    def card(self) -> str:
        """What has to answer for it, as faults name it: a card, or the pins of a bus."""
        return self.bus if self.address is None else f"{self.bus}-{self.address}"


class Input(_Wired):
    """A contact that tells when somebody is at the case, or calls."""

    means: Literal["tamper", "tilt", "inside"] = Field(
        description="the case was opened; it was tipped or carried; the wired 'someone is inside' button"
    )
    function: Literal[2, 4] = Field(
        default=2, description="Modbus: 2 reads inputs one by one, 4 as registers of sixteen"
    )
    pull: Literal["up", "down", "none"] = Field(default="up", description="GPIO: what an open contact reads")
    quiet: bool = Field(
        default=True,
        description="its level while nobody is at it; true: a contact that opens, so that a cut wire is told",
    )


def _held_card(profile: str) -> str:
    if profile not in HELD_CARDS:
        raise ValueError(f"there are no cards {profile} for lamps; there are {', '.join(HELD_CARDS)}")
    return profile


class Indicator(_Wired):
    """A lamp or a buzzer: an output that may stay on, on a bus without any lock."""

    means: Literal["lamp", "light", "buzzer"] = Field(
        description="lamp: of one compartment, while its door is asked for; light: while anybody is served"
    )
    label: Label | None = Field(default=None, description="lamp: which compartment it belongs to")
    profile: Annotated[str, AfterValidator(_held_card)] = Field(
        default=next(iter(HELD_CARDS)), description="Modbus: how an output of this card is switched"
    )
    active_high: bool = Field(default=True, description="GPIO: a high output switches it on")

    @property
    def sort(self) -> UntimedCard:
        return HELD_CARDS[self.profile]
