"""From one moment to the next: what the parts made of an input, two seconds more, a program that died."""

from typing import NamedTuple

from search_machine import COMMANDS, NOW, STEP_S, Kept, Outcome, ends_of, hold, later, numbered, saw_open
from search_rules import check_step
from search_situation import GONE, LATE, Message, Same, Waits, World

from controller.visit import Box, Pulse


class Came(NamedTuple):
    """What came of an input, as far as the world goes on from it."""

    box: Same
    kept: Same
    pulses: tuple[Waits, ...]
    is_new: bool
    is_over: bool
    saw_open: bool
    ends: frozenset[str]
    is_nothing: bool
    """Neither the box nor the disk is another one, and nothing is told or begun."""
    dropped: str | None
    """A command whose opening is over, or somebody else's now."""

    @classmethod
    def of(cls, before: Box, kept: Kept, outcome: Outcome, name: str) -> "Came":
        check_step(before, kept, outcome, name)
        was, now = before.opening, outcome.box.opening
        number = now.number if now is not None else 0
        on_disk = outcome.kept.box.opening
        same = int(on_disk is not None and on_disk.number == number)
        after = Kept(later(numbered(outcome.kept.box, same), 0), outcome.kept.used, outcome.kept.seen)
        pulses = (Waits(renumbered(pulse, int(pulse.opening == number))) for pulse in outcome.pulses)
        ends = ends_of(outcome.facts)
        hold(len(set(ends)) == len(ends), f"a command ends twice: {ends}")
        dropped = was.command if was is not None and (now is None or now.command != was.command) else None
        box, begun = later(numbered(outcome.box, 1), 0), tuple(pulses)
        is_nothing = (box, after) == (before, kept) and not begun and not outcome.facts
        return cls(
            Same.of(box), Same.of(after), begun, number == 2, number == 0, saw_open(outcome.facts),
            frozenset(ends), is_nothing, dropped,
        )  # fmt: skip


def follow(world: World, came: Came) -> World:
    """The world after what the parts made of an input."""
    queue = world.queue
    if queue and (came.is_new or came.is_over):
        queue = tuple(waits._replace(pulse=renumbered(waits.pulse, 0)) for waits in queue)
    hold(not came.ends & world.ended, f"a command ends twice: {came.ends}")
    ended = world.ended | came.ends
    hold(came.dropped is None or came.dropped in ended, f"command {came.dropped} never ends")
    anew = came.is_new or came.is_over
    return World(
        came.box, came.kept, queue + came.pulses, world.at_door, world.goods, world.messages,
        0 if anew else world.fired,
        0.0 if anew else world.since_first,
        not came.is_over and ((world.seen_open and not came.is_new) or came.saw_open),
        ended, world.loads, world.helped,
    )  # fmt: skip


def renumbered(pulse: Pulse, opening: int) -> Pulse:
    return Pulse(pulse.label, opening, pulse.pulse, pulse.occupancy, pulse.not_after, pulse.emergency)


def passes(world: World) -> World:
    """Two seconds later."""
    queue = tuple(
        Waits(
            earlier(waits.pulse),
            None if waits.age is None else min(waits.age + STEP_S, STEP_S),
            waits.withheld,
        )
        for waits in world.queue
    )
    messages = tuple(
        None if message is None else aged(message, message.left_s - STEP_S, message.session)
        for message in world.messages
    )
    return world._replace(
        one_box=None if world.one_box is None else older(world.one_box),
        one_kept=older(world.one_kept),
        queue=queue,
        messages=messages,
        since_first=min(world.since_first + STEP_S, 2 * STEP_S) if world.fired else 0.0,
    )  # type: ignore[arg-type]


def older(one: Same) -> Same:
    if one.later is None:
        it = one.it
        one.later = Same.of(
            Kept(later(it.box, STEP_S), it.used, it.seen) if isinstance(it, Kept) else later(it, STEP_S)
        )
    return one.later


def earlier(pulse: Pulse) -> Pulse:
    not_after = max(NOW, round(pulse.not_after - STEP_S, 1))
    return Pulse(pulse.label, pulse.opening, pulse.pulse, pulse.occupancy, not_after, pulse.emergency)


def dies(world: World) -> World:
    """Only the disk and the physics stay. A new connection is a new session with no time of its own."""
    messages = tuple(
        None if message is None else aged(message, message.left_s, 1) for message in world.messages
    )
    return world._replace(one_box=None, queue=(), messages=messages)  # type: ignore[arg-type]


def aged(message: Message, left_s: float, session: int) -> Message:
    if message is GONE:
        return GONE
    return Message(left_s, session) if left_s > 0 else LATE


def without_history(world: World) -> World:
    """Nothing comes of a command that has no opening and was seen, is late or is for another session.

    ``Happenings`` checks just that, at every moment.
    """
    for number, message in enumerate(world.messages):
        command, box, kept = COMMANDS[number], world.box, world.kept
        if message is None or message is GONE:
            continue
        if message.left_s > 0 and message.session == 0 and command not in kept.seen:
            continue
        openings = (kept.box.opening, None if box is None else box.opening)
        if all(opening is None or opening.command != command for opening in openings):
            kept = Kept(kept.box, kept.used, kept.seen - {command})
            world = with_message(world, number, GONE)._replace(
                one_kept=Same.of(kept), ended=world.ended - {command}
            )
    return world


def with_message(world: World, number: int, message: Message) -> World:
    first, second = world.messages
    return world._replace(messages=(message, second) if number == 0 else (first, message))
