"""One right, one opening: keypad, reader and phone at once, and a program that dies anywhere between."""

import random

import pytest

from controller import visit
from controller.doors import Reading
from controller.visit import Ask, Box, Pulsed, Purpose, Refused, Rules, State

OCCUPANCY = "00000000000000aa-1"
RULES = Rules()
STEPS = 40
PROOFS = ("code", "qr", "phone")


def one_evening(seed):
    """Openings that were seen, and whether the goods were collected: one box, three ways in, crashes."""
    luck = random.Random(seed)
    box = Box("01", State.OCCUPIED, occupancy=OCCUPANCY, order="bb" * 8, parcel="cc" * 8)
    now, number, is_open, pulse = 0.0, 0, False, None
    opened, pulsed_after_use, used = set(), 0, False
    for _ in range(STEPS):
        now += luck.choice((0.01, 0.3, 1.0, 4.0))
        step = visit.Step(box)
        match luck.randrange(8):
            case 0 | 1:  # everybody who holds the right, all at once
                for proof in luck.sample(PROOFS, luck.randrange(1, 4)):
                    number += 1
                    outcome = visit.ask(step.box, Ask(number, Purpose.COLLECT, proof, OCCUPANCY), now, RULES)
                    if not isinstance(outcome, Refused):
                        assert step.pulse is None, "two ways in pulse at once"
                        step = outcome
            case 2 | 3 if pulse is not None:
                opening, is_late = pulse, now >= pulse.not_after
                pulse = None
                if is_late or box.opening is None or box.opening.number != opening.opening:
                    step = visit.pulsed(box, Pulsed(opening.opening, opening.pulse, None, withheld="late"))
                else:
                    pulsed_after_use += used
                    is_open = is_open or luck.random() < 0.7
                    step = visit.pulsed(box, Pulsed(opening.opening, opening.pulse, now))
            case 4:
                step = visit.tick(box, now, RULES)
            case 5:
                is_open = False
            case 6 if luck.random() < 0.2:
                step, pulse = visit.restarted(box, same_boot=luck.random() < 0.7), None
                assert step.pulse is None
            case _:
                for _ in range(2):
                    now += 0.05
                    read = visit.door_read(step.box, Reading(is_open, now), now, RULES)
                    opened |= {fact.opening for fact in read.facts if fact.type == "DoorOpened"}
                    used = used or any(fact.type == "ParcelCollected" for fact in read.facts)
                    step = visit.Step(read.box, (), step.pulse)
        box, pulse = step.box, step.pulse or pulse
    return len(opened), used, pulsed_after_use


@pytest.mark.row("O3")
@pytest.mark.parametrize(
    "sequences", [3_000, pytest.param(100_000, marks=[pytest.mark.hard, pytest.mark.timeout(1200)])]
)
def test_o3_no_door_is_opened_twice_for_one_code(sequences, record_property):
    evenings = [one_evening(seed) for seed in range(sequences)]
    record_property("sequences", sequences)
    assert max(seen for seen, _, _ in evenings) == 1
    assert sum(after for _, _, after in evenings) == 0
    assert sum(used for _, used, _ in evenings) > sequences / 4, "else nothing was tried"
