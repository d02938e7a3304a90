"""Every frame of readers that makers or captures show: explained, from its side and without knowing it."""

import json
from pathlib import Path

import pytest

from firmware_bridge import decode

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())

# The frame as it was seen: what it is called here, and fields of it.
TOLD = {
    "7e000801000201abcd": ("trigger a scan", {"address": 2, "data": "01", "checked": False}),
    "7e000701002a02d80f": ("read 2 bytes from zone 002a (baud)", {"address": 0x2A, "data": "02"}),
    "7e00080100d95081d3": ("write 50 to zone 00d9 (sleep and reset)", {"address": 0xD9, "data": "50"}),
    "7e00080100d9a53e69": ("write a5 to zone 00d9 (sleep and reset)", {"address": 0xD9, "data": "a5"}),
    "7e000901000000dec8": ("save the settings to flash", {"does": 9}),
    "02000001003331": ("done", {"frame": "Answer", "kind": 0, "data": "00"}),
    "03000001003331": ("answer to the heartbeat", {"frame": "Heartbeat"}),
    "383731313231383937323837350d": ("scanned 8711218972875", {"text": "8711218972875", "counted": False}),
    "16540d": ("honeywell: trigger", {"make": "honeywell", "does": "trigger"}),
    "16550d": ("honeywell: stop", {"does": "stop"}),
    "16070d": ("honeywell: beep", {"does": "beep"}),
    "1b31": ("newland: trigger", {"make": "newland", "does": "trigger"}),
    "1b30": ("newland: stop", {"make": "newland", "does": "stop"}),
    "1b33": ("newland: read continuously", {"does": "read continuously"}),
    "04e40400ff14": ("host: start reading", {"opcode": 0xE4, "source": 4, "status": 0, "data": ""}),
    "04e50400ff13": ("host: stop reading", {"opcode": 0xE5}),
    "04d00000ff2c": ("scanner: acknowledged", {"source": 0}),
    "04d00400ff28": ("host: acknowledged", {"source": 4}),
    "07c60408008a04fe99": ("host: change parameters to 8a 04, beep 00, for good", {"status": 8}),
    "05e6040001ff10": ("host: beep 01", {"data": "01"}),
    "07c6040002eb00fe42": ("host: change parameters to eb 00, beep 02", {"status": 0, "data": "02eb00"}),
    "0236324533303836434544303803": ("card 62E3086CED", {"number": "62E3086CED", "line_end": False}),
    "023030303031324436383734330d0a03": ("card 000012D687", {"number": "000012D687", "line_end": True}),
    "0230303030303030303031303103": ("card 0000000001", {"number": "0000000001", "line_end": False}),
}
PROTOCOLS = {"scan-gm65", "scan-honeywell", "scan-newland", "scan-ssi", "rfid-125k"}
OURS = [vector for vector in VECTORS if vector["protocol"] in PROTOCOLS]


@pytest.mark.parametrize("vector", OURS, ids=lambda vector: vector["hex"])
def test_a_frame_of_a_reader_is_explained_with_its_fields(vector):
    meaning, fields = TOLD[vector["hex"]]
    with_direction = decode.read_line(json.dumps(vector))
    without = decode.read_line(json.dumps({"protocol": vector["protocol"], "hex": vector["hex"]}))
    assert with_direction["meaning"] == without["meaning"] == meaning
    assert fields.items() <= with_direction.items()


@pytest.mark.parametrize("vector", OURS, ids=lambda vector: vector["hex"])
def test_a_frame_of_a_reader_is_not_taken_for_one_of_the_other_side(vector):
    other = "device->host" if vector["direction"].startswith("host") else "host->device"
    told = decode.read_line(json.dumps(vector | {"direction": other}))
    assert "wrong" in told["error"]
