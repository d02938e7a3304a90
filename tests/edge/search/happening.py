"""Everything that can happen at a moment, in any order: people, network, wire, switch, a crash."""

from collections.abc import Callable, Iterator
from typing import Any

from search_machine import (
    COMMANDS,
    DEADLINE_S,
    NOW,
    OCCUPANCIES_B,
    A,
    B,
    Kept,
    Machine,
    asks,
    asks_wrongly,
    carries_out,
    hears,
    hold,
    is_told,
    reads,
    restarts,
    scans_label,
    ticks,
    types_code,
)  # fmt: skip
from search_passing import Came, dies, follow, passes, with_message
from search_rules import check_pulse, check_timers
from search_situation import GONE, LATE, Extent, Message, Same, Waits, World

from controller.visit import Pulse, Pulsed, Purpose


class Happenings:
    """What can happen within an extent. Parts do the same with the same input, so they are asked once."""

    def __init__(self, extent: Extent) -> None:
        self.extent = extent
        self.trying: tuple[Any, ...] = ()
        self._came: dict[Any, Came] = {}
        self._withheld: dict[Any, str] = {}
        self._checked: set[Any] = set()

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
            message, command = world.messages[number], COMMANDS[number]
            if message is GONE:
                self._check_copy(world, number, with_seen(world.one_kept, command))
            elif message is None:
                if world.kept.box.occupancy == self.extent.meant[number]:
                    sent = Message(DEADLINE_S)
                    yield f"command {number + 1} is sent", with_message(world, number, sent)
            elif command in world.kept.seen:
                self._check_copy(world, number, world.one_kept)
            elif world.box is not None:
                yield f"command {number + 1} arrives", self._hears(world, number, message)

    def _hears(self, world: World, number: int, message: Message) -> World:
        meant = self.extent.meant[number]
        return self._takes(
            world, "hears", hears, number, meant, message.left_s, session=message.session
        )  # fmt: skip

    def _check_copy(self, world: World, number: int, seen: Same) -> None:
        """A command that was seen, comes too late or is for another session: nothing may come of it.

        Such copies are tried at each moment and lead nowhere; that is why they need not be counted, and why
        a command is GONE as soon as only such copies of it can arrive.
        """
        key = (world.one_box, world.one_kept, number)
        if world.box is None or key in self._checked:
            return
        self.trying = (f"a copy of command {number + 1} arrives",)
        again = world._replace(one_kept=seen)
        hold(self._hears(again, number, Message(DEADLINE_S)) is again, "a command acts twice")
        if world.messages[number] is GONE:
            late, elsewhere = (self._hears(world, number, it) for it in (LATE, Message(DEADLINE_S, 1)))
            hold(does_nothing(world, late), "I6: a command opens at or after its deadline")
            hold(does_nothing(world, elsewhere), "a command of another session opens")
        self._checked.add(key)

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
        interrupted = bool(world.goods) if self.extent.beam else None
        yield "the switch is read", self._takes(world, "reads", reads, is_open, interrupted)

    def _hands(self, world: World) -> Iterator[tuple[str, World]]:
        match world.at_door:
            case None:
                return
            case "collect a1" | "collect b1" as what:
                taken = world.goods - {A if what.endswith("a1") else B}
                yield "the resident takes it and shuts", world._replace(at_door=None, goods=taken)
                if self.extent.beam:
                    yield "the resident leaves it and shuts", world._replace(at_door=None)
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
        if came.is_nothing and not restart:
            return world
        return follow(world, came)


def does_nothing(before: World, after: World) -> bool:
    """Only that the command was refused may be on the disk."""
    same_box = after.one_box is before.one_box and after.kept.box == before.kept.box
    return same_box and after.queue == before.queue and after.kept.used == before.kept.used


def with_seen(kept: Same, command: str) -> Same:
    it: Kept = kept.it
    return Same.of(Kept(it.box, it.used, it.seen | {command}))


def opened_for(world: World, pulse: Pulse) -> str:
    box = world.box
    assert box is not None
    if pulse.emergency or box.opening is None or box.order is None:
        return "help"
    if box.opening.purpose not in (Purpose.COLLECT, Purpose.LOAD):
        return "help"
    return f"{box.opening.purpose} {box.order[-2:]}"
