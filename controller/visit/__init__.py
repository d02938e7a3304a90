"""One compartment and what may happen to it: pure functions ``(box, input, now) -> Step``.

No clock, no wire, no store; a file for each kind of input. Whoever calls commits ``step.box`` and
``step.facts`` in one transaction and only then carries out ``step.pulse``. The rules that are kept here:

* at most K pulses for an opening, all within W seconds; none once its door was seen open;
* a pulse only while loading, collecting, in service or in an emergency, and only for the occupancy that
  the opening was granted for;
* a parcel that nobody saw going in is "in" by the word of whoever loaded, never by time;
* a restart never pulses by itself: it makes an unfinished opening *ambiguous*, and the same person may use
  the rest of its pulses; after that a person has to look;
* the switch says that a door opened, never the pulse; a switch that was open all along proves nothing and
  vetoes nothing.
"""

from controller.visit.asking import ask
from controller.visit.box import (
    Ask,
    Box,
    Left,
    Opening,
    Pulse,
    Pulsed,
    Purpose,
    Refused,
    Rules,
    Side,
    State,
    Step,
)
from controller.visit.pulses import pulsed
from controller.visit.reopening import can_reopen
from controller.visit.restart import fallen_back, restarted
from controller.visit.switch import door_read
from controller.visit.told import door_now, now_of
from controller.visit.waiting import tick
from controller.visit.wired import proven, rewired
from controller.visit.word import Said, Word, doubted, in_doubt, lies_here, said, why_not_here

__all__ = [
    "Ask",
    "Box",
    "Left",
    "Opening",
    "Pulse",
    "Pulsed",
    "Purpose",
    "Refused",
    "Rules",
    "Said",
    "Side",
    "State",
    "Step",
    "Word",
    "ask",
    "can_reopen",
    "door_now",
    "door_read",
    "doubted",
    "fallen_back",
    "in_doubt",
    "lies_here",
    "now_of",
    "proven",
    "pulsed",
    "restarted",
    "rewired",
    "said",
    "tick",
    "why_not_here",
]
