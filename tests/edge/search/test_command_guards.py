"""Why a command is rejected, guard by guard, each exactly at its limit."""

from types import SimpleNamespace

import pytest
from search_machine import (
    CABINET,
    COMMANDS,
    KEY,
    LABEL,
    NOW,
    OCCUPANCY_A,
    SESSIONS,
    A,
    Kept,
    Machine,
    as_kept,
    carries_out,
    finish,
    running,
)

from config.contract.messages import OpenDoor, Presence
from config.contract.signing import sign
from controller.commands import Budget, Commands
from controller.doors import Door, DoorState
from controller.visit import Ask, Box, Pulse, Purpose, State

FULL = Box(LABEL, State.OCCUPIED, occupancy=OCCUPANCY_A, order=A, parcel=A, door=Door(DoorState.CLOSED, 0.0))
PRESENCE = Presence(nonce="0" * 16, number=12)


def heard(*, synced_ago=0.0, is_there=False, spent=0, **more):
    """What became of one command: the reason it was rejected for, or "" and the parts."""
    machine = Machine(FULL, Kept(as_kept(FULL)))
    if synced_ago is not None:
        machine.clock.synced(NOW - synced_ago, int((NOW - synced_ago) * 1000))
    documents = SimpleNamespace(public_keys=lambda purpose: {KEY.kid: KEY.public})
    screen = SimpleNamespace(take_back=lambda presence: is_there)
    commands = Commands(CABINET, machine.cabinet, documents, screen, machine.disk, machine.clock)
    commands._budget = Budget((int(NOW * 1000),) * spent)
    given = {
        "id": COMMANDS[0], "cabinet": CABINET, "session": SESSIONS[0],
        "deadline_ms": int(NOW * 1000) + 10_000, "compartment": LABEL,
        "occupancy": OCCUPANCY_A, "purpose": "collect",
    } | more  # fmt: skip
    with running():
        finish(commands.take(sign(KEY, "commands", CABINET, OpenDoor(**given).body()), SESSIONS[0]))
    ends = [fact.reason for fact in machine.disk.facts if fact.type == "CommandEnded"]
    assert COMMANDS[0] in machine.disk.kept.seen
    assert bool(ends) != bool(machine.pulses)
    return (ends or [""])[0], commands


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, ""),
        ({"cabinet": "cabinet-02"}, "other_cabinet"),
        ({"session": SESSIONS[1]}, "other_session"),
        ({"synced_ago": None}, "no_time"),
        ({"synced_ago": 120.5, "deadline_ms": int(NOW * 1000) + 90_000}, "no_time"),
        ({"synced_ago": 120.0, "deadline_ms": int(NOW * 1000) + 90_000}, ""),
        ({"deadline_ms": int(NOW * 1000)}, "late"),
        ({"deadline_ms": int(NOW * 1000) + 1}, ""),
        ({"compartment": "02"}, "not_valid"),
        ({"presence": PRESENCE, "is_there": True}, ""),
        ({"presence": PRESENCE, "is_there": False}, "not_there"),
        ({"presence": PRESENCE, "is_there": True, "spent": 99}, ""),
        ({"spent": 2}, ""),
        ({"spent": 3}, "budget"),
        ({"occupancy": "00000000000000ee-9"}, "other_occupancy"),
    ],
)
def test_a_command_is_rejected_for_a_reason_and_remembered_either_way(given, reason):
    assert heard(**given)[0] == reason


def test_only_a_command_that_nobody_stands_at_spends_the_budget():
    assert len(heard(spent=1)[1]._budget.opened_ms) == 2
    assert len(heard(spent=1, presence=PRESENCE, is_there=True)[1]._budget.opened_ms) == 1


@pytest.mark.parametrize(
    ("opening", "pulse", "occupancy", "not_after", "emergency", "reason"),
    [
        (2, 1, OCCUPANCY_A, NOW + 0.1, False, ""),
        (2, 1, OCCUPANCY_A, NOW, False, "late"),
        (3, 1, OCCUPANCY_A, NOW + 0.1, False, "superseded"),
        (2, 2, OCCUPANCY_A, NOW + 0.1, False, "superseded"),
        (2, 1, None, NOW + 0.1, False, "other_occupancy"),
        (3, 9, None, NOW - 9, True, ""),
    ],
)
def test_the_last_look_before_the_bytes(opening, pulse, occupancy, not_after, emergency, reason):
    machine = Machine(FULL, Kept(as_kept(FULL)))
    with running():
        finish(machine.cabinet.ask(LABEL, Ask(2, Purpose.COLLECT, "code", OCCUPANCY_A)))
        wanted = Pulse(LABEL, opening, pulse, occupancy, not_after, emergency)
        assert carries_out(machine.cabinet.boxes[LABEL], wanted) == reason


def test_no_pulse_goes_out_for_a_box_without_an_opening():
    with running():
        assert carries_out(FULL, Pulse(LABEL, 1, 1, OCCUPANCY_A, NOW + 1)) == "superseded"
