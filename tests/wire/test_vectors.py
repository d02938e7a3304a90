"""Frames from makers' manuals, captures and published code, real and wrong ones, against our codecs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from config.cabinet.relays import RELAY_CARDS
from firmware_bridge import (
    lock_8a80,
    lock_dingchang,
    lock_kerong_cu16,
    lock_kerong_cu24,
    lock_kerong_cu48,
    lock_winnsen,
    lock_wkly,
    scan_gm65,
    scan_rdm6300,
    scan_ssi,
    scan_trigger,
)
from firmware_bridge.lock_8a80 import AllStates, LockState, NeverSent, OpenLock, ReadAll, ReadLock
from firmware_bridge.modbus import opening, read_frame, read_inputs, read_tcp_frame

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
CODECS: dict[str, Callable[[bytes], object]] = {
    "lock-8a80-xor": lock_8a80.read_frame,
    "lock-wkly": lock_wkly.read_frame,
    "lock-kerong-cu16": lock_kerong_cu16.read_frame,
    "lock-kerong-cu48": lock_kerong_cu48.read_frame,
    "lock-kerong-cu48b": lock_kerong_cu48.read_frame,
    "lock-kerong-cu12-24": lock_kerong_cu24.read_frame,
    "lock-dingchang-dc": lock_dingchang.read_frame,
    "lock-winnsen": lock_winnsen.read_frame,
    "modbus-waveshare-relay": read_frame,
    "modbus-relay-generic": read_frame,
    "modbus-lctech-relay": read_frame,
    "modbus-misc": read_frame,
    "modbus-xymd02": read_frame,
    "modbus-tcp": read_tcp_frame,
    "scan-gm65": scan_gm65.read_frame,
    "scan-honeywell": scan_trigger.read_frame,
    "scan-newland": scan_trigger.read_frame,
    "scan-ssi": scan_ssi.read_frame,
    "rfid-125k": scan_rdm6300.read_frame,
}
TYPED = {"scan-gm65", "scan-honeywell", "scan-newland"}
"""Lines of text and commands among them, which no check byte proves; test_readers_decode.py has them, too."""
OURS = [vector for vector in VECTORS if vector["protocol"] in CODECS]


def _id(vector: dict) -> str:
    return f"{vector['protocol']}-{vector['hex']}"


@pytest.mark.parametrize("vector", [v for v in OURS if v["valid"]], ids=_id)
def test_a_good_frame_is_understood(vector):
    assert CODECS[vector["protocol"]](bytes.fromhex(vector["hex"]))


@pytest.mark.parametrize("vector", [v for v in OURS if not v["valid"]], ids=_id)
def test_a_bad_frame_is_refused(vector):
    with pytest.raises(ValueError, match=r"wrong CRC|wrong check byte"):
        CODECS[vector["protocol"]](bytes.fromhex(vector["hex"]))


PROVEN = [
    v for v in OURS if v["valid"] and v["check"] not in ("none", "winnsen") and v["protocol"] not in TYPED
]


@pytest.mark.parametrize("vector", PROVEN, ids=_id)
def test_a_good_frame_with_one_bit_flipped_is_refused(vector):
    frame = bytes.fromhex(vector["hex"])
    for bit in range(8 * len(frame)):
        flipped = (int.from_bytes(frame, "big") ^ 1 << bit).to_bytes(len(frame), "big")
        with pytest.raises(ValueError, match="wrong"):
            CODECS[vector["protocol"]](flipped)


def test_how_many_of_these_frames_are_real(record_property):
    counts = {
        protocol: (
            sum(v["protocol"] == protocol and not v.get("computed") for v in OURS),
            sum(v["protocol"] == protocol and bool(v.get("computed")) for v in OURS),
        )
        for protocol in CODECS
    }
    for protocol, (real, computed) in counts.items():
        record_property(protocol, f"{real} real, {computed} computed")
    assert counts == {
        "lock-8a80-xor": (9, 0),
        "lock-wkly": (15, 0),
        "lock-kerong-cu16": (6, 0),
        "lock-kerong-cu48": (4, 0),
        "lock-kerong-cu48b": (3, 0),
        "lock-kerong-cu12-24": (7, 0),
        "lock-dingchang-dc": (10, 0),
        "lock-winnsen": (0, 2),
        "modbus-waveshare-relay": (13, 0),
        "modbus-relay-generic": (5, 0),
        "modbus-lctech-relay": (8, 0),
        "modbus-misc": (3, 0),
        "modbus-xymd02": (5, 0),
        "modbus-tcp": (0, 1),
        "scan-gm65": (8, 0),
        "scan-honeywell": (3, 0),
        "scan-newland": (3, 0),
        "scan-ssi": (7, 0),
        "rfid-125k": (1, 2),
    }


@pytest.mark.parametrize(
    ("meaning", "frame"),
    [
        ("open lock 1 on board 1", OpenLock(1, 1)),
        ("read lock 1 on board 1", ReadLock(1, 1)),
        ("read all locks on board 1", ReadAll(1)),
        (
            "reply to open lock 1: state byte 00 (meaning depends on feedback polarity)",
            LockState(0x8A, 1, 1, 0),
        ),
        ("lock 1 state byte 11", LockState(0x80, 1, 1, 0x11)),
        ("lock 1 state byte 00", LockState(0x80, 1, 1, 0x00)),
        (
            "read-all reply (24-channel form, 3 status bytes), only channel 1 bit set; "
            "channels 1-8 in the LAST status byte",
            AllStates(1, bytes([0, 0, 1])),
        ),
    ],
)
def test_what_we_would_send_or_expect_is_what_was_seen(meaning, frame):
    (seen,) = [v["hex"] for v in OURS if v["protocol"] == "lock-8a80-xor" and v["meaning"] == meaning]
    assert frame.to_bytes().hex() == seen
    assert type(frame).from_bytes(bytes.fromhex(seen)) == frame


@pytest.mark.parametrize("meaning", ["open every lock on board 1", "channel 1 held on (long power)"])
def test_frames_that_hold_or_open_everything_can_be_read_but_not_made(meaning):
    (seen,) = [v["hex"] for v in OURS if v["meaning"] == meaning]
    told = lock_8a80.read_frame(bytes.fromhex(seen))
    assert isinstance(told, NeverSent)
    assert not hasattr(told, "to_bytes")


def test_the_modbus_frames_that_we_send_were_seen():
    seen = {v["hex"] for v in OURS if v["protocol"] == "modbus-waveshare-relay" and v["valid"]}
    assert {opening(RELAY_CARDS["waveshare"], 1, 1, 700).hex(), read_inputs(1, 8).hex()} <= seen
