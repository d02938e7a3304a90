"""Explaining frames: what bytes on a wire mean, or why they mean nothing."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from config.cabinet.families import plug_in
from firmware_bridge import (
    climate_xymd02,
    lock_8a80,
    lock_dingchang,
    lock_kerong_cu16,
    lock_kerong_cu24,
    lock_kerong_cu48,
    lock_winnsen,
    lock_wkly,
    modbus,
    register_frames,
    scan_gm65,
    scan_rdm6300,
    scan_ssi,
    scan_trigger,
)
from firmware_bridge.frames import ReadFrame, Sender

READERS: Mapping[str, ReadFrame] = {
    "lock_8a80": lock_8a80.read_frame,
    "lock_wkly": lock_wkly.read_frame,
    "lock_kerong_cu16": lock_kerong_cu16.read_frame,
    "lock_kerong_cu48": lock_kerong_cu48.read_frame,
    "lock_kerong_cu24": lock_kerong_cu24.read_frame,
    "lock_dingchang": lock_dingchang.read_frame,
    "lock_winnsen": lock_winnsen.read_frame,
    "lock_modbus": modbus.read_frame,
    "modbus_tcp": modbus.read_tcp_frame,
    "climate_xymd02": climate_xymd02.read_frame,
    "climate_registers": register_frames.read_frame,
    "scale_registers": register_frames.read_frame,
    "scan_gm65": scan_gm65.read_frame,
    "scan_trigger": scan_trigger.read_frame,
    "scan_ssi": scan_ssi.read_frame,
    "scan_rdm6300": scan_rdm6300.read_frame,
}
"""By kind, as cabinet files name them."""
PROTOCOLS: Mapping[str, str] = {
    "lock-8a80-xor": "lock_8a80",
    "lock-wkly": "lock_wkly",
    "lock-kerong-cu16": "lock_kerong_cu16",
    "lock-kerong-cu48": "lock_kerong_cu48",
    "lock-kerong-cu48b": "lock_kerong_cu48",
    "lock-kerong-cu12-24": "lock_kerong_cu24",
    "lock-dingchang-dc": "lock_dingchang",
    "lock-winnsen": "lock_winnsen",
    "modbus-waveshare-relay": "lock_modbus",
    "modbus-relay-generic": "lock_modbus",
    "modbus-lctech-relay": "lock_modbus",
    "modbus-misc": "lock_modbus",
    "modbus-tcp": "modbus_tcp",
    "modbus-xymd02": "climate_xymd02",
    "scan-gm65": "scan_gm65",
    "scan-honeywell": "scan_trigger",
    "scan-newland": "scan_trigger",
    "scan-ssi": "scan_ssi",
    "rfid-125k": "scan_rdm6300",
}
"""Names that collections of frames use for them."""
DIRECTIONS = {
    "host->device": Sender.HOST,
    "device->host": Sender.BOARD,
    "device->host (unsolicited)": Sender.BOARD,
}


def read(kind: str, frame: str, sender: Sender | None = None) -> dict[str, Any]:
    """``meaning``, ``frame`` (its name) and the fields of a frame written in hex.

    ``ValueError`` says what is wrong: with the kind, with the digits, or with the frame.
    """
    found = _reader(PROTOCOLS.get(kind, kind))(_bytes(frame), sender)
    fields = {key: value.hex() if isinstance(value, bytes) else value for key, value in asdict(found).items()}
    return {"meaning": found.meaning, "frame": type(found).__name__} | fields


def read_line(line: str) -> dict[str, Any]:
    """The same of one JSON object with ``protocol``, ``hex`` and perhaps ``direction``; or ``error``."""
    try:
        asked = json.loads(line)
        if not isinstance(asked, dict):
            raise ValueError(f"expected a JSON object, not {line.strip()[:80]}")
        missing = [key for key in ("protocol", "hex") if not isinstance(asked.get(key), str)]
        if missing:
            raise ValueError(f"the object has no text under {' and '.join(missing)}")
        return read(asked["protocol"], asked["hex"], _sender(asked.get("direction")))
    except (ValueError, RecursionError) as error:
        return {"error": str(error)}


def _reader(kind: str) -> ReadFrame:
    if kind in READERS:
        return READERS[kind]
    try:
        brought: ReadFrame | None = plug_in(kind).read_frame
    except ValueError as error:
        known = ", ".join(sorted({*READERS, *PROTOCOLS}))
        raise ValueError(f"{error}; frames of {known} can be explained") from error
    if brought is None:
        raise ValueError(f"the package that brings {kind} cannot explain frames")
    return brought


def _sender(direction: object) -> Sender | None:
    if direction is None:
        return None
    if direction not in DIRECTIONS:
        raise ValueError(f"no direction {direction}; there are {', '.join(DIRECTIONS)}")
    return DIRECTIONS[str(direction)]


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ValueError(f"{text[:80]} is not written in hexadecimal digits") from error
