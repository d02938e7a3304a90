"""What a person at the cabinet is told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person is told.

    ``kind``: opening, refused, courier (badge accepted), courier_left, queued (its door opens in its turn),
    question (where is the parcel? was it this door?), noted (a word was taken), removed_all (nothing overdue
    is left), pin (is wanted), service (may be done), service_left, released (goods were looked at after
    their hold), proven (this door is wired right), other_moved (another one did), again (the next code opens
    once more).
    """

    kind: str
    door: str | None = None
    refusal: str = ""
    wait_s: int = 0
    more: int = 0
    """Further doors of the same order, opened one after the other; parcels that still wait for a door."""
    size: str = ""
    zone: str = ""
    """What is missing where no compartment fits."""
    asks: tuple[str, ...] = ()
    """What may be answered to a question: ``visit.Word``, ``in_other``, ``this_door``, ``another_door``."""
    about: str = ""
    """Which occupancy is asked about. It comes back with the word: an old page answers for no other one."""
    other: str | None = None
    """The door that moved though another one was asked to open."""
    held: tuple[str, ...] = ()
    """Zones whose goods were too warm: somebody is to look at them, and release what is still good."""
    unproven: tuple[str, ...] = ()
    """Doors that were wired anew: each is to be opened once in front of a technician."""
