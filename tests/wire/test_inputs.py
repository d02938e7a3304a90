"""Contacts of the case on Modbus cards: what the driver makes of a served cabinet's."""

import pytest

from config.cabinet import load, parse
from firmware_bridge.assemble import assemble
from firmware_bridge.errors import BoardRefused, BoardSilent
from firmware_bridge.technician.parts import without
from simulators.control import Control, ControlRefused
from simulators.serve import Served

OPENS = {"name": "back", "means": "tamper", "bus": "modbus", "address": 21 + 1, "number": 3}
TILTS = {"name": "level", "means": "tilt", "bus": "modbus", "address": 12, "number": 9, "quiet": False}
CALLS = {"name": "help", "means": "inside", "bus": "modbus", "address": 12, "number": 16, "quiet": False}


def cabinet(*inputs):
    raw = load("config/cabinets/locker-modbus.toml").model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["board"][1]["inputs"] = 16
    return parse(raw | {"input": list(inputs)})


@pytest.fixture
async def case(tmp_path):
    """Two cards with contacts: one of their own, and the one that reads the switches of the cold doors."""
    file = cabinet(OPENS, TILTS, CALLS)
    served = Served(file, tmp_path, turn_round_seconds=0.0)
    async with assemble(file, await served.plug_in()) as hardware:
        yield served, hardware
    served.unplug()


async def test_contacts_are_quiet_until_somebody_is_at_the_case(case):
    served, hardware = case
    assert hardware.flagged == []
    own, shared = hardware.inputs["modbus-22"], hardware.inputs["modbus-12"]
    assert (await own.read()).disturbed == {"back": False}
    assert (await shared.read()).disturbed == {"level": False, "help": False}
    await served.disturb("back")
    await served.disturb("help")
    assert (await own.read()).disturbed == {"back": True}
    assert (await shared.read()).disturbed == {"level": False, "help": True}
    await served.settle("back")
    told = await own.read()
    assert told.disturbed == {"back": False}
    assert told.asked_at < told.answered_at


async def test_the_door_switches_of_a_shared_card_are_read_as_ever(case):
    served, hardware = case
    await served.disturb("level")
    board = hardware.boards["cold"]
    assert not any((await board.doors()).doors.values())
    await board.open(3, lambda: True)
    assert await served.wait("C3", "open")
    assert [n for n, is_open in (await board.doors()).doors.items() if is_open] == [3]


async def test_a_cut_wire_disturbs_a_contact_that_opens_and_silences_one_that_closes(case):
    served, hardware = case
    for contact in ("back", "level"):
        await served.disturb(contact)
        await served.fault("contact_cut", contact)
    assert (await hardware.inputs["modbus-22"].read()).disturbed["back"]
    assert not (await hardware.inputs["modbus-12"].read()).disturbed["level"]
    await served.settle("back")
    assert (await hardware.inputs["modbus-22"].read()).disturbed["back"]


async def test_a_card_that_says_nothing_or_no_is_an_error(case):
    served, hardware = case
    await served.fault("board_silent", "modbus-22")
    with pytest.raises(BoardSilent, match="modbus-22"):
        await hardware.inputs["modbus-22"].read()
    next(card for card in served.buses["modbus"].boards if card.address == 12).inputs = 8
    with pytest.raises(BoardRefused, match=r"modbus-12 .* refused, with code 2"):
        await hardware.inputs["modbus-12"].read()


async def test_a_card_that_is_not_there_is_flagged_at_the_start(tmp_path):
    file = cabinet(OPENS)
    served = Served(file, tmp_path, turn_round_seconds=0.0)
    ports = await served.plug_in()
    await served.fault("board_silent", "modbus-22")
    async with assemble(file, ports) as hardware:
        assert [flag.part for flag in hardware.flagged] == ["input card modbus-22"]
    served.unplug()


async def test_inputs_that_stand_in_registers_are_read_too(tmp_path):
    file = cabinet(OPENS | {"function": 4, "number": 20})
    served = Served(file, tmp_path, turn_round_seconds=0.0)
    async with assemble(file, await served.plug_in()) as hardware:
        card = hardware.inputs["modbus-22"]
        assert (await card.read()).disturbed == {"back": False}
        await served.disturb("back")
        assert (await card.read()).disturbed == {"back": True}
    served.unplug()


async def test_somebody_at_the_control_port_is_somebody_at_the_case(case):
    served, hardware = case
    server = await served.control()
    host, port = server.sockets[0].getsockname()
    async with Control(f"{host}:{port}") as control:
        await control.do("disturb", input="level")
        assert (await control.do("truth"))["disturbed"] == {"back": False, "level": True, "help": False}
        assert (await hardware.inputs["modbus-12"].read()).disturbed["level"]
        await control.do("settle", input="level")
        await control.do("fault", cause="contact_cut", where="back")
        assert (await hardware.inputs["modbus-22"].read()).disturbed["back"]
        with pytest.raises(ControlRefused, match="there is no contact attic"):
            await control.do("disturb", input="attic")
    server.close()


def test_commands_that_leave_the_boards_alone_ask_no_input_card():
    part, _ = without(cabinet(OPENS, TILTS), {}, leave_out=())
    assert (part.input, part.indicator, part.board) == ((), (), ())
