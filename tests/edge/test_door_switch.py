"""What a door's switch is believed, reading by reading."""

import pytest

from controller.doors import FLAPS_PER_10_S, Door, DoorState, Reading, read

CLOSED = Door(DoorState.CLOSED, 0.0, read_since_pulse=True)


def changes(door, *readings, expected=False):
    seen = []
    for at, is_open in readings:
        door, changed = read(door, Reading(is_open, at), expected=expected)
        seen.append(changed)
    return door, seen


def test_what_is_not_expected_must_be_read_twice():
    assert changes(CLOSED, (1, True), (2, True))[1] == [False, True]
    assert changes(CLOSED, (1, True), (2, False), (3, True))[1] == [False, False, False]
    assert changes(CLOSED, (1, True), expected=True)[1] == [True]
    assert changes(Door(DoorState.OPEN, 0), (1, False), (2, False), expected=True)[1] == [False, True]
    assert changes(Door(), (1, True))[0].state is DoorState.OPEN


@pytest.mark.parametrize(("flaps", "spread", "state"), [
    (FLAPS_PER_10_S, 1.0, DoorState.OPEN), (FLAPS_PER_10_S + 1, 1.0, DoorState.SENSOR_FAULT),
    (FLAPS_PER_10_S + 1, 1.25, DoorState.CLOSED),
])  # fmt: skip
def test_a_switch_that_changes_too_often_is_broken(flaps, spread, state):
    flips = [(at * spread, at % 2 == 0) for at in range(flaps)]
    readings = [(moment, is_open) for moment, is_open in flips for _ in range(2)]
    door, _ = changes(CLOSED, *readings)
    expected = DoorState.CLOSED if state is DoorState.OPEN and flaps % 2 == 0 else state
    expected = DoorState.OPEN if state is DoorState.CLOSED and flaps % 2 else expected
    assert door.state is expected


@pytest.mark.parametrize("door", [CLOSED, Door(DoorState.OPEN, 0.0)])
def test_a_switch_that_says_something_else_at_every_reading_is_broken_too(door):
    flips = [(0.1 * n, n % 2 == 0) for n in range(2 * FLAPS_PER_10_S + 4)]
    assert changes(door, *flips)[0].state is DoorState.SENSOR_FAULT
    assert changes(door, *flips[: 2 * FLAPS_PER_10_S])[0].state is door.state
    slow = [(1.3 * n, n % 2 == 0) for n in range(100)]
    assert changes(door, *slow)[0].state is door.state


def test_a_broken_switch_is_believed_after_ten_quiet_seconds():
    door = Door(DoorState.SENSOR_FAULT, 100.0)
    assert changes(door, (101, True), (110.9, True))[0].state is DoorState.SENSOR_FAULT
    assert changes(door, (101, True), (111, True))[0].state is DoorState.UNKNOWN
    assert changes(door, (101, True), (105, False), (111, False))[0].state is DoorState.SENSOR_FAULT
