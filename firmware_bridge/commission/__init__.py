"""Commissioning: how a cabinet is really wired, learned by opening one door after the other.

A cabinet file says how it was meant. ``walk`` opens each lock once and asks the person in front which door
that was; ``wiring`` makes of it the file as it is, and what is wrong; ``sheet`` prints the doors' labels.

    plan (a cabinet file) ──> walk.py ──Opened…──> wiring.py ──> file as it is, findings
"""

from firmware_bridge.commission.walk import CoilHeld, Person, walk
from firmware_bridge.commission.wiring import Finding, Opened, Wiring, learn

__all__ = ["CoilHeld", "Finding", "Opened", "Person", "Wiring", "learn", "walk"]
