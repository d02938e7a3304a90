"""One board of every family that times its own pulses, for proofs that have to hold for each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.cabinet import Cabinet, parse
from config.cabinet.families import family
from config.cabinet.one_board import one_board
from firmware_bridge import lock_8a80, lock_dingchang, lock_wkly, modbus
from firmware_bridge.decode import READERS
from firmware_bridge.frames import Sender

BAUD = 57600
PULSE_MS = 200


@dataclass(frozen=True, slots=True)
class Sort:
    """A family as it hangs on one sort of wire; ``holds`` keeps its first output on, where a frame can."""

    kind: str
    board: Mapping[str, Any] = field(default_factory=dict)
    holds: bytes = b""
    port: str = "bus"
    on_tcp: bool = False
    address: int = 1

    def raw(self, channels: int, **board: object) -> dict[str, Any]:
        """What a cabinet file with one such board would say."""
        pulse = {} if family(self.kind).fixed_pulse_ms else {"pulse_ms": PULSE_MS}
        keys = {**pulse, **self.board, **board}
        return one_board(self.kind, self.address, channels, BAUD, port=self.port, board=keys)

    def file(self, channels: int, **board: object) -> Cabinet:
        return parse(self.raw(channels, **board))

    def two(self, channels: int) -> Cabinet:
        """Two such boards, "a" and "b", on one bus, with doors A1 and B1 and so on."""
        raw = self.raw(channels)
        (one,) = raw["board"]
        raw["board"] = [one | {"name": name, "address": self.address + n} for n, name in enumerate("ab")]
        raw["compartment"] = [
            door | {"board": name, "label": f"{name.upper()}{door['channel']}"}
            for name in "ab"
            for door in raw["compartment"]
        ]
        return parse(raw)

    def frame(self, request: bytes) -> str:
        """What sort of frame a board received: the name of its class."""
        return type(READERS[self.kind](request, Sender.HOST)).__name__


OUTPUT_ON = modbus.with_crc(bytes.fromhex("01050000ff00"))
SORTS = {
    "8A/80": Sort("lock_8a80", holds=lock_8a80.with_check(bytes.fromhex("9a010111"))),
    "WKLY": Sort("lock_wkly", holds=lock_wkly.with_check(b"WKLY" + bytes.fromhex("09018801"))),
    "CU16": Sort("lock_kerong_cu16"),
    "CU48": Sort("lock_kerong_cu48"),
    "CU24": Sort("lock_kerong_cu24"),
    "CU12": Sort("lock_kerong_cu24", {"profile": "cu12"}),
    "Dingchang": Sort(
        "lock_dingchang", holds=lock_dingchang.with_sum(b"\xdc\x02", bytes.fromhex("0116020101"))
    ),
    "Winnsen": Sort("lock_winnsen"),
    "Waveshare": Sort("lock_modbus", holds=OUTPUT_ON),
    "Eletechsup": Sort(
        "lock_modbus",
        {"profile": "eletechsup", "pulse_ms": 1000},
        holds=modbus.with_crc(bytes.fromhex("010600010100")),
    ),
    "Waveshare, RTU over TCP": Sort("lock_modbus", holds=OUTPUT_ON, on_tcp=True),
    "Waveshare, Modbus TCP": Sort(
        "lock_modbus", holds=modbus.tcp.sealed(1, OUTPUT_ON), port="modbus-tcp://127.0.0.1:502"
    ),
}
"""By the name that reports give them."""
