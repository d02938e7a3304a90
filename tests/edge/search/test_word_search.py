"""All that can happen to one compartment, in every order, against the rules that must always hold.

A breadth-first search over the pure core: two occupancies ask, the lock works or not, people open and close,
the wire answers or not, the program restarts, time passes. Times are kept relative, so states repeat and the
search closes.
"""

from collections import deque
from dataclasses import dataclass, replace
from functools import cache

import pytest

from config.contract import events as fact
from controller import visit
from controller.doors import Door, DoorState, Reading
from controller.visit import Ask, Box, Pulsed, Purpose, Refused, Rules, State, Word, asking, waiting, word

pytestmark = pytest.mark.computes

RULES = Rules(pulses=2, window_s=8, release_wait_s=3, rest_s=8, left_open_alarm_s=6, left_open_block_s=12)
MINE, OTHER = "00000000000000aa-1", "00000000000000aa-2"
ORDER, PARCEL = "00000000000000bb", "00000000000000cc"
DEPTH = 10


@dataclass(frozen=True, slots=True)
class World:
    """The box, and what is true whether it knows or not."""

    box: Box
    now: float = 0.0
    open: bool = False
    pulse: visit.Pulse | None = None
    opened_by: int = 0
    number: int = 0
    seen_open: frozenset[int] = frozenset()
    pulses: tuple[tuple[int, float], ...] = ()


def start() -> World:
    box = Box("01", State.OCCUPIED, occupancy=MINE, order=ORDER, parcel=PARCEL)
    return World(replace(box, door=visit.door_read(box, Reading(False, 0), 0, RULES).box.door))


def successors(world: World):
    yield from asks(world)
    yield from words(world)
    yield from wire(world)
    yield from people(world)
    yield "tick", take(world, visit.tick(world.box, world.now, RULES))
    yield "later", replace(world, now=world.now + 3)
    yield (
        "restart",
        take(replace(world, pulse=None), visit.restarted(world.box, same_boot=True), restart=True),
    )
    yield (
        "power cut",
        take(replace(world, pulse=None), visit.restarted(world.box, same_boot=False), restart=True),
    )


def asks(world: World):
    for name, purpose, occupancy, parcel in (
        ("collect", Purpose.COLLECT, MINE, None),
        ("collect other", Purpose.COLLECT, OTHER, None),
        ("load", Purpose.LOAD, OTHER, "00000000000000dd"),
        ("service", Purpose.SERVICE, world.box.occupancy, None),
        ("remove", Purpose.REMOVE, MINE, None),
    ):
        wish = Ask(world.number + 1, purpose, "code", occupancy, order=ORDER, parcel=parcel)
        outcome = visit.ask(world.box, wish, world.now, RULES)
        if not isinstance(outcome, Refused):
            check_entitled(world, name, outcome)
            yield name, take(replace(world, number=world.number + 1), outcome)


def check_entitled(world: World, name: str, step: visit.Step) -> None:
    """I3, I9: only the occupancy that lies there, and a parcel only into an empty box."""
    if name == "collect":
        assert world.box.occupancy == MINE
    if name == "remove":
        assert world.box.occupancy == MINE
        assert world.box.opening is None or world.box.opening.purpose is Purpose.REMOVE
    if name == "collect other":
        assert world.box.occupancy == OTHER
    if name == "load" and world.box.parcel != "00000000000000dd":
        assert world.box.assignable
        assert world.box.occupancy is None


def words(world: World):
    """Whoever loads says what is in, at any moment; and another door may move meanwhile."""
    for told in Word:
        for parcel in (PARCEL, "00000000000000dd"):
            outcome = visit.said(world.box, visit.Said(told, parcel))
            check_about(world.box, visit.Said(told, parcel), outcome)
            if not isinstance(outcome, Refused):
                check_word(world, told, outcome)
                yield f"said {told}", take(world, outcome)
    yield "doubted", take(world, visit.doubted(world.box))


def check_about(box: Box, told: visit.Said, outcome: visit.Step | Refused):
    """An old page that asked about another occupancy changes nothing; the one of now changes what it says."""
    for occupancy in (MINE, OTHER):
        of_page = visit.said(box, replace(told, occupancy=occupancy))
        assert of_page == outcome if occupancy == box.occupancy else isinstance(of_page, Refused)


def check_word(world: World, told: Word, step: visit.Step) -> None:
    """A word never ends what is unclear about a pickup, makes nothing ready while a door is open, and a box
    that is called not empty is given to nobody."""
    assert world.box.state is not State.CHECKING or world.box.awaits_word
    assert step.pulse is None
    if told is Word.IS_IN:
        assert step.box.parcel == world.box.parcel
        assert not world.box.door.is_open
    else:
        assert step.box.parcel is None
        assert not (step.box.assignable and world.box.door.is_open)
    if told is Word.NOT_EMPTY:
        assert not step.box.assignable


def wire(world: World):
    pulse = world.pulse
    if pulse is None:
        return
    done = Pulsed(pulse.opening, pulse.pulse, world.now)
    sent = replace(world, pulse=None, pulses=(*world.pulses, (pulse.opening, world.now)))
    check_pulse(sent, pulse)
    yield "pulse, opens", take(replace(sent, open=True), visit.pulsed(world.box, done))
    yield "pulse, jams", take(sent, visit.pulsed(world.box, done))
    held = Pulsed(pulse.opening, pulse.pulse, None, withheld="late")
    yield "withheld", take(replace(world, pulse=None), visit.pulsed(world.box, held))


def check_pulse(world: World, pulse: visit.Pulse) -> None:
    """I1, I2, I4: K pulses within W, none after the door was seen open, only while somebody is entitled."""
    own = [at for number, at in world.pulses if number == pulse.opening]
    assert len(own) <= RULES.pulses
    assert pulse.opening not in world.seen_open
    assert (
        world.box.state in (State.LOADING, State.COLLECTING) or world.box.opening.purpose is Purpose.SERVICE
    )
    if world.now < pulse.not_after:
        assert world.now - own[0] <= RULES.window_s


def people(world: World):
    reading = Reading(world.open, world.now + 0.5)
    yield (
        "read",
        take(replace(world, now=world.now + 0.5), visit.door_read(world.box, reading, world.now, RULES)),
    )
    if world.open:
        yield "close", replace(world, open=False)


def take(world: World, step: visit.Step, *, restart: bool = False) -> World:
    if restart:
        assert step.pulse is None, "a restart pulses by itself"
    box = step.box
    if box.state is State.VACANT:
        assert box.occupancy is None
        assert box.parcel is None
        assert not box.awaits_word
    for told in step.facts:
        check_told(world, told)
    seen = world.seen_open
    if box.opening is not None and box.opening.seen_open:
        seen |= {box.opening.number}
    return replace(world, box=box, pulse=step.pulse or world.pulse, seen_open=seen)


def check_told(world: World, told) -> None:
    """Ready is told of a parcel that lies there by what was seen or said, removed only by who may."""
    before = world.box
    match told:
        case fact.ParcelDeposited():
            assert before.opening.purpose is Purpose.LOAD
            assert before.opening.seen_open
            assert not before.awaits_word
            assert told.parcel == before.parcel == told.box.parcel
        case fact.ParcelRemoved():
            assert before.opening.purpose is Purpose.REMOVE
            assert told.box.parcel is None
        case fact.ParcelCollected():
            assert before.opening.purpose is Purpose.COLLECT


def relative(world: World) -> World:
    """The same situation whenever it happens: times count from now, openings from the last one."""
    shift = world.now
    opening = world.box.opening
    if opening is not None:
        opening = replace(
            opening,
            first_pulse=round(opening.first_pulse - shift, 3),
            intended=None if opening.intended is None else 0.0,
            sent_at=None if opening.sent_at is None else round(opening.sent_at - shift, 3),
            opened_at=None if opening.opened_at is None else round(max(opening.opened_at - shift, -13), 3),
        )
    door = replace(world.box.door, since=round(max(world.box.door.since - shift, -13), 3), changes=())
    box = replace(world.box, opening=opening, door=door, rest_until=max(0.0, world.box.rest_until - shift))
    current = opening.number if opening is not None else 0
    sent = tuple((current, 0.0) for number, _ in world.pulses if number == current)
    return replace(world, box=box, now=0.0, pulses=sent, seen_open=frozenset())


@cache
def search() -> tuple[int, frozenset[State], frozenset[str]]:
    """How many situations, which states, and which actions were met within the depth."""
    first = start()
    seen = {relative(first)}
    queue = deque([(first, 0)])
    states, actions = set(), set()
    while queue:
        world, depth = queue.popleft()
        states.add(world.box.state)
        if depth == DEPTH:
            continue
        for action, after in successors(world):
            actions.add(action)
            key = relative(after)
            if key not in seen:
                seen.add(key)
                queue.append((after, depth + 1))
    return len(seen), frozenset(states), frozenset(actions)


def test_no_order_of_events_breaks_a_rule():
    situations, _, _ = search()
    assert situations > 10_000


def test_the_search_meets_every_state_and_every_action():
    _, states, actions = search()
    assert states == set(State) - {State.UNKNOWN}
    assert {"collect", "load", "remove", "service", "withheld", "restart", "pulse, jams", "close"} <= actions
    assert {"doubted", *(f"said {told}" for told in Word)} <= actions


@pytest.mark.parametrize(
    ("room", "rule", "always"),
    [
        (asking, "pulses_left", True),
        (waiting, "pulses_left", True),
        (asking, "_may_collect", ""),
        (asking, "_may_load", ""),
        (asking, "_may_remove", ""),
    ],
)
def test_the_search_finds_a_rule_that_is_taken_out(monkeypatch, room, rule, always):
    monkeypatch.setattr(room, rule, lambda *_: always)
    search.cache_clear()
    with pytest.raises(AssertionError):
        search()
    search.cache_clear()


def test_the_search_finds_a_word_that_makes_ready_while_the_door_is_open(monkeypatch):
    def believe(box, opening, told):
        shut = replace(box, door=Door(DoorState.CLOSED), opening=None, awaits_word=True, state=State.CHECKING)
        return word._of_a_closed_box(shut, told)

    monkeypatch.setattr(word, "_while_it_is_open", believe)
    search.cache_clear()
    with pytest.raises(AssertionError):
        search()
    search.cache_clear()


def test_a_door_that_was_open_before_the_pulse_proves_nothing():
    world = start()
    forced = replace(world.box, door=Door(DoorState.FORCED, 0))
    step = visit.ask(forced, Ask(1, Purpose.COLLECT, "code", MINE), 1.0, RULES)
    assert not isinstance(step, Refused)
    sent = visit.pulsed(step.box, Pulsed(1, 1, 1.0)).box
    read = visit.door_read(sent, Reading(True, 2.0), 2.0, RULES)
    assert read.facts == ()
    assert not read.box.opening.seen_open
