"""What the screen says for a while when something happens: from answers and facts to panels.

A panel names a door and what to do next, in both languages. It never says whose parcel it is, what lies
where, or whether a code was wrong, used or expired.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from config.contract import events as fact
from config.contract.faults import REFUSALS, Sentence
from controller.entrance import Answer
from controller.kiosk.words import say

Tone = Literal["go", "done", "wait", "stop"]

FAREWELL_S, READ_S, WORK_S = 5, 15, 120
"""How long a panel stays: a farewell, a sentence to read, something to be done."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A button: ``word`` is said of ``door`` when it is pressed; ``about``: see ``Answer``."""

    word: str
    door: str
    says: Sentence
    about: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One thing said in large letters for ``stay_s`` seconds, unless something newer comes.

    ``door`` is shown huge; ``more`` doors of the same order follow; the keypad is locked for ``wait_s``.
    ``all_doors``: the screen shows which doors are open, because more than one matters.
    """

    tone: Tone
    says: Sentence
    next_step: Sentence
    stay_s: float
    door: str | None = None
    more: int = 0
    wait_s: float = 0
    all_doors: bool = False
    choices: tuple[Choice, ...] = ()
    on_keypad: bool = False
    """Said by the keypad itself, which asks for more digits."""
    wants: str = ""
    """What is asked of whoever stands there, where the others are asked for less."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


EMERGENCY = Panel("stop", say("emergency"), say("emergency_next"), WORK_S, all_doors=True)
ORDERED = Panel("stop", say("ordered"), say("ordered_next"), WORK_S, all_doors=True)

MoreDoors = Callable[[str, str], int]
"""(order, door): how many other doors of the order are still to be opened."""


def of_answer(answer: Answer) -> Panel | None:
    """What is said to a code or a scan. An opening is told by its facts, step by step."""
    match answer.kind:
        case "refused":
            return _refused(answer)
        case "courier":
            return Panel("wait", say("courier"), say("courier_next"), WORK_S)
        case "again":
            return Panel("wait", say("forgot"), say("type_again"), READ_S, on_keypad=True)
        case "pin":
            return Panel("wait", say("pin"), say("pin_next"), READ_S, on_keypad=True)
        case "service":
            return _service(answer)
        case "released":
            return Panel("done", say("released"), say("released_next"), READ_S, choices=_held(answer))
        case "proven":
            left = answer.unproven
            next_step = say("unproven_left", doors=", ".join(left)) if left else say("all_proven")
            return Panel("done", say("proven", door=answer.door or ""), next_step, WORK_S, answer.door)
        case "other_moved":
            says = say("other_moved", door=answer.door or "", other=answer.other or "")
            return Panel("stop", says, say("other_moved_next"), WORK_S, answer.other)
        case "service_left":
            return Panel("done", say("service_left"), say("courier_left_next"), FAREWELL_S)
        case "courier_left":
            return _courier_left(answer)
        case "queued":
            return Panel("wait", say("queued", n=answer.more), say("queued_next"), READ_S)
        case "question":
            return _question(answer)
        case "noted":
            return Panel("done", say("noted"), say("noted_next"), READ_S, answer.door)
        case "removed_all":
            return Panel("done", say("removed_all"), say("removed_all_next"), READ_S)
    return None


def _service(answer: Answer) -> Panel:
    """Goods that were too warm are mentioned first: nobody else ends their hold."""
    if answer.held:
        return Panel("stop", say("too_warm"), say("too_warm_next"), WORK_S, choices=_held(answer))
    if answer.unproven:
        doors = ", ".join(answer.unproven)
        return Panel("stop", say("unproven"), say("unproven_left", doors=doors), WORK_S)
    return Panel("wait", say("service"), say("service_next_door"), READ_S)


def _held(answer: Answer) -> tuple[Choice, ...]:
    return tuple(Choice("release", zone, say("say_release", zone=zone)) for zone in answer.held)


def _courier_left(answer: Answer) -> Panel:
    if answer.more:
        says = say("courier_left_some", n=answer.more)
        return Panel("wait", says, say("courier_left_some_next"), READ_S)
    return Panel("done", say("courier_left"), say("courier_left_next"), FAREWELL_S)


def _question(answer: Answer) -> Panel:
    """Only whoever had the parcel in their hands can answer."""
    door, other = answer.door or "", answer.other
    key = "was_it_this" if "this_door" in answer.asks else "is_it_in" if other is None else "where_is_it"
    names = {"in_other": {"other": other or ""}}
    choices = tuple(
        Choice(word, door, say(f"say_{word}", **names.get(word, {"door": door})), answer.about)
        for word in answer.asks
    )
    says = say(key, **({"door": door} if other is None else {"other": other}))
    return Panel("wait", says, say(f"{key}_next"), WORK_S, answer.door, choices=choices)


def _says_of(box: fact.BoxNow, *words: str) -> tuple[Choice, ...]:
    door, about = box.label, box.occupancy or ""
    return tuple(Choice(word, door, say(f"say_{word}", door=door), about) for word in words)


def _refused(answer: Answer) -> Panel:
    """A keypad that is locked from now on says so: the countdown matters more than the last wrong try."""
    refusal = REFUSALS.get("wait" if answer.wait_s else answer.refusal)
    says = say("not_possible") if refusal is None else refusal.says
    next_step = refusal.next_step if refusal is not None and refusal.next_step.zh else say("try_again")
    stay_s = max(READ_S, answer.wait_s)
    if answer.refusal == "no_fit" and answer.size:
        zone = say(f"zone_{answer.zone}")
        says = Sentence(
            say("no_fit_of", size=answer.size, zone=zone.zh).zh,
            say("no_fit_of", size=answer.size, zone=zone.en).en,
        )
    if answer.refusal == "tail_wanted" and not answer.wait_s:
        return Panel("wait", says, next_step, stay_s, on_keypad=True, wants="tail")
    return Panel("stop", says, next_step, stay_s, answer.door, wait_s=answer.wait_s)


def of_facts(facts: tuple[fact.Fact, ...], more: MoreDoors) -> Panel | None:
    """What people at the cabinet are told of a change: the last of its facts that concerns them."""
    panels = (_of_fact(told, more) for told in facts)
    return next((panel for panel in reversed(list(panels)) if panel is not None), None)


def _of_fact(told: fact.Fact, more: MoreDoors) -> Panel | None:
    match told:
        case fact.OpenAllOrdered():
            return ORDERED
        case fact.InsideCalled():
            return EMERGENCY
        case fact.DoorLeftOpen():
            return _door("wait", "left_open", told, WORK_S)
        case fact._InOpening(purpose="emergency"):
            return None  # one panel for all doors of an emergency, not one for each
        case fact.OpeningStarted() | fact.PulseIntended() | fact.DoorOpened():
            return _towards_open(told, more)
        case fact._AtBox():
            return _ended(told)
    return None


def _towards_open(
    told: fact.OpeningStarted | fact.PulseIntended | fact.DoorOpened, more: MoreDoors
) -> Panel | None:
    order, door = told.box.order, told.box.label
    # Only codes and QR open the other doors of an order by themselves; a phone asks for each.
    following = more(order, door) if order is not None and told.proof in ("code", "code_tail", "qr") else 0
    match told:
        case fact.DoorOpened(purpose=purpose):
            words = ("does_not_fit", "not_empty") if purpose == "load" else ()
            return Panel(
                "go", say("collect", door=door), say(f"{purpose}_next"), WORK_S, door, following,
                choices=_says_of(told.box, *words),
            )  # fmt: skip
        case fact.PulseIntended(pulse=pulse) if pulse > 1:
            return _door("wait", "again", told, READ_S)
        case fact.OpeningStarted():
            return Panel("go", say("opening", door=door), say("opening_next"), READ_S, door, following)
    return None


def _ended(told: fact._AtBox) -> Panel | None:
    match told:
        case fact.OpeningFailed() | fact.PulseWithheld():
            return _door("stop", "stuck", told, READ_S)
        case fact.ParcelCollected():
            return Panel("done", say("collected"), say("collected_next"), FAREWELL_S)
        case fact.ParcelDeposited():
            return _deposited(told)
        case fact.LeftBehind():
            return _door("stop", "look_again" if told.again else "left_in", told, READ_S)
        case fact.ParcelRemoved():
            return Panel("done", say("removed", door=told.box.label), say("removed_next"), READ_S)
        case fact.DepositAborted(reason="does_not_fit" | "not_empty" | "courier"):
            return Panel("wait", say("withdrawn", door=told.box.label), say("withdrawn_next"), READ_S)
        case fact.DepositAborted():
            return Panel("stop", say("aborted", door=told.box.label), say("aborted_next"), READ_S)
        case fact.OpeningEnded(box=box) if box.door == "closed":
            return Panel("done", say("closed", door=box.label), say("closed_next"), FAREWELL_S)
        case fact.CheckNeeded(box=box) if box.door == "closed":
            return Panel("done", say("closed", door=box.label), say("closed_next"), FAREWELL_S)
    return None


def _deposited(told: fact.ParcelDeposited) -> Panel:
    key = "handed_in" if told.proof == "qr" else "deposited"
    door = told.box.label
    return Panel(
        "done", say(key, door=door), say(f"{key}_next"), READ_S, choices=_says_of(told.box, "not_in")
    )


def _door(tone: Tone, key: str, told: fact._AtBox, stay_s: float) -> Panel:
    door = told.box.label
    return Panel(tone, say(key, door=door), say(f"{key}_next"), stay_s, door)
