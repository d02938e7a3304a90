"""What the screen shows for a while when something happens: pure, from answers and facts to panels.

A panel names a door and says what to do; it never says whose parcel it is or what lies where.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from config.contract import events as fact
from config.contract.faults import REFUSALS, Sentence
from controller.kiosk.words import say
from controller.scan import Answer

Tone = Literal["go", "wait", "stop", "done"]

BRIEF_S, READ_S, LONG_S = 6, 15, 120
"""How long a panel stays: a farewell, a sentence to read, something to be done."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One thing said in large letters. ``wait_s`` counts down before the keypad answers again."""

    tone: Tone
    says: Sentence
    hint: Sentence
    stay_s: int
    door: str | None = None
    wait_s: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def of_answer(answer: Answer) -> Panel | None:
    """What an answer to a code or scan adds to the facts that are shown anyway."""
    match answer.kind:
        case "refused":
            return _refused(answer)
        case "courier":
            return Panel("wait", say("courier"), say("courier_hint"), LONG_S)
        case "courier_left":
            return Panel("done", say("courier_left"), say("courier_left_hint"), BRIEF_S)
        case "opening" if answer.more:
            more = say("opening_more", more=answer.more)
            return Panel("go", say("opening", door=answer.door), more, LONG_S, answer.door)
    return None


def _refused(answer: Answer) -> Panel:
    refusal = REFUSALS[answer.refusal]
    stay_s = max(READ_S, answer.wait_s)
    return Panel("stop", refusal.says, refusal.next_step, stay_s, answer.door, answer.wait_s)


def of_emergency() -> Panel:
    """Also shown when nothing can be recorded, so there is no fact to show."""
    return Panel("stop", say("emergency"), say("emergency_hint"), LONG_S)


def of_fact(told: fact.Fact) -> Panel | None:
    """What people at the cabinet are told of a fact; None for what is none of their business."""
    match told:
        case fact.InsideCalled():
            return of_emergency()
        case fact.DoorLeftOpen(box=box):
            return Panel("wait", say("left_open", door=box.label), say("left_open_hint"), LONG_S, box.label)
        case (
            fact.OpeningStarted() | fact.PulseIntended() | fact.PulseWithheld() | fact.DoorOpened()
            | fact.OpeningFailed() | fact.ParcelDeposited() | fact.DepositAborted() | fact.ParcelCollected()
        ) if told.purpose != "emergency":  # fmt: skip
            return _of_opening(told)
    return None


def _of_opening(told: fact._InOpening) -> Panel | None:
    door = told.box.label
    match told:
        case fact.OpeningStarted():
            return Panel("go", say("opening", door=door), say("opening_hint"), LONG_S, door)
        case fact.PulseIntended(pulse=pulse) if pulse > 1:
            return Panel("wait", say("press_door", door=door), say("press_hint"), READ_S, door)
        case fact.PulseWithheld(reason=reason):
            return Panel("stop", say("withheld", door=door), _next_step(reason), READ_S, door)
        case fact.DoorOpened(purpose=purpose):
            hint = {"collect": "take_hint", "load": "put_hint"}.get(purpose, "look_hint")
            return Panel("go", say("take", door=door), say(hint), LONG_S, door)
        case fact.OpeningFailed():
            return Panel("stop", say("stuck", door=door), say("stuck_hint"), READ_S, door)
        case fact.ParcelDeposited():
            return Panel("done", say("deposited", door=door), say("next_parcel"), READ_S)
        case fact.DepositAborted():
            return Panel("stop", say("aborted", door=door), say("aborted_hint"), READ_S)
        case fact.ParcelCollected():
            return Panel("done", say("collected"), say("collected_hint"), BRIEF_S)
    return None


def _next_step(reason: str) -> Sentence:
    refusal = REFUSALS.get(reason)
    return refusal.next_step if refusal is not None else say("try_again")
