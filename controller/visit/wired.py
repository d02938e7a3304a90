"""A door whose wires were changed may turn out to be another one, until somebody has seen which one moves."""

from dataclasses import replace

from config.contract import events as fact
from controller.visit.box import Box, Refused, Side, Step
from controller.visit.told import fault, now_of


def rewired(box: Box) -> Step:
    """It hangs on another board, channel or switch than before."""
    if Side.UNPROVEN in box.sides:
        return Step(box)
    after = replace(box, sides=box.sides | {Side.UNPROVEN})
    return Step(after, (fact.WiringChanged(box=now_of(after)), fault("wiring_unproven", box)))


def proven(box: Box, badge: str) -> Step | Refused:
    """Somebody has seen that it is this door which opens. That they stood there, the caller knows."""
    if Side.UNPROVEN not in box.sides:
        return Refused("no_question")
    after = replace(box, sides=box.sides - {Side.UNPROVEN})
    cleared = fact.FaultCleared(fault="wiring_unproven", subject=box.label)
    return Step(after, (fact.WiringProven(box=now_of(after), badge=badge), cleared))
