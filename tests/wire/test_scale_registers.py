"""Scales by register map: numbers of every type, a scale on a pty, and one that somebody else serves."""

import asyncio
import contextlib
import copy
import math
import re
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.cabinet import parse
from config.cabinet.one_board import one_board
from config.cabinet.registers import Command, Quantity, RegisterMap, shipped
from config.problems import BadFile
from firmware_bridge import modbus, register_frames
from firmware_bridge.assemble import assemble
from firmware_bridge.decode import read as explained
from firmware_bridge.errors import (
    BadFrame,
    BoardRefused,
    BoardSilent,
    ImpossibleReading,
    StillMoving,
    SwappedWords,
    WrongUse,
)
from firmware_bridge.frames import Sender
from firmware_bridge.line import Wire
from firmware_bridge.modbus import ModbusBus, read_frame, with_crc, write_registers
from firmware_bridge.modbus.frames import NeverSent, TimedPulse
from firmware_bridge.registers import number, spans, value, words_of
from firmware_bridge.scale_registers import ScaleRegisters
from simulators import registers as far_registers
from simulators import scale_registers as far_scale
from simulators.faults import Cause, Fault
from simulators.serve import Served

BAUD = 57600
GENERIC = shipped()["generic-scale"].model_dump(exclude_none=True)
PAN = {"name": "pan", "bus": "bus", "address": 9}


def a_map(**parts):
    """The generic map under a name of its own; a part that is None is left out."""
    made = copy.deepcopy(GENERIC) | {"name": "mine"} | parts
    return {key: part for key, part in made.items() if part is not None}


def a_cabinet(its_map):
    raw = one_board("lock_modbus", 1, 4, BAUD)
    return raw | {"scale": [PAN | {"map": its_map["name"]}], "register_map": [its_map]}


def a_weight(**keys):
    plain = {"address": 0, "type": "int32", "word_order": "high", "unit": "g", "least": -1e9, "most": 1e9}
    return Quantity.model_validate(plain | keys)


@asynccontextmanager
async def weighing(folder, **parts) -> AsyncIterator[tuple[Served, ScaleRegisters]]:
    """A cabinet with a pan of this make, and its driver."""
    file = parse(a_cabinet(a_map(**parts)))
    served = Served(file, folder)
    ports = await served.plug_in()
    try:
        async with assemble(file, ports) as hardware:
            yield served, hardware.scales["pan"]
    finally:
        served.unplug()


def lay(served, grams):
    """Have so much lie there, as if it had for long."""
    pan = served.scales["pan"]
    pan.grams = pan._swings_from = grams


async def at_rest(served, scale, grams):
    """Something was put on, and does not swing any more."""
    await served.load("pan", grams)
    async with asyncio.timeout(5):
        while not (read := await scale.weigh()).stable:
            pass
    return read


def asked(served):
    """What was asked of the pan, without its address and CRC."""
    return [frame[1:-2].hex() for _, frame in served.buses["bus"].requests if frame[0] == PAN["address"]]


# --- numbers


@pytest.mark.parametrize(
    ("type_", "words", "order", "found"),
    [
        ("float32", (0x41A0, 0x0000), "high", 20.0),
        ("float32", (0x0000, 0x41A0), "low", 20.0),  # as a real device keeps it
        ("int32", (0x0000, 0x4E20), "high", 20000),
        ("int32", (0x4E20, 0x0000), "low", 20000),
        ("int32", (0xFFFF, 0xFFFB), "high", -5),
        ("uint32", (0xFFFF, 0xFFFB), "high", 4294967291),
        ("int16", (0xFF9C,), None, -100),
        ("uint16", (0xFF9C,), None, 65436),
    ],
)
def test_registers_make_the_number_that_their_type_and_order_say(type_, words, order, found):
    assert number(type_, words, order) == found


@given(
    st.sampled_from(["int16", "uint16", "int32", "uint32"]),
    st.sampled_from(["high", "low"]),
    st.integers(-(2**31), 2**32),
    st.sampled_from([1.0, 0.1, 0.5, 0.001, 10.0, -1.0, -0.01, 1e-6, 0.3]),
    st.integers(0, 4),
)
def test_a_whole_number_comes_back_exactly_whatever_its_type_order_scale_and_decimals(
    type_, order, steps, scale, decimals
):
    size, signed = far_registers.INTEGERS[type_]
    assume(-(2 ** (8 * size - 1)) * signed <= steps < 2 ** (8 * size - signed))
    weight = a_weight(
        type=type_, word_order=order if size == 4 else None, scale=scale, least=-1e12, most=1e12
    )
    meant = Decimal(steps) * Decimal(repr(scale)) / 10**decimals
    words = far_registers.words_of(weight, float(meant), decimals)
    assert value(weight, words, decimals) == meant


@given(st.sampled_from(["high", "low"]), st.floats(width=32), st.sampled_from([1.0, 0.1, 1000.0, -2.5]))
def test_a_float_comes_back_as_it_was_or_is_refused_as_impossible(order, steps, scale):
    weight = a_weight(type="float32", word_order=order, scale=scale, least=-1e6, most=1e6)
    high, low = struct.unpack(">HH", struct.pack(">f", steps))
    words = (low, high) if order == "low" else (high, low)
    scaled = Decimal(0) if not math.isfinite(steps) else Decimal(steps) * Decimal(repr(scale))
    if not math.isfinite(steps) or 0 < abs(steps) < 1e-15 or abs(scaled) > 10**6:
        with pytest.raises(ValueError, match=r" g$"):
            value(weight, words)
    else:
        assert value(weight, words) == scaled
        assert far_registers.words_of(weight, steps * scale) == list(words) or scale not in (1.0, 1000.0)


def test_limits_are_as_they_were_written():
    weight = a_weight(type="int16", word_order=None, scale=0.1, least=0.1, most=0.3)
    assert [value(weight, [steps]) for steps in (1, 3)] == [Decimal("0.1"), Decimal("0.3")]
    for steps in (0, 4):
        with pytest.raises(ValueError, match=" g"):
            value(weight, [steps])


def test_registers_that_touch_are_asked_for_together_and_gaps_are_left_alone():
    assert spans({(3, 0), (3, 1), (3, 2), (3, 5), (4, 3)}) == [(3, 0, 3), (3, 5, 1), (4, 3, 1)]


# --- frames


def test_the_requests_are_those_that_makers_print():
    assert modbus.read_registers(1, 0, 1, 3).hex() == "010300000001840a"
    assert modbus.read_registers(0xF7, 2, 7, 3).hex() == "f70300020007b15e"
    assert write_registers(2, 0, [3], 6).hex() == "020600000003c9f8"
    do_it_now = Command(address=0x20, value=0xFFFFFFFF, type="uint32", word_order="high", function=16)
    assert write_registers(1, 0x20, words_of(do_it_now), 16)[:-2].hex() == "01100020000204ffffffff"


@pytest.mark.parametrize(("order", "words"), [("high", [1, 2]), ("low", [2, 1])])
def test_a_command_of_two_registers_has_its_order(order, words):
    command = Command(address=9, value=0x10002, type="uint32", word_order=order, function=16)
    assert words_of(command) == words


@pytest.mark.parametrize(
    ("frame", "meaning"),
    [
        (
            "010304000041a0",
            "device 1: 0000 41a0, which is 16800 (int32), 2.354181e-41 (float32) with its high word first; "
            "1101004800 (int32), 20 (float32) with its low word first",
        ),
        ("010302ff9c", "device 1: ff9c, which is -100 (int16), 65436 (uint16)"),
        ("010302000a", "device 1: 000a, which is 10 (int16)"),
        ("010300000002", "card 1: read holding registers 0x0000 to 0x0001"),
        ("010600200001", "card 1: set register 0x0020 to 1"),
        ("011000200001020001", "card 1: set the registers from 0x0020 on to 1"),
        ("010300010001", "card 1: read holding register 0x0001"),
        ("01050000ff00", "card 1: relay 0 on; never sent by this program"),
    ],
)
def test_frames_are_explained_as_every_number_that_they_could_be(frame, meaning):
    whole = with_crc(bytes.fromhex(frame))
    for kind in ("scale_registers", "climate_registers"):
        assert explained(kind, whole.hex())["meaning"] == meaning


@given(st.binary(max_size=40), st.sampled_from([None, *Sender]))
def test_any_bytes_are_explained_or_refused(body, sender):
    with contextlib.suppress(ValueError):
        told = register_frames.read_frame(with_crc(body), sender)
        assert told.meaning
        if not isinstance(told, NeverSent):
            assert told.to_bytes() == with_crc(body)


@pytest.mark.parametrize("card", [0, -1, 248])
def test_nothing_is_written_to_all_devices_at_once(card):
    with pytest.raises(ValueError, match="to 1 to 247"):
        write_registers(card, 1, [1], 6)


_registers = st.integers(0, 0x40) | st.integers(0x1000, 0x1040) | st.integers(0, 0xFFFE)
_moves_a_relay = st.sampled_from([1, 0x0100, 0x0300, 0x0400, 0x0500, 0x0601, 0x0700, 0x0001_0001])


@given(
    _registers, st.integers(0, 0xFFFFFFFF), st.sampled_from([("uint16", 6), ("uint16", 16), ("uint32", 16)])
)
def test_no_map_that_may_share_a_wire_with_relay_cards_moves_one(register, told, how):
    tare = {"address": register, "value": told, "type": how[0], "function": how[1]}
    tare |= {"word_order": "high"} if how[0] == "uint32" else {}
    weight = GENERIC["weight"] | {"function": 4}
    its_map = a_map(tare=tare, zero=None, address_register=None, weight=weight)
    try:
        file = parse(a_cabinet(its_map))
    except BadFile:
        return
    command = file.register_maps["mine"].tare
    frame = write_registers(1, command.address, words_of(command), command.function)
    assert not isinstance(read_frame(frame, Sender.HOST), NeverSent | TimedPulse)


def test_the_judge_of_the_last_test_knows_a_tare_that_moves_a_relay():
    frame = write_registers(1, 0x20, [1], 6)
    assert isinstance(read_frame(frame, Sender.HOST), NeverSent)


# --- on the wire


async def test_a_weight_is_read_in_one_request_and_told_in_milligrams(tmp_path):
    async with weighing(tmp_path) as (served, scale):
        read = await at_rest(served, scale, 1234.5)
        assert (read.scale, read.milligrams, read.grams, read.stable) == ("pan", 1_234_500, 1234.5, True)
        assert set(asked(served)) == {"0300000004"}


@pytest.mark.parametrize("unit", ["mg", "g", "kg"])
@pytest.mark.parametrize("order", ["high", "low"])
@pytest.mark.parametrize("type_", ["int32", "float32"])
async def test_units_types_and_word_orders_come_out_alike(tmp_path, unit, order, type_):
    scale_of = {"mg": 1.0, "g": 0.5, "kg": 0.001}[unit]
    weight = {"address": 0x20, "function": 4, "type": type_, "word_order": order, "unit": unit}
    weight |= {"scale": scale_of, "least": -1e6, "most": 1e6}
    async with weighing(tmp_path, weight=weight) as (served, scale):
        lay(served, 750.0)
        assert (await scale.weigh()).milligrams == 750_000


async def test_a_load_that_swings_is_not_stable_and_comes_to_rest(tmp_path):
    async with weighing(tmp_path) as (served, scale):
        assert (await scale.weigh()).stable is True
        await served.load("pan", 500.0)
        assert (await scale.weigh()).stable is False
        assert (await at_rest(served, scale, 500.0)).grams == 500.0


async def test_flags_that_lie_apart_are_read_before_and_behind_the_weight(tmp_path):
    flags = {"stable": {"address": 0x50, "bit": 4, "value": 0}, "overload": {"address": 0x51, "bit": 15}}
    async with weighing(tmp_path, **flags) as (served, scale):
        assert (await scale.weigh()).stable is True
        assert asked(served) == ["0300500002", "0300000003", "0300500002"]
        await served.load("pan", 500.0)
        assert (await scale.weigh()).stable is False


async def test_a_scale_that_does_not_say_whether_it_rests_is_not_called_stable(tmp_path):
    async with weighing(tmp_path, stable=None, overload=None) as (_, scale):
        assert (await scale.weigh()).stable is None


async def test_tare_and_zero_make_what_lies_there_count_as_nothing(tmp_path):
    async with weighing(tmp_path) as (served, scale):
        await at_rest(served, scale, 12.0)
        await scale.zero()
        assert (await scale.weigh()).grams == 0.0
        await at_rest(served, scale, 212.0)
        await scale.tare()
        assert (await scale.weigh()).grams == 0.0
        assert (await at_rest(served, scale, 12.0)).grams == -200.0
        assert [frame for frame in asked(served) if frame.startswith("06")] == ["0601010001", "0601010003"]


async def test_a_tare_of_two_registers_is_written_in_one_request(tmp_path):
    tare = {"address": 0x20, "value": 0xFFFFFFFF, "type": "uint32", "word_order": "high", "function": 16}
    raw = a_cabinet(a_map(tare=tare))
    raw["bus"].append(raw["bus"][0] | {"name": "scales", "port": "scales"})
    raw["scale"][0]["bus"] = "scales"
    file = parse(raw)
    served = Served(file, tmp_path)
    ports = await served.plug_in()
    async with assemble(file, ports) as hardware:
        await at_rest(served, hardware.scales["pan"], 80.0)
        await hardware.scales["pan"].tare()
        assert (await hardware.scales["pan"].weigh()).grams == 0.0
    frames = [frame[1:-2].hex() for _, frame in served.buses["scales"].requests]
    assert frames.count("100020000204ffffffff") == 1
    served.unplug()


async def test_a_swinging_scale_is_not_tared(tmp_path):
    async with weighing(tmp_path) as (served, scale):
        await served.load("pan", 500.0)
        with pytest.raises(StillMoving, match="what lies on it is still moving"):
            await scale.tare()
        assert not any(frame.startswith("06") for frame in asked(served))


async def test_a_make_without_tare_cannot_be_told(tmp_path):
    async with weighing(tmp_path, tare=None) as (_, scale):
        with pytest.raises(WrongUse, match="register map mine has no tare"):
            await scale.tare()


async def test_a_tare_whose_answer_is_lost_is_sent_once(tmp_path, monkeypatch):
    async with weighing(tmp_path) as (served, scale):
        lost = Fault(Cause.ANSWER_LOST, "pan")
        monkeypatch.setattr(far_scale.ScaleRegisters, "obey", lambda *_: served.faults.begin(lost))
        with pytest.raises(BoardSilent):
            await scale.tare()
        assert [frame for frame in asked(served) if frame.startswith("06")] == ["0601010003"]


async def test_a_tare_that_the_device_refuses_is_told_with_its_code(tmp_path):
    async with weighing(tmp_path) as (served, scale):
        served.scales["pan"].map = RegisterMap.model_validate(a_map(tare={"address": 0x101, "value": 9}))
        with pytest.raises(BoardRefused) as told:
            await scale.tare()
        assert told.value.code == 3


# --- what cannot be


async def test_an_overload_is_an_error_and_no_weight(tmp_path):
    async with weighing(tmp_path) as (served, scale):
        lay(served, 31_000.0)
        with pytest.raises(ImpossibleReading, match=r"board pan on .* says overload, which cannot be"):
            await scale.weigh()


async def test_a_weight_out_of_range_is_refused_with_its_value(tmp_path):
    async with weighing(tmp_path, overload=None) as (served, scale):
        lay(served, 31_000.0)
        with pytest.raises(ImpossibleReading, match=r"says weight 31000 g, which cannot be$"):
            await scale.weigh()


@pytest.mark.parametrize(
    ("measured", "told"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"), (1e-30, "1e-30")]
)
async def test_floats_that_are_no_weight_are_refused_with_their_value(tmp_path, monkeypatch, measured, told):
    weight = {"address": 0, "type": "float32", "word_order": "high", "unit": "g", "least": -10, "most": 10}
    monkeypatch.setattr(far_scale.ScaleRegisters, "measures_now", lambda _: {"weight": measured})
    async with weighing(tmp_path, weight=weight, overload=None) as (_, scale):
        with pytest.raises(ImpossibleReading, match=f"says weight {told} g, which cannot be"):
            await scale.weigh()


async def test_decimals_that_cannot_be_are_refused(tmp_path, monkeypatch):
    async with weighing(tmp_path) as (_, scale):
        monkeypatch.setattr(far_registers, "words_of", lambda *_: [0, 1])
        monkeypatch.setattr(far_registers, "DECIMALS", 4097)
        with pytest.raises(ImpossibleReading, match="says 4097 decimals"):
            await scale.weigh()


@pytest.mark.parametrize(
    ("type_", "order", "fits", "grams"),
    [
        ("int32", "high", "low", 750.0),
        ("int32", "low", "high", 750.0),
        ("float32", "high", "low", 750.0),
        ("float32", "low", "high", 20.1),
    ],
)
async def test_swapped_words_are_named_with_the_order_that_fits(tmp_path, type_, order, fits, grams):
    weight = {"address": 0, "type": type_, "word_order": order, "unit": "g", "least": -10, "most": 1000}
    async with weighing(tmp_path, weight=weight | {"scale": 0.1}) as (served, scale):
        lay(served, grams)
        await served.fault("words_swapped", "pan")
        with pytest.raises(SwappedWords, match=f'word_order = "{fits}" makes it {grams:g}') as told:
            await scale.weigh()
        assert (told.value.word_order, float(told.value.swapped.split()[0])) == (fits, pytest.approx(grams))
        await served.repair("words_swapped", "pan")
        assert (await scale.weigh()).grams == pytest.approx(grams)


async def test_a_weight_that_neither_order_makes_possible_is_not_called_swapped(tmp_path):
    weight = {"address": 0, "type": "int32", "word_order": "high", "unit": "g", "least": -10, "most": 1000}
    async with weighing(tmp_path, weight=weight, overload=None) as (served, scale):
        lay(served, 0x1234_1234)
        with pytest.raises(ImpossibleReading) as told:
            await scale.weigh()
        assert not isinstance(told.value, SwappedWords)


async def test_a_restless_scale_never_rests_and_is_a_little_wrong(tmp_path):
    async with weighing(tmp_path) as (served, scale):
        await at_rest(served, scale, 100.0)
        await served.fault("restless", "pan", amount=3.0)
        reads = [await scale.weigh() for _ in range(20)]
        assert not any(read.stable for read in reads)
        assert len({read.milligrams for read in reads}) > 5
        assert all(97.0 <= read.grams <= 103.0 for read in reads)


@pytest.mark.parametrize(
    ("cause", "amount", "error"),
    [
        (Cause.BOARD_SILENT, None, BoardSilent),
        (Cause.ANSWER_LOST, None, BoardSilent),
        (Cause.WRONG_CHECK, None, BadFrame),
        (Cause.LATE_REPLY, 0.5, BoardSilent),
        (Cause.ANSWERS_AS_ANOTHER, 12, BadFrame),
    ],
)
async def test_what_is_no_answer_of_this_scale_is_no_weight(tmp_path, cause, amount, error):
    async with weighing(tmp_path) as (served, scale):
        await served.fault(cause.value, "pan", amount)
        with pytest.raises(error):
            await scale.weigh()
        await served.repair(cause.value, "pan")
        async with asyncio.timeout(8):
            while True:
                try:
                    assert (await scale.weigh()).grams == 0.0
                    break
                except BoardSilent as silent:  # left alone for a moment
                    await asyncio.sleep(silent.retry_after)


@pytest.mark.parametrize("cause", [Cause.ECHO, Cause.MERGED])
async def test_an_adapter_that_echoes_or_merges_changes_no_weight(tmp_path, cause):
    async with weighing(tmp_path) as (served, scale):
        await served.fault(cause.value, "bus")
        assert (await at_rest(served, scale, 640.0)).grams == 640.0
        await scale.tare()
        assert (await scale.weigh()).grams == 0.0


async def test_behind_an_adapter_that_echoes_a_lost_tare_is_not_taken_for_done(tmp_path, monkeypatch):
    async with weighing(tmp_path) as (served, scale):
        lost = Fault(Cause.ANSWER_LOST, "pan")
        monkeypatch.setattr(far_scale.ScaleRegisters, "obey", lambda *_: served.faults.begin(lost))
        await served.fault("echo", "bus")
        with pytest.raises((BoardSilent, BadFrame)):
            await scale.tare()


@given(st.lists(st.binary(max_size=24), max_size=6))
def test_the_simulated_scale_survives_any_bytes_in_any_pieces(pieces):
    scale = far_scale.ScaleRegisters("pan", 9, shipped()["generic-scale"])
    received = b""
    for piece in pieces:
        frames, received = scale.split(received + piece)
        for frame in (*frames, with_crc(bytes([9]) + piece[:8].ljust(5, b"\0"))):
            scale.hear(frame, 9)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("090300000004", "090308000000000001000100"),
        ("090301000001", "0903020009"),
        ("090300040001", "098302"),
        ("090400000001", "098402"),
        ("090300000000", "098302"),
        ("090601010007", "098603"),
        ("090601010003", "090601010003"),
        ("090602000003", "098602"),
        ("0906010000f8", "098603"),
        ("090500000000", "098501"),
        ("0a0300000004", None),
        ("000601010003", None),
    ],
)
def test_the_simulated_scale_answers_byte_for_byte(request_, answer):
    scale = far_scale.ScaleRegisters("pan", 9, shipped()["generic-scale"], clock=lambda: 100.0)
    told = scale.hear(with_crc(bytes.fromhex(request_)), 9)
    if answer is None:
        assert told is None
    elif answer.startswith("090308"):
        assert told == with_crc(bytes.fromhex("09030800000000" + "0001" + "0001"))
    else:
        assert told == with_crc(bytes.fromhex(answer))


# --- what others make of it, and a scale that somebody else serves


@pytest.mark.parametrize(("type_", "format_"), [("float32", "4:float"), ("int32", "4:int")])
async def test_mbpoll_reads_the_same_weight_and_tares(tmp_path, type_, format_):
    weight = {"address": 8, "type": type_, "word_order": "high", "unit": "g", "least": -9999, "most": 9999}
    served = Served(parse(a_cabinet(a_map(weight=weight))), tmp_path)
    port = (await served.plug_in())["bus"]
    lay(served, -1234.0)
    mbpoll = ["mbpoll", "-a", "9", "-0", "-1", "-m", "rtu", "-b", str(BAUD), "-P", "none"]
    told = await said(*mbpoll, "-t", format_, "-B", "-r", "8", port)
    assert re.search(r"^\[8\]: \t-1234$", told, re.MULTILINE)
    assert "Written 1 references." in await said(*mbpoll, "-t", "4", "-r", str(0x101), port, "3")
    told = await said(*mbpoll, "-t", format_, "-B", "-r", "8", port)
    assert re.search(r"^\[8\]: \t-?0$", told, re.MULTILINE)
    served.unplug()


async def said(*words):
    """Everything that a program says."""
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told, _ = await process.communicate()
    return told.decode()


async def test_a_float_scale_that_pymodbus_serves_is_weighed_and_tared(monkeypatch):
    monkeypatch.setattr(modbus, "REPLY_SECONDS", 1.0)  # this is about bytes
    kept = SimData(0, values=[0] * 0x30, datatype=DataType.REGISTERS)
    server = ModbusTcpServer(SimDevice(9, simdata=[kept]), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    port = server.transport.sockets[0].getsockname()[1]
    wire = Wire(f"modbus-tcp://127.0.0.1:{port}", baud=BAUD)
    await wire.open()
    try:
        weight = {"address": 8, "type": "float32", "word_order": "low", "unit": "kg", "least": -1, "most": 30}
        stable = {"address": 10, "bit": 3}
        tare = {"address": 0x20, "value": 0xFFFFFFFF, "type": "uint32", "word_order": "high", "function": 16}
        its_map = RegisterMap.model_validate(
            {"name": "other", "weight": weight, "stable": stable, "tare": tare}
        )
        await server.async_setValues(9, 16, 8, [0x0000, 0x41A0, 0x0008])
        scale = ScaleRegisters("pan", ModbusBus(wire), 9, its_map)
        read = await scale.weigh()
        assert (read.milligrams, read.stable) == (20_000_000, True)
        await scale.tare()
        assert await server.async_getValues(9, 3, 0x20, 2) == [0xFFFF, 0xFFFF]
        swapped = its_map.model_copy(
            update={"weight": its_map.weight.model_copy(update={"word_order": "high"})}
        )
        with pytest.raises(SwappedWords, match='word_order = "low" makes it 20 kg'):
            await ScaleRegisters("pan", ModbusBus(wire), 9, swapped).weigh()
    finally:
        await wire.close()
        await server.shutdown()
