"""The guard, whole and in a process of its own, on gpiozero's mock pins; each change is written to a file.

There are no pins on the computer that runs the tests. Everything but the pins is the product's.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))  # the guard is started at the root of the checkout

from gpiozero.pins.mock import MockFactory, MockPin

from firmware_bridge.gpio import zero_outputs
from firmware_bridge.guard.__main__ import main
from firmware_bridge.guard.messages import boottime

PAPER = Path(sys.argv[1])
STUCK = len(sys.argv) > 2
"""Its outputs ignore the first ten times that they are turned off."""


class PaperPin(MockPin):
    refusals = 10

    def _change_state(self, value):
        if STUCK and self.state and not value and PaperPin.refusals:
            PaperPin.refusals -= 1
            return False
        changed = super()._change_state(value)
        if changed and self.function == "output":
            with PAPER.open("a") as paper:
                paper.write(f"{boottime()} {self.info.name} {int(value)}\n")
        return changed


async def open_outputs(bus, boards):
    factory = MockFactory(pin_class=PaperPin)
    return {board.name: zero_outputs(bus.port, factory, board) for board in boards}


if __name__ == "__main__":
    sys.exit(main(open_outputs))
