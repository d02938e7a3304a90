"""Breadth first through all that can happen, until nothing new can."""

import gc
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from search_happening import Happenings
from search_machine import running
from search_passing import without_history
from search_rules import check
from search_situation import Extent, World, told

from controller.visit import State


class Search:
    """Breadth first, until nothing new can happen."""

    def __init__(self, extent: Extent, most: int = 10_000_000, *, keeps_ways: bool = True) -> None:
        self.happenings, self.most, self._keeps_ways = Happenings(extent), most, keeps_ways
        self.worlds: list[World] = []
        self.parents: list[tuple[int, str]] = []
        self.leads: list[array[int]] = []
        self.actions: set[str] = set()
        self.states: set[State] = set()
        self.closed = False

    def run(self) -> "Search":
        """``Broken`` with the shortest way there when a rule does not hold."""
        numbers: dict[World, int] = {}
        with running(), without_collecting():
            first = self.happenings.extent.start()
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
            for action, after in self.happenings.successors(world):
                self.actions.add(action)
                if after is world:
                    continue
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
            raise type(broken)(f"{broken}\n{self.trace(number)}\n then: {self.happenings.trying}") from broken

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


@contextmanager
def without_collecting() -> Iterator[None]:
    """Millions of moments that are all kept: looking through them for garbage only takes time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
