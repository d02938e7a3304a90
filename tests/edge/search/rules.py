"""What must hold: as a pulse goes out, of each input, of each moment and after each tick."""

from search_machine import COMMANDS, NOW, RULES, Kept, Outcome, hold
from search_situation import World

from config.contract.events import ParcelCollected, ParcelDeposited
from controller.visit import Box, Pulse, Purpose, Side, State

LATCHED = {Side.COLD_HOLD, Side.FORCED, Side.QUARANTINE}


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
    sure = any(isinstance(told, ParcelCollected) and not told.in_doubt for told in outcome.facts)
    hold(not (sure and before.awaits_word), "I14: called collected, and nobody has said that it was in")
    lost = (before.sides - outcome.box.sides) & LATCHED
    looked = name == "reads" and before.opening is not None and before.opening.purpose is Purpose.SERVICE
    hold(not lost or looked, f"I17: {set(lost)} ended by {name}")
    if any(isinstance(fact, ParcelDeposited) for fact in outcome.facts):
        check_deposit(before)


def check_deposit(before: Box) -> None:
    """Nobody is told to come for a parcel that may still be in the courier's hands."""
    opened = before.opening.opened_at if before.opening is not None else None
    hold(opened is not None, "F5: called ready, and its door was not seen open")
    hold(opened is not None and NOW - opened < RULES.left_open_block_s, "F5: ready behind a door left open")


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
