"""What Modbus frames mean, field by field: as seen on wires, and as no card can have meant them."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from firmware_bridge import modbus
from firmware_bridge.decode import PROTOCOLS, READERS, read_line
from firmware_bridge.frames import Sender
from firmware_bridge.modbus.frames import (
    Bits,
    ManyOff,
    NeverSent,
    Off,
    OtherFrame,
    Read,
    Refusal,
    Registers,
    TimedPulse,
    WriteRegister,
    WriteRegisters,
    Written,
)

VECTORS = [
    vector
    for vector in json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))
    if vector["protocol"].startswith("modbus-")
]
SEEN = {
    "01050000ff008c3a": NeverSent(1, 5, 0, 0xFF00, 0, "relay 0 on"),
    "010500000000cdca": Off(1, 5, 0, 0, 0),
    "0101000000083dcc": Read(1, 1, 0, 8),
    "010101005188": Bits(1, 1, b"\x00"),
    "01020000000879cc": Read(1, 2, 0, 8),
    "01020100a188": Bits(1, 2, b"\x00"),
    "0105020000078db0": TimedPulse(1, 5, 0x0200, 7, 0, 0.7),
    "010f0000000801ffbed5": NeverSent(1, 15, 0, b"\xff", None, "relays 0, 1, 2, 3, 4, 5, 6, 7 on"),
    "0106100000014cca": NeverSent(1, 6, 0x1000, 1, 0, "relay 0 moved by its input (linkage)"),
    "0185030291": Refusal(1, 5, 3),
    "0006400000015c1b": WriteRegister(0, 6, 0x4000, 1),
    "000340000001901b": Read(0, 3, 0x4000, 1),
    "0105000101009d9a": NeverSent(1, 5, 1, 0x0100, 1, "relay 1 on"),
    "0105000201006d9a": NeverSent(1, 5, 2, 0x0100, 2, "relay 2 on"),
    "010600000001480a": NeverSent(1, 6, 0, 1, 0, "relay 0 on"),
    "01040000000131ca": Read(1, 4, 0, 1),
    "010402000178f0": Registers(1, 4, (1,)),
    "ff050000ff0099e4": NeverSent(255, 5, 0, 0xFF00, 0, "relay 0 on"),
    "ff0f0000000801ff301d": NeverSent(255, 15, 0, b"\xff", None, "relays 0, 1, 2, 3, 4, 5, 6, 7 on"),
    "00030000000185db": Read(0, 3, 0, 1),
    "00030200ffc5c4": Registers(0, 3, (255,)),
    "ff02000000086c12": Read(255, 2, 0, 8),
    "ff02010151a0": Bits(255, 2, b"\x01"),
    "ff0303e8000111a4": Read(255, 3, 1000, 1),
    "ff030200049053": Registers(255, 3, (4,)),
    "010400010001600a": Read(1, 4, 1, 1),
    "01040201317974": Registers(1, 4, (305,)),
    "010400010002200b": Read(1, 4, 1, 2),
    "010404013102222ace": Registers(1, 4, (305, 546)),
    "000100000006010100000008": Read(1, 1, 0, 8, transaction=1),
    "010300000001840a": Read(1, 3, 0, 1),
    "f70300020007b15e": Read(247, 3, 2, 7),
    "020600000003c9f8": WriteRegister(2, 6, 0, 3),
}


def reader(vector):
    return modbus.read_tcp_frame if vector["protocol"] == "modbus-tcp" else modbus.read_frame


def test_every_frame_that_was_seen_stands_here():
    assert SEEN.keys() == {vector["hex"] for vector in VECTORS if vector["valid"]}


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["valid"]], ids=lambda v: v["hex"])
def test_a_frame_that_was_seen_means_what_its_source_says(vector):
    frame, sender = bytes.fromhex(vector["hex"]), Sender.HOST
    if vector["direction"].startswith("device"):
        sender = Sender.BOARD
    assert reader(vector)(frame, sender) == reader(vector)(frame) == SEEN[vector["hex"]]
    if not isinstance(SEEN[vector["hex"]], NeverSent):
        assert SEEN[vector["hex"]].to_bytes() == frame


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["hex"])
def test_a_line_of_json_is_answered_with_meaning_and_fields_or_the_error(vector):
    told = read_line(json.dumps(vector))
    if not vector["valid"]:
        assert told.keys() == {"error"}
        assert "wrong CRC" in told["error"]
        return
    frame = READERS[PROTOCOLS[vector["protocol"]]](bytes.fromhex(vector["hex"]), None)
    assert told["meaning"] == frame.meaning
    assert told["frame"] == type(frame).__name__
    assert told.keys() == {"meaning", "frame", *(each.name for each in fields(frame))}
    assert json.loads(json.dumps(told))["function"] == frame.function


@pytest.mark.parametrize(
    ("body", "meaning"),
    [
        ("010502030003", "card 1: relay 3 on for 0.3 s, timed by the card"),
        ("01050203000a", "card 1: relay 3 on for 1 s, timed by the card"),
        ("010600050500", "card 1: relay 5 on for 1 s, timed by the card"),
        ("010600050601", "card 1: relay 5 on for 1 s, timed by the card"),
        ("010600000800", "card 1: all relays off"),
        ("010600020200", "card 1: relay 2 off"),
        ("010500ff0000", "card 1: all relays off"),
        ("010f000000080100", "card 1: relays 0 to 7 off"),
        ("020f00000008", "card 2, answer to writing: relays 0 to 7 written"),
        ("010f000000010100", "card 1: relay 0 off"),
        (
            "0201020f80",
            "card 2, answer to reading relays: 0, 1, 2, 3, 15 on, counted from the first one asked for",
        ),
        ("010320000001", "card 1: read holding register 0x2000 (0x2000: the baud code of a Waveshare card)"),
        (
            "000640000007",
            "every card: set register 0x4000, the address of a Waveshare card, to 7",
        ),
        ("011000500002040001ffff", "card 1: set the registers from 0x0050 on to 1, 65535"),
        ("011000500002", "card 1, answer to writing: holding registers 0x0050 to 0x0051 written"),
        ("01820b", "card 1 refuses function 02: the gateway heard nothing from it (code 11)"),
        ("018233", "card 1 refuses function 02: for a reason of its own (code 51)"),
        ("012b0e0100", "card 1, function 2b, which no card here has: 0e 01 00"),
    ],
)
def test_meanings_of_further_frames(body, meaning):
    frame = modbus.with_crc(bytes.fromhex(body))
    assert modbus.read_frame(frame).meaning == meaning
    assert modbus.read_frame(frame).to_bytes() == frame


@pytest.mark.parametrize(
    ("body", "does"),
    [
        ("010500035500", "relay 3 the other way"),
        ("010500ffff00", "all relays on"),
        ("010501ffff00", "all relays the other way"),
        ("01050203000b", "relay 3 on for 1.1 s, longer than a coil stands"),
        ("010502037fff", "relay 3 on for 3276.7 s, longer than a coil stands"),
        ("010504030003", "relay 3 off for 0.3 s, and then on"),
        ("010f0000000a020002", "relay 9 on"),
        ("010600030100", "relay 3 on"),
        ("010600030300", "relay 3 the other way"),
        ("010600030400", "relay 3 on, and all others off"),
        ("010600030602", "relay 3 on for 2 s, longer than a coil stands"),
        ("010600000700", "all relays on"),
        ("0110000200020405000500", "relay 2 among others on"),
        ("0110000200020402000100", "relay 3 on"),
    ],
)
def test_frames_that_hold_a_relay_on_can_be_read_and_not_made(body, does):
    told = modbus.read_frame(modbus.with_crc(bytes.fromhex(body)))
    assert isinstance(told, NeverSent)
    assert told.meaning == f"card 1: {does}; never sent by this program"
    assert not hasattr(told, "to_bytes")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("010100000000", "count 0 is not between 1 and 2000"),
        ("01010000ffff", "count 65535 is not between 1 and 2000"),
        ("0101fff80009", "count 9 is not between 1 and 8"),
        ("0103000000ff", "count 255 is not between 1 and 125"),
        ("010500001234", "value 1234 of a relay is none of ff00, 0100, 0000, 5500"),
        ("010502000000", "time 0 is not between 1 and 32767"),
        ("010502008000", "time 32768 is not between 1 and 32767"),
        ("010600010600", "time 0 is not between 1 and 255"),
        ("0105000000", "address and value are 4 bytes, not 3"),
        ("010f0000000901ff", "1 bytes are not those of 9 relays"),
        ("010f0000000802ff", "byte count 02 does not fit 1 bytes"),
        ("01100000000204000100", "byte count 04 does not fit 3 bytes"),
        ("0110000000030400010002", "2 values are not those of 3 registers"),
        ("010403000102", "3 bytes are no whole registers"),
        ("0102", "byte count missing does not fit 0 bytes"),
        ("018500", "code 0 is not between 1 and 255"),
        ("01850301", "an exception has one code, not 2 bytes"),
        ("0100ffff", "function 0 is not between 1 and 127"),
    ],
)
def test_what_cannot_be_is_refused_with_field_and_value(body, reason):
    frame = modbus.with_crc(bytes.fromhex(body))
    with pytest.raises(ValueError, match=r"^no Modbus frame: ") as refusal:
        modbus.read_frame(frame)
    assert frame.hex(" ") in str(refusal.value)
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("0001000000", "too short for a Modbus TCP frame: 00 01 00 00 00"),
        ("000100010006010100000008", "protocol 1 in 00 01 00 01"),
        ("000100000005010100000008", "length 5 in 00 01 00 00 00 05 01 01 00 00 00 08: 6 bytes follow"),
        ("000100000006010100000000", "count 0 is not between 1 and 2000"),
    ],
)
def test_what_is_no_modbus_tcp_is_refused_with_the_reason(frame, reason):
    with pytest.raises(ValueError, match=reason):
        modbus.read_tcp_frame(bytes.fromhex(frame))


def test_an_exception_comes_from_cards_alone_and_requests_from_hosts_alone():
    with pytest.raises(ValueError, match="from a host, function 85 is an exception"):
        modbus.read_frame(bytes.fromhex("0185030291"), Sender.HOST)
    with pytest.raises(ValueError, match="from a board, byte count 00 does not fit"):
        modbus.read_frame(bytes.fromhex("0101000000083dcc"), Sender.BOARD)


def test_what_can_be_request_and_answer_is_told_by_its_sender():
    both = modbus.with_crc(bytes.fromhex("010103000008"))
    assert modbus.read_frame(both) == Read(1, 1, 0x0300, 8)
    assert modbus.read_frame(both, Sender.BOARD) == Bits(1, 1, bytes.fromhex("000008"))


@pytest.mark.parametrize(
    "frame",
    [
        Read(3, 4, 16, 2, transaction=7),
        Bits(3, 2, b"\x05\x00", transaction=0xFFFF),
        Refusal(3, 6, 2, transaction=0),
        ManyOff(3, 15, 0, 20, transaction=1),
        Written(3, 15, 0, 20, transaction=1),
        WriteRegisters(3, 16, 0x50, (1, 2), transaction=1),
        OtherFrame(3, 0x2B, b"\x0e", transaction=1),
    ],
)
def test_frames_of_modbus_tcp_survive_the_wire(frame):
    assert modbus.read_tcp_frame(frame.to_bytes()) == frame
