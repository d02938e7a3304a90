"""``bridge weigh``: what scales say, taring and zeroing one, and words in the wrong order."""

import asyncio
import json
import signal

import pytest
import tomli_w
from typer.testing import CliRunner

from config.cabinet.one_board import one_board
from config.cabinet.registers import shipped
from firmware_bridge.__main__ import app
from tests.wire.far_boards import BAUD, bridge, served, starts

run = CliRunner().invoke
PAN = {"name": "pan", "bus": "bus", "address": 9, "map": "generic-scale"}
TRAY = PAN | {"name": "tray", "address": 10}


def kitchen(*scales, **more):
    return one_board("lock_modbus", 1, 4, BAUD) | {"scale": list(scales or [PAN, TRAY])} | more


def written(far):
    return [frame[1:-2].hex() for _, frame in far.buses["bus"].requests if frame[1] not in (3, 4)]


def lay(far, scale, grams):
    far.scales[scale].grams = far.scales[scale]._swings_from = grams


async def test_every_scale_is_read_and_nothing_is_written(tmp_path):
    async with served(kitchen(), tmp_path) as (far, file):
        lay(far, "pan", 1250.5)
        code, out, err = await bridge("weigh", file, "--json")
        _, table, _ = await bridge("weigh", file)
        asked = {frame[0] for _, frame in far.buses["bus"].requests}
        assert (code, err, written(far), asked) == (0, "", [], {9, 10})
    assert json.loads(out) == {
        "scales": {"pan": {"grams": 1250.5, "stable": True}, "tray": {"grams": 0.0, "stable": True}},
        "flagged": [],
    }
    assert ["pan", "1250.5", "stable"] in [line.split() for line in table.splitlines()]


async def test_one_scale_alone_is_read(tmp_path):
    async with served(kitchen(), tmp_path) as (far, file):
        _, out, _ = await bridge("weigh", file, "--scale", "tray", "--json")
        assert {frame[0] for _, frame in far.buses["bus"].requests} == {10}
    assert json.loads(out)["scales"].keys() == {"tray"}


@pytest.mark.parametrize(("what", "register"), [("tare", "0601010003"), ("zero", "0601010001")])
async def test_a_scale_is_told_once_when_its_load_rests(tmp_path, what, register):
    async with served(kitchen(), tmp_path) as (far, file):
        await far.load("pan", 300.0)
        code, out, err = await bridge("weigh", file, "--scale", "pan", f"--{what}", "--json")
        assert (code, err, written(far)) == (0, "", [register])
    told = json.loads(out)
    assert (told["scale"], told["told"]) == ("pan", what)
    assert told["before"] == {"grams": 300.0, "stable": True}
    assert told["after"] == {"grams": 0.0, "stable": True}


async def test_the_only_scale_needs_no_name_to_be_told(tmp_path):
    async with served(kitchen(PAN), tmp_path) as (far, file):
        lay(far, "pan", 300.0)
        code, out, _ = await bridge("weigh", file, "--tare")
        assert (code, written(far)) == (0, ["0601010003"])
    rows = [line.split() for line in out.splitlines()]
    assert ["pan", "before", "300.0", "stable"] in rows
    assert ["pan", "after", "0.0", "stable"] in rows


async def test_a_scale_that_never_rests_is_not_tared(tmp_path):
    async with served(kitchen(PAN), tmp_path) as (far, file):
        await far.fault("restless", "pan")
        code, _, err = await bridge("weigh", file, "--tare")
        assert (code, written(far)) == (1, [])
    assert "what lies on it is still moving" in err


async def test_swapped_words_are_shown_in_both_orders_and_the_one_that_fits_is_named(tmp_path):
    async with served(kitchen(PAN), tmp_path) as (far, file):
        lay(far, "pan", 750.0)
        await far.fault("words_swapped", "pan")
        code, out, err = await bridge("weigh", file, "--json")
        _, table, _ = await bridge("weigh", file)
    told = json.loads(out)
    assert (code, told["scales"]) == (1, {})
    assert told["words_swapped"]["pan"] == {"high": "49152000 g", "low": "750 g", "fits": "low"}
    assert 'word_order = "low" makes it 750 g' in err
    assert "low word first, which could be" in table
    assert "high word first, as the map has it" in table


async def test_a_scale_that_is_silent_or_overloaded_is_named_and_the_other_is_read(tmp_path):
    async with served(kitchen(), tmp_path) as (far, file):
        lay(far, "pan", 31_000.0)
        code, out, err = await bridge("weigh", file, "--json")
        assert (code, json.loads(out)["scales"].keys()) == (1, {"tray"})
        assert "board pan" in err
        assert "says overload" in err
        await far.fault("board_silent", "pan")
        _, _, err = await bridge("weigh", file)
    assert f"board pan on {tmp_path}/bus does not answer" in err


async def test_watching_prints_every_reading_until_ctrl_c(tmp_path):
    async with served(kitchen(PAN), tmp_path) as (far, file):
        watching = await starts("weigh", file, "--watch", "--json")
        assert json.loads(await watching.stdout.readline()) == {"scale": "pan", "grams": 0.0, "stable": True}
        lay(far, "pan", 90.0)
        async with asyncio.timeout(5):
            while json.loads(await watching.stdout.readline())["grams"] != 90.0:
                pass
        await far.fault("board_silent", "pan")
        assert b"does not answer" in await watching.stderr.readline()
        watching.send_signal(signal.SIGINT)
        await watching.communicate()
    assert watching.returncode == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--scale", "attic"], "there is no scale attic, only pan, tray"),
        (["--tare"], "has the scales pan, tray: name one by --scale"),
        (["--scale", "pan", "--tare", "--zero"], "one at a time"),
        (["--scale", "pan", "--zero", "--watch"], "one at a time"),
        (["--port", "attic=/dev/null"], "has no bus or reader named attic"),
    ],
)
def test_what_cannot_be_weighed_is_told(tmp_path, words, reason):
    file = tmp_path / "cabinet.toml"
    file.write_text(tomli_w.dumps(kitchen()))
    told = run(app, ["weigh", str(file), *words])
    assert told.exit_code == 2
    assert reason in told.stderr


def test_a_cabinet_without_scales_or_a_make_without_tare_is_told_of(tmp_path):
    file = tmp_path / "cabinet.toml"
    file.write_text(tomli_w.dumps(one_board("lock_modbus", 1, 4, BAUD)))
    told = run(app, ["weigh", str(file)])
    assert (told.exit_code, told.stderr) == (2, f"{file}: there is no scale in this cabinet\n")


async def test_a_make_that_cannot_be_tared_is_told_of(tmp_path):
    its_map = shipped()["generic-scale"].model_dump(exclude_none=True) | {"name": "plain"}
    del its_map["tare"]
    raw = kitchen(PAN | {"map": "plain"}, register_map=[its_map])
    async with served(raw, tmp_path) as (far, file):
        code, _, err = await bridge("weigh", file, "--tare")
        assert (code, written(far)) == (1, [])
    assert "pan: register map plain has no tare" in err
