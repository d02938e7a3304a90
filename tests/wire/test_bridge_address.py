"""``bridge address``: one device gets another address, or nothing is written and the reason is told."""

import json

import pytest
import tomli_w
from typer.testing import CliRunner

from config.cabinet.one_board import one_board
from config.cabinet.registers import shipped
from firmware_bridge.__main__ import app
from simulators.climate_xymd02 import ClimateXymd02
from simulators.registers import RegisterDevice
from tests.wire.far_boards import BAUD, bridge, served

run = CliRunner().invoke
PROBE = {"name": "cold", "kind": "climate_xymd02", "bus": "bus", "address": 1}
PAN = {"name": "pan", "bus": "bus", "address": 2, "map": "generic-scale"}


def bench(**more):
    """Relay card 5, a probe at 1, a scale at 2."""
    return one_board("lock_modbus", 5, 4, BAUD) | {"thermometer": [PROBE], "scale": [PAN]} | more


def written(far):
    return [frame[:-2].hex() for _, frame in far.buses["bus"].requests if frame[1] not in (2, 3, 4)]


def board(far, name):
    return next(board for board in far.buses["bus"].boards if board.name == name)


# --- what moves


@pytest.mark.parametrize(
    ("name", "old", "new", "frame", "write", "title"),
    [
        ("board", 5, 12, "05064000000c", "board[0].address = 12", "Waveshare card"),
        ("pan", 2, 21, "020601000015", "scale[0].address = 21", "device of map generic-scale"),
    ],
)
async def test_a_device_moves_and_the_file_is_told(tmp_path, name, old, new, frame, write, title):
    async with served(bench(), tmp_path) as (far, file):
        code, out, err = await bridge("address", file, "--from", old, "--to", new, "--json")
        assert (code, err) == (0, "")
        assert (board(far, name).address, written(far)) == (new, [frame])
        assert not any(far.cabinet.compartment(label).energised for label in far.cabinet.labels())
    told = {"device": title, "from": old, "to": new, "moved": "now", "write": [write]}
    assert json.loads(out) == told


async def test_a_probe_that_takes_it_at_its_next_power_up_is_told_of(tmp_path):
    async with served(bench(), tmp_path) as (far, file):
        code, out, _ = await bridge("address", file, "--from", 1, "--to", 21)
        assert (code, board(far, "cold").address, written(far)) == (0, 1, ["010601010015"])
        assert "XY-MD02 1 21 when its power was off and on" in " ".join(out.split())
        assert out.splitlines()[-1] == "in the cabinet file: thermometer[0].address = 21"
        again, _, err = await bridge("address", file, "--from", 1, "--to", 22)
        assert (again, len(written(far))) == (1, 1)
        assert "says that it has 21: it waits for its power to be off, or is another device" in err
        await far.fault("board_rebooting", "cold", amount=0.0)
        assert board(far, "cold").address == 21


async def test_a_new_device_gets_the_address_that_the_file_gives_it(tmp_path):
    async with served(bench(), tmp_path) as (far, file):
        board(far, "pan").address = 40  # as delivered
        code, out, _ = await bridge("address", file, "--from", 40, "--to", 2)
        assert (code, board(far, "pan").address) == (0, 2)
    assert "scale[0].address = 2" in out


async def test_a_card_that_has_relays_and_inputs_is_written_in_both_places(tmp_path):
    raw = bench()
    raw["board"][0]["inputs_address"] = 5
    async with served(raw, tmp_path) as (_, file):
        _, out, _ = await bridge("address", file, "--from", 5, "--to", 6, "--json")
    assert json.loads(out)["write"] == ["board[0].address = 6", "board[0].inputs_address = 6"]


@pytest.mark.parametrize(
    ("kind", "old", "moved"),
    [
        (("lock_modbus",), 5, "now"),
        (("climate_xymd02",), 1, "after_power"),
        (("scale_registers", "--map", "generic-scale"), 2, "now"),
    ],
)
async def test_at_a_port_its_kind_says_how(tmp_path, kind, old, moved):
    async with served(bench(), tmp_path) as (far, _):
        words = ("--kind", *kind, "--baud", BAUD, "--from", old, "--to", 99, "--json")
        code, out, err = await bridge("address", far.wires["bus"].address, *words)
        assert (code, err, len(written(far))) == (0, "", 1)
    assert (json.loads(out)["moved"], json.loads(out)["write"]) == (moved, ["address = 99"])


async def test_an_adapter_that_echoes_is_no_second_device(tmp_path):
    async with served(bench(), tmp_path) as (far, file):
        await far.fault("echo", "bus")
        code, _, err = await bridge("address", file, "--from", 2, "--to", 21)
        assert (code, err, board(far, "pan").address) == (0, "", 21)


async def test_a_gateway_that_waits_for_silent_devices_is_waited_for(tmp_path):
    raw = bench()
    raw["bus"][0]["port"] = "modbus-tcp://127.0.0.1:502"
    async with served(raw, tmp_path) as (far, file):
        code, _, err = await bridge("address", file, "--from", 2, "--to", 21)
        assert (code, err, board(far, "pan").address) == (0, "", 21)


async def test_a_device_whose_answer_to_the_write_is_lost_has_moved_all_the_same(tmp_path, monkeypatch):
    async with served(bench(), tmp_path) as (far, file):

        def in_silence(device, frame, address):
            answer = heard(device, frame, address)
            return None if frame[1] == 6 else answer

        heard = RegisterDevice.hear
        monkeypatch.setattr(RegisterDevice, "hear", in_silence)
        code, _, err = await bridge("address", file, "--from", 2, "--to", 21)
        assert (code, err, len(written(far)), board(far, "pan").address) == (0, "", 1, 21)


# --- what does not


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (1, 60, "address 60 answers already"),  # a card that the file does not know
        (2, 60, "address 60 answers already"),
    ],
)
async def test_an_address_that_answers_already_is_given_to_nobody_else(tmp_path, old, new, reason):
    raw = bench()
    async with served(raw | {"thermometer": [PROBE, PROBE | {"name": "guest", "address": 60}]}, tmp_path) as (
        far,
        _,
    ):
        file = tmp_path / "known.toml"
        file.write_text(tomli_w.dumps(raw | {"bus": [raw["bus"][0] | {"port": far.wires["bus"].address}]}))
        code, out, err = await bridge("address", file, "--from", old, "--to", new)
        assert (code, out, written(far)) == (1, "", [])
    assert reason in err


async def test_a_board_of_another_kind_at_the_new_address_answers_too(tmp_path):
    async with served(bench(), tmp_path) as (far, _):
        words = ("--kind", "scale_registers", "--map", "generic-scale", "--baud", BAUD)
        code, _, err = await bridge("address", far.wires["bus"].address, *words, "--from", 2, "--to", 5)
        assert (code, written(far)) == (1, [])
    assert "address 5 answers already" in err


@pytest.mark.parametrize("same", [False, True])
async def test_two_devices_at_the_old_address_move_neither(tmp_path, same):
    """Also when both tell the same address: what they measure differs."""
    two = [PAN, PAN | {"name": "tray", "address": 3}]
    async with served(bench(scale=two), tmp_path) as (far, file):
        far.scales["tray"].grams = far.scales["tray"]._swings_from = 777.0
        if same:
            far.scales["tray"].address = 2
        else:
            await far.fault("two_with_one_address", "pan", other="tray")
        code, _, err = await bridge("address", file, "--from", 2, "--to", 21)
        assert (code, written(far)) == (1, [])
    assert f"address 2 on {tmp_path}/bus: its answers are broken" in err
    assert "two devices seem to share it" in err


async def test_a_silent_device_is_not_written_to(tmp_path):
    async with served(bench(), tmp_path) as (far, file):
        await far.fault("board_silent", "pan")
        code, _, err = await bridge("address", file, "--from", 2, "--to", 21)
        assert (code, written(far)) == (1, [])
    assert f"address 2 on {tmp_path}/bus: nothing answers there" in err


async def test_what_is_another_device_is_not_written_to(tmp_path):
    async with served(bench(), tmp_path) as (far, _):
        port = far.wires["bus"].address
        words = ("--kind", "climate_xymd02", "--baud", BAUD, "--from", 5, "--to", 21)
        code, _, err = await bridge("address", port, *words)
        assert (code, written(far)) == (1, [])
    assert "what answers at address 5 has no register 0x0101 (code 2): it is no XY-MD02" in err


async def test_a_device_that_says_yes_and_stays_is_told_of(tmp_path, monkeypatch):
    async with served(bench(), tmp_path) as (far, file):
        monkeypatch.setattr(ClimateXymd02, "_write", lambda *_: 0)
        code, _, err = await bridge("address", file, "--from", 1, "--to", 21)
        assert (code, written(far)) == (1, ["010601010015"])
    assert "it was written to, and kept the address that it had" in err


async def test_a_device_that_refuses_is_told_of_with_its_code(tmp_path, monkeypatch):
    async with served(bench(), tmp_path) as (far, file):
        monkeypatch.setattr(ClimateXymd02, "_write", lambda *_: 3)
        code, _, err = await bridge("address", file, "--from", 1, "--to", 21)
        assert (code, len(written(far))) == (1, 1)
    assert "it refuses the new address, with code 3" in err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--from", "0", "--to", "99"], "nothing in the cabinet file has address 0 or 99"),
        (["--from", "0", "--to", "2"], "one device answers to 1 to 247, not to 0"),
        (["--from", "2", "--to", "0"], "one device answers to 1 to 247, not to 0"),
        (["--from", "2", "--to", "248"], "one device answers to 1 to 247, not to 248"),
        (["--from", "2", "--to", "2"], "has address 2 already"),
        (["--from", "2", "--to", "5"], "address 5 on bus bus belongs to board"),
        (["--from", "9", "--to", "10"], "nothing in the cabinet file has address 9 or 10"),
        (["--from", "3", "--to", "30"], "nobody says how plain is given another address"),
        (["--from", "4", "--to", "40"], "nobody says how r4 is given another address"),
        (["--from", "2", "--to", "9", "--bus", "attic"], "there is no bus named attic"),
        (["--from", "2", "--to", "9", "--port", "attic=x"], "there is no bus named attic"),
        (["--from", "7", "--to", "9"], "left and right are on bus and other: name one of them by --bus"),
        (
            ["--from", "7", "--to", "9", "--bus", "other", "--port", "other=/dev/nothing"],
            "/dev/nothing cannot",
        ),
    ],
)
def test_what_cannot_be_moved_is_told(tmp_path, words, reason):
    raw = bench()
    its_map = shipped()["generic-scale"].model_dump(exclude_none=True) | {"name": "fixed"}
    del its_map["address_register"]
    raw["bus"].append(raw["bus"][0] | {"name": "other"})
    raw["board"].append(
        raw["board"][0] | {"name": "r4", "address": 4, "profile": "eletechsup", "pulse_ms": 1000}
    )
    raw["scale"] = [
        PAN,
        PAN | {"name": "plain", "address": 3, "map": "fixed"},
        PAN | {"name": "left", "address": 7},
        PAN | {"name": "right", "address": 7, "bus": "other"},
    ]
    file = tmp_path / "cabinet.toml"
    file.write_text(tomli_w.dumps(raw | {"register_map": [its_map]}))
    told = run(app, ["address", str(file), *words])
    assert told.exit_code == 2
    assert reason in told.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "--kind: at a port one of lock_modbus, climate_xymd02, climate_registers, scale_registers"),
        (["--kind", "lock_8a80"], "--kind: at a port one of"),
        (["--kind", "scale_registers"], "--map: at a port one of generic-scale, generic-thermostat"),
        (["--kind", "scale_registers", "--map", "mine"], "for a map of your own name the cabinet file"),
        (["--kind", "lock_modbus", "--map", "generic-scale"], "lock_modbus has registers of its own"),
        (["--kind", "lock_modbus", "--from", "0"], "one device answers to 1 to 247, not to 0"),
    ],
)
def test_at_a_port_what_is_missing_is_told(words, reason):
    told = run(app, ["address", "/dev/nothing", "--from", "1", "--to", "2", *words])
    assert told.exit_code == 2
    assert reason in told.stderr
