"""One compartment, two orders, two commands, and everything that can happen to them in any order.

The physics beside the program: who stands at an open door, what truly lies behind it, which pulses wait for
the wire or for its answer, which messages are on their way (late, lost, twice), what a crash leaves.
"""

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from search_machine import (
    COMMANDS,
    DEADLINE_S,
    NOW,
    OCCUPANCIES_B,
    OCCUPANCY_A,
    RULES,
    STEP_S,
    A,
    B,
    Kept,
    Machine,
    Outcome,
    as_kept,
    asks,
    asks_wrongly,
    carries_out,
    ends_of,
    hears,
    hold,
    is_told,
    later,
    numbered,
    reads,
    restarts,
    running,
    saw_open,
    scans_label,
    ticks,
    types_code,
)

from controller import visit
from controller.doors import Reading
from controller.visit import Box, Pulse, Pulsed, Purpose, Side, State


class Same:
    """A value of which there is one, so that comparing it takes no time."""

    __slots__ = ("it", "later")
    known: ClassVar[dict[Any, "Same"]] = {}

    def __init__(self, it: Any) -> None:
        self.it, self.later = it, None

    @classmethod
    def of(cls, it: Any) -> "Same":
        known = cls.known.get(it)
        if known is None:
            known = cls.known[it] = cls(it)
        return known


LATCHED = {Side.COLD_HOLD, Side.FORCED, Side.QUARANTINE}


class Waits(NamedTuple):
    """A pulse that was committed: it waits for the wire, or (``age`` is set) for what the wire says."""

    pulse: Pulse
    age: float | None = None
    withheld: str = ""


class Message(NamedTuple):
    """A command on its way: how many copies may still arrive, how long it is good, for which session."""

    copies: int
    left_s: float
    session: int = 0


class World(NamedTuple):
    """All that matters of a moment. ``box`` is None while the program is down."""

    one_box: Same | None
    one_kept: Same
    queue: tuple[Waits, ...] = ()
    at_door: str | None = None
    """What the door was opened for by whoever holds it open; None: it is shut."""
    goods: frozenset[str] = frozenset({A})
    messages: tuple[Message | None, Message | None] = (None, None)
    fired: int = 0
    since_first: float = 0.0
    seen_open: bool = False
    ended: frozenset[str] = frozenset()
    loads: int = 0
    helped: int = 0

    @property
    def box(self) -> Box | None:
        return None if self.one_box is None else self.one_box.it

    @property
    def kept(self) -> Kept:
        return self.one_kept.it


@dataclass(slots=True)
class Extent:
    """What may happen in one search, so that it closes."""

    commands: int = 2
    loads: int = 1
    meant: tuple[str, str] = (OCCUPANCY_A, OCCUPANCIES_B[0])
    """What the commands are for: the cloud has heard of an occupancy before it opens its door."""
    help: int = 0
    """How often the service comes, somebody is inside, or the disk fails."""
    courier: bool = True
    start: Callable[[], World] = field(default_factory=lambda: occupied)


def occupied() -> World:
    box = Box("01", State.OCCUPIED, occupancy=OCCUPANCY_A, order=A, parcel=A)
    return _begun(box, frozenset({A}))


def vacant() -> World:
    return _begun(Box("01"), frozenset())


def quarantined() -> World:
    world = occupied()
    assert world.box is not None
    held = world.box.__class__(
        "01", State.OCCUPIED, frozenset({Side.QUARANTINE}), OCCUPANCY_A, A, A, False, door=world.box.door
    )
    return world._replace(one_box=Same.of(held), one_kept=Same.of(Kept(as_kept(held))))


def _begun(box: Box, goods: frozenset[str]) -> World:
    read = later(visit.door_read(box, Reading(False, NOW), NOW, RULES).box, 0)
    return World(Same.of(read), Same.of(Kept(as_kept(box))), goods=goods)


class Search:
    """Breadth first, until nothing new can happen."""

    def __init__(self, extent: Extent, most: int = 10_000_000, *, keeps_ways: bool = True) -> None:
        self.extent, self.most, self._keeps_ways = extent, most, keeps_ways
        self.worlds: list[World] = []
        self.parents: list[tuple[int, str]] = []
        self.leads: list[array[int]] = []
        self.actions: set[str] = set()
        self.trying: tuple[Any, ...] = ()
        self.states: set[State] = set()
        self.closed = False
        self._came: dict[Any, Came] = {}
        self._withheld: dict[Any, str] = {}

    def run(self) -> "Search":
        """``Broken`` with the shortest way there when a rule does not hold."""
        numbers: dict[World, int] = {}
        with running():
            first = self.extent.start()
            numbers[first] = 0
            self.worlds, self.parents, self.leads = [first], [(0, "")], [array("l")]
            queue = deque([0])
            while queue and len(self.worlds) < self.most:
                number = queue.popleft()
                self._visit(number, numbers, queue)
            self.closed = not queue
        return self

    def _visit(self, number: int, numbers: dict[World, int], queue: deque[int]) -> None:
        world = self.worlds[number]
        try:
            if world.box is not None:
                self.states.add(world.box.state)
            for action, after in self.successors(world):
                self.actions.add(action)
                after = without_history(after)
                known = numbers.get(after)
                if known is None:
                    check(after)
                    known = numbers[after] = len(self.worlds)
                    self.worlds.append(after)
                    self.parents.append((number, action))
                    if self._keeps_ways:
                        self.leads.append(array("l"))
                    queue.append(known)
                if self._keeps_ways:
                    self.leads[number].append(known)
        except AssertionError as broken:
            raise type(broken)(f"{broken}\n{self.trace(number)}\n then: {self.trying}") from broken

    def trace(self, number: int) -> str:
        """The shortest way to a world."""
        steps = []
        while number:
            parent, action = self.parents[number]
            steps.append(f"{action}: {told(self.worlds[number])}")
            number = parent
        return "\n".join(f"{at:3} {step}" for at, step in enumerate(reversed(steps), 1))

    def stuck(self, is_rest: Callable[[World], bool]) -> list[int]:
        """Worlds from which no way leads to a rest."""
        comes_from: list[list[int]] = [[] for _ in self.worlds]
        for number, leads in enumerate(self.leads):
            for lead in leads:
                comes_from[lead].append(number)
        reached = [is_rest(world) for world in self.worlds]
        queue = deque(number for number, there in enumerate(reached) if there)
        while queue:
            for before in comes_from[queue.popleft()]:
                if not reached[before]:
                    reached[before] = True
                    queue.append(before)
        return [number for number, there in enumerate(reached) if not there]

    # --- what can happen

    def successors(self, world: World) -> Iterator[tuple[str, World]]:
        yield from self._network(world)
        yield from self._hands(world)
        yield "time passes", passes(world)
        if world.box is None:
            yield "the program starts", self._restarts(world, True)
            yield "the computer starts", self._restarts(world, False)
            return
        yield "the program dies", dies(world)
        yield "the clock ticks", self._tick(world)
        yield from self._people(world)
        yield from self._wire(world)
        yield from self._switch(world)
        yield from self._help(world)

    def _people(self, world: World) -> Iterator[tuple[str, World]]:
        assert world.box is not None
        yield "a stranger asks", self._takes(world, "stranger", asks_wrongly, Purpose.COLLECT)
        if not world.box.assignable:
            yield "a stranger loads", self._takes(world, "stranger", asks_wrongly, Purpose.LOAD)
        for order in (A, B) if self.extent.courier else (A,):
            yield f"owner of {order[-2:]} types the code", self._takes(world, "types", types_code, order)
        if self.extent.courier:
            for parcel in (A, B):
                occupancy = OCCUPANCIES_B[min(world.loads, 1)]
                after = self._takes(world, "scans", scans_label, parcel, occupancy=occupancy)
                if after.box and after.box.opening and world.box and not world.box.parcel:
                    if world.loads == self.extent.loads:
                        continue
                    after = after._replace(loads=world.loads + 1)
                yield f"courier shows {parcel[-2:]}", after

    def _help(self, world: World) -> Iterator[tuple[str, World]]:
        if world.helped == self.extent.help:
            return
        helped = world._replace(helped=world.helped + 1)
        for purpose in (Purpose.SERVICE, Purpose.EMERGENCY):
            after = self._takes(helped, purpose.value, asks, purpose)
            if after != helped:
                yield f"{purpose.value} asks", after
        yield "the disk fails, then the clock ticks", self._takes(helped, "t", ticks, fails=True)
        for waits in world.queue[:1]:
            if waits.age is not None and not waits.withheld:  # a withheld pulse is told until it is kept
                yield "the disk fails as the wire answers", self._answered(helped, waits, fails=True)
        if world.at_door is None:
            yield "a thief breaks it open", helped._replace(at_door="thief")

    def _network(self, world: World) -> Iterator[tuple[str, World]]:
        for number in range(self.extent.commands):
            message = world.messages[number]
            if message is None:
                if world.kept.box.occupancy == self.extent.meant[number]:
                    sent = Message(2, DEADLINE_S)
                    yield f"command {number + 1} is sent", with_message(world, number, sent)
            elif message.copies and world.box is not None:
                arrived = with_message(world, number, message._replace(copies=message.copies - 1))
                yield (
                    f"command {number + 1} arrives",
                    self._takes(
                        arrived, "hears", hears, number, self.extent.meant[number], message.left_s,
                        session=message.session,
                    ),
                )  # fmt: skip

    def _wire(self, world: World) -> Iterator[tuple[str, World]]:
        if not world.queue:
            return
        assert world.box is not None
        waits = world.queue[0]
        if waits.age is not None:
            yield "the wire answers", self._answered(world, waits)
            return
        key = (world.one_box, waits.pulse)
        if key not in self._withheld:
            self._withheld[key] = carries_out(world.box, waits.pulse)
        withheld = self._withheld[key]
        sent = world._replace(queue=(waits._replace(age=0.0, withheld=withheld), *world.queue[1:]))
        if withheld:
            yield f"the pulse is withheld ({withheld})", sent
            return
        self.trying = ("the pulse goes out",)
        check_pulse(world, waits.pulse)
        if not waits.pulse.emergency:
            sent = sent._replace(fired=world.fired + 1)
        yield "the pulse goes out and the lock jams", sent
        if world.at_door is None:
            yield (
                "the pulse goes out and the door opens",
                sent._replace(at_door=opened_for(world, waits.pulse)),
            )

    def _answered(self, world: World, waits: Waits, *, fails: bool = False) -> World:
        done = Pulsed(
            waits.pulse.opening, waits.pulse.pulse, None if waits.withheld else NOW - (waits.age or 0),
            waits.withheld,
        )  # fmt: skip
        rest = world._replace(queue=world.queue[1:])
        return self._takes(rest, "told", is_told, done, fails=fails)

    def _switch(self, world: World) -> Iterator[tuple[str, World]]:
        is_open = world.at_door is not None
        yield "the switch is read", self._takes(world, "reads", reads, is_open)

    def _hands(self, world: World) -> Iterator[tuple[str, World]]:
        match world.at_door:
            case None:
                return
            case "collect a1" | "collect b1" as what:
                taken = world.goods - {A if what.endswith("a1") else B}
                yield "the resident takes it and shuts", world._replace(at_door=None, goods=taken)
            case "load a1" | "load b1" as what:
                put = world.goods | {A if what.endswith("a1") else B}
                yield "the courier puts it in and shuts", world._replace(at_door=None, goods=put)
                yield "the courier only shuts", world._replace(at_door=None)
            case "thief":
                yield "the thief shuts", world._replace(at_door=None, goods=frozenset())
            case _:
                yield "somebody empties it and shuts", world._replace(at_door=None, goods=frozenset())

    def _tick(self, world: World) -> World:
        after = self._takes(world, "ticks", ticks)
        check_timers(after)
        return after

    def _restarts(self, world: World, same_boot: bool) -> World:
        begun = world._replace(one_box=Same.of(world.kept.box))
        return self._takes(begun, "restarts", restarts, same_boot, restart=True)

    # --- one input

    def _takes(
        self, world: World, name: str, give: Callable[..., None], *what: Any,
        fails: bool = False, restart: bool = False, occupancy: str = OCCUPANCIES_B[0], **more: Any,
    ) -> World:  # fmt: skip
        assert world.box is not None
        key = (world.one_box, world.one_kept, name, what, fails, occupancy, *more.values())
        self.trying = (name, *what)
        came = self._came.get(key)
        if came is None:
            machine = Machine(world.box, world.kept, occupancy=occupancy, fails=fails)
            give(machine, *what, **more)
            came = self._came[key] = Came.of(world.box, world.kept, machine.outcome(), name)
        hold(not (restart and came.pulses), "a restart pulses by itself")
        return follow(world, came)


class Came(NamedTuple):
    """What came of an input, as far as the world goes on from it."""

    box: Same
    kept: Same
    pulses: tuple[Waits, ...]
    is_new: bool
    is_over: bool
    saw_open: bool
    ends: frozenset[str]
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
        return cls(
            Same.of(later(numbered(outcome.box, 1), 0)), Same.of(after), tuple(pulses), number == 2,
            number == 0, saw_open(outcome.facts), frozenset(ends), dropped,
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
    return world._replace(
        one_box=came.box,
        one_kept=came.kept,
        queue=queue + came.pulses,
        fired=0 if anew else world.fired,
        since_first=0.0 if anew else world.since_first,
        seen_open=not came.is_over and ((world.seen_open and not came.is_new) or came.saw_open),
        ended=ended,
    )


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
    """A command that is refused anyway: how many copies of it there are makes no difference."""
    left_s = max(0.0, left_s)
    if message is GONE:
        return GONE
    if not message.copies:
        return Message(0, left_s)
    return Message(1 if session or not left_s else message.copies, left_s, session)


GONE = Message(0, 0.0)


def without_history(world: World) -> World:
    """Nothing more can come of a command that has arrived for the last time and has no opening."""
    for number, message in enumerate(world.messages):
        if message is None or message.copies or message is GONE:
            continue
        command, box = COMMANDS[number], world.box
        openings = (world.kept.box.opening, None if box is None else box.opening)
        if all(opening is None or opening.command != command for opening in openings):
            kept = world.kept
            kept = Kept(kept.box, kept.used, kept.seen - {command})
            world = with_message(world, number, GONE)._replace(
                one_kept=Same.of(kept), ended=world.ended - {command}
            )
    return world


def with_message(world: World, number: int, message: Message) -> World:
    first, second = world.messages
    return world._replace(messages=(message, second) if number == 0 else (first, message))


def opened_for(world: World, pulse: Pulse) -> str:
    box = world.box
    assert box is not None
    if pulse.emergency or box.opening is None or box.order is None:
        return "help"
    if box.opening.purpose not in (Purpose.COLLECT, Purpose.LOAD):
        return "help"
    return f"{box.opening.purpose} {box.order[-2:]}"


# --- what must hold


def check_pulse(world: World, pulse: Pulse) -> None:
    """As the bytes go out."""
    box, opening = world.box, world.box.opening if world.box is not None else None
    if pulse.emergency:
        return
    assert box is not None
    hold(opening is not None and pulse.opening == opening.number, "I4: a pulse of an opening that is over")
    assert opening is not None
    hold(world.fired < RULES.pulses, f"I1: pulse {world.fired + 1} of an opening")
    hold(world.since_first <= RULES.window_s, f"I1: a pulse {world.since_first} s after the first one")
    hold(not world.seen_open, "I2: a pulse after the door was seen open")
    hold(pulse.occupancy == box.occupancy, "I3: the pulse was granted for another occupancy")
    service = opening.purpose is Purpose.SERVICE
    hold(service or box.state in (State.LOADING, State.COLLECTING), f"I4: a pulse while {box.state}")
    kept = world.kept.box.opening
    durable = kept is not None and kept.number == opening.number and kept.pulses >= pulse.pulse
    hold(durable, "I5: the intent of this pulse is not durable")
    if opening.command is not None:
        message = world.messages[COMMANDS.index(opening.command)]
        assert message is not None
        hold(message.session == 0, "a command of another session opens")
        hold(message.left_s > 0, "I6: a pulse at or after the command's deadline")
    check_goods(world, box, opening.purpose)


def check_goods(world: World, box: Box, purpose: Purpose) -> None:
    if purpose is Purpose.COLLECT:
        hold(world.goods <= {box.order}, f"I3: it opens for {box.order}, {set(world.goods)} lies there")
        hold(box.parcel not in world.kept.used, "I15: a right that was used opens again")
    if purpose is Purpose.LOAD:
        hold(world.goods <= {box.parcel}, f"I9: it opens to load {box.parcel}, {set(world.goods)} lies there")
        hold(box.parcel not in world.kept.used, "I15: a parcel that was collected is loaded again")


def check_step(before: Box, kept: Kept, outcome: Outcome, name: str) -> None:
    """Of each input."""
    hold(kept.used <= outcome.kept.used, "I15: a used right is no longer used")
    hold(name != "stranger" or not outcome.pulses, "I3, I9: it opens for somebody who has no right")
    opening = outcome.box.opening
    if outcome.pulses and opening is not None and opening.purpose is Purpose.COLLECT:
        hold(not before.sides & {Side.COLD_HOLD, Side.QUARANTINE}, "I17: held goods are handed out")
    lost = (before.sides - outcome.box.sides) & LATCHED
    looked = name == "reads" and before.opening is not None and before.opening.purpose is Purpose.SERVICE
    hold(not lost or looked, f"I17: {set(lost)} ended by {name}")


def check(world: World) -> None:
    """Of each moment."""
    box = world.box
    if box is None:
        return
    if box.assignable:
        hold(not world.goods, f"I9: {set(world.goods)} lies in a box that may be given away")
    if box.state is State.VACANT:
        hold(box.occupancy is None and box.parcel is None, "I9: vacant, and something is said to lie there")
    opening = box.opening
    if opening is None or opening.seen_open or opening.ambiguous:
        return
    own = any(waits.pulse.opening == 1 and waits.pulse.pulse == opening.pulses for waits in world.queue)
    hold(opening.sent_at is not None or own, "an opening waits for a pulse that nobody carries out")


def check_timers(world: World) -> None:
    """No interim state outlives its timer: after a tick, something is still to be waited for."""
    opening = None if world.box is None else world.box.opening
    if opening is None or opening.seen_open or (opening.sent_at is None and not opening.ambiguous):
        return
    until = opening.first_pulse + RULES.window_s
    if opening.sent_at is not None:
        until = max(until, opening.sent_at + RULES.release_wait_s)
    hold(until > NOW, "an opening outlives its window")


def told(world: World) -> str:
    """A moment in a line."""
    box = world.box
    if box is None:
        return f"down; door {world.at_door or 'shut'}, goods {sorted(g[-2:] for g in world.goods)}"
    opening = box.opening
    about = "" if opening is None else (
        f" {opening.purpose} pulses={opening.pulses} sent={opening.sent_at} seen={opening.seen_open}"
        f" ambiguous={opening.ambiguous} command={opening.command} first={opening.first_pulse - NOW}"
    )  # fmt: skip
    return (
        f"{box.state}{sorted(box.sides)} {box.occupancy}{about}; switch {box.door.state}; queue"
        f" {[(w.pulse.opening, w.pulse.pulse, w.age) for w in world.queue]}; door {world.at_door or 'shut'},"
        f" goods {sorted(g[-2:] for g in world.goods)}"
    )
