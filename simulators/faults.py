"""What can be wrong with a cabinet, by cause. A fault is raised somewhere, stays, and is cleared."""

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Each cause says where it sits: compartment, contact, lamp, board, sensor, reader, zone or bus.

    What can be wrong with a board can be wrong with a sensor, too, but for what it says of doors.
    """

    LATCH_JAMMED = "latch_jammed"
    """Compartment: the latch does not let go, however long the coil is energised."""
    SWITCH_BROKEN_OPEN = "switch_broken_open"
    """Compartment: the switch reads open whatever the door does."""
    SWITCH_BROKEN_CLOSED = "switch_broken_closed"
    """Compartment: the switch reads closed whatever the door does."""
    SWITCH_FLAPPING = "switch_flapping"
    """Compartment: the switch changes ``amount`` times a second (default 50)."""
    BEAM_BLIND = "beam_blind"
    """Compartment: its light beam reads interrupted whatever lies there (a dirty lens, a cut wire)."""
    BEAM_STUCK = "beam_stuck"
    """Compartment: its light beam reads clear whatever lies there."""
    CONTACT_CUT = "contact_cut"
    """Contact: the wire of this contact of the case is cut; it reads open whatever happens."""
    LAMP_DEAD = "lamp_dead"
    """Lamp or buzzer: its output is switched as ever, and nothing shines or sounds."""
    BOARD_SILENT = "board_silent"
    """Board: hears nothing and says nothing."""
    ANSWER_LOST = "answer_lost"
    """Board: does what it is told, but no answer arrives."""
    LATE_REPLY = "late_reply"
    """Board: does what it is told at once and answers ``amount`` seconds late."""
    WRONG_CHECK = "wrong_check"
    """Board or reader: what it sends carries a wrong check byte."""
    GARBAGE_BEFORE = "garbage_before"
    """Board: FA FD 99 99 precedes each answer."""
    UPLOAD_BETWEEN = "upload_between"
    """Board: tells a change of a door by itself, between each request and its answer."""
    TWO_WITH_ONE_ADDRESS = "two_with_one_address"
    """Board: board ``other`` was set to the same address; both act and their answers collide."""
    ANSWERS_AS_ANOTHER = "answers_as_another"
    """Board: its answers carry the address ``amount``."""
    BOARD_REBOOTING = "board_rebooting"
    """Board: starts up for ``amount`` seconds (default 1): coils drop, nothing is heard, then it works."""
    WORDS_SWAPPED = "words_swapped"
    """Sensor: its 32 bit numbers have their halves in the other order than its register map says."""
    RESTLESS = "restless"
    """Scale: it never rests, and is wrong by up to ``amount`` grams (default 5)."""
    SUFFIX_MISSING = "suffix_missing"
    """Reader: it was set up to end its scans with nothing at all."""
    COMPRESSOR_DEAD = "compressor_dead"
    """Zone: its compressor does not start any more."""
    ECHO = "echo"
    """Bus: the adapter sends the host's own bytes back to it."""
    NOISE = "noise"
    """Bus: ``amount`` random bytes a second (default 100)."""
    MERGED = "merged"
    """Bus: an adapter holds bytes back and delivers a whole answer at once."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; ``where`` names a compartment, contact, lamp, board, reader, zone or bus."""

    cause: Cause
    where: str
    amount: float | None = None
    other: str = ""
    since: float = 0.0


class Faults:
    """All that is wrong now."""

    def __init__(self) -> None:
        self._active: dict[tuple[Cause, str], Fault] = {}

    def begin(self, fault: Fault) -> None:
        """From now on this is wrong; the same cause at the same place is replaced."""
        self._active[fault.cause, fault.where] = fault

    def end(self, cause: Cause, where: str) -> None:
        """Repaired; nothing happens when it was not broken."""
        self._active.pop((cause, where), None)

    def at(self, cause: Cause, where: str) -> Fault | None:
        """The fault of this cause at this place."""
        return self._active.get((cause, where))

    def active(self) -> list[Fault]:
        """Everything that is wrong, oldest first."""
        return list(self._active.values())
