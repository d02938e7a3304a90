"""What a cabinet consists of, each part with the limits that it has by itself."""

import base64
import binascii
import hashlib
import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from config.cabinet.families import LONGEST_PULSE_MS, LockFamily, family
from config.cabinet.part import Label, Name, Part, Pin
from config.cabinet.readers import READERS, ReaderFamily
from config.cabinet.registers import RegisterMap, shipped
from config.cabinet.relays import UNTIMED_CARDS
from config.cabinet.signals import Indicator, Input
from config.contract.topics import CABINET_ID, is_cabinet_id

PUBLIC_KEY_BYTES = 32
USB_NAME = re.compile(r"usb:([0-9a-f]{4}):([0-9a-f]{4})(?::(.+))?", re.IGNORECASE)
"""Maker, product and perhaps the serial number of an adapter, whichever port it is today."""
CHILLED_CELSIUS = 5.0
"""How warm a chilled zone may be where its file says nothing else. Frozen has no default."""
NOT_WIRING = {"name", "channels", "pulse_ms", "inputs", "clear_input", "cut_off"}
"""Of a board: what may change without any wire of a door having been touched."""


def _cabinet_id(text: str) -> str:
    if not is_cabinet_id(text):
        raise ValueError(f"a cabinet id has the form {CABINET_ID.pattern}")
    return text


CabinetId = Annotated[str, AfterValidator(_cabinet_id)]


class About(Part):
    """Who this cabinet is, as people see it."""

    id: CabinetId = Field(description="the cabinet's identity, for life; part of every topic")
    number: str = Field(min_length=1, max_length=12, description="the number printed on the cabinet")
    name_zh: str = Field(min_length=1, max_length=60, description="name shown to residents in Chinese")
    name_en: str = Field(min_length=1, max_length=60, description="name shown to residents in English")
    address: str = Field(default="", max_length=200, description="where it stands, in words")
    phone: str = Field(
        min_length=3, max_length=30, description="the operator's telephone, shown at the cabinet"
    )
    kind: Literal["locker"] = Field(default="locker", description="pickup locker")
    screen: bool = Field(default=True, description="has a kiosk screen (a rotating QR needs one)")
    inside_button: bool = Field(default=False, description="has a wired 'someone is inside' button")


def _port(name: str) -> str:
    if name.startswith("usb:") and not USB_NAME.fullmatch(name):
        raise ValueError(f"{name} is no usb:VID:PID or usb:VID:PID:SERIAL, as in usb:1a86:7523")
    return name


PortName = Annotated[str, Field(min_length=1), AfterValidator(_port)]


class Bus(Part):
    """A wire with one owner."""

    name: Name
    kind: Literal["serial", "modbus", "gpio"] = Field(
        default="serial", description="who frames what runs on it; gpio: pins of this computer"
    )
    port: PortName = Field(
        description="/dev/serial/by-id/…, /dev/tty…, usb:VID:PID or usb:VID:PID:SERIAL; "
        "socket://host:port for a gateway; modbus-tcp://host:port; "
        "pins: gpiozero:lgpio, gpiod:/dev/gpiochip0",
    )
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    supply: str = Field(default="", description="name of the power supply; one coil at a time per supply")

    @property
    def frames_modbus_tcp(self) -> bool:
        """Whether frames cross it as Modbus TCP has them; other gateways pass on those of a serial wire."""
        return self.port.startswith("modbus-tcp://")


def _lock_kind(kind: str) -> str:
    return family(kind).kind


class Board(Part):
    """A board on a bus; its driver is ``firmware_bridge/<kind>.py``."""

    name: Name
    kind: Annotated[str, AfterValidator(_lock_kind)]
    bus: Name
    address: int = Field(ge=0, le=255, description="each family has limits of its own")
    channels: int = Field(ge=1, le=50)
    pulse_ms: int = Field(default=300, ge=50, le=LONGEST_PULSE_MS, description="timed by the board")
    profile: str = Field(default="", description="which dialect of its family the board speaks")
    closed_value: Literal[0, 1] | None = Field(
        default=None, description="what the board sends for a closed door, if not what its family does"
    )
    answers_openings: bool | None = Field(
        default=None, description="whether it answers openings, if not as its family does"
    )
    byte_order: Literal["last", "first"] = Field(
        default="last", description="8A/80: which status byte holds channels 1 to 8"
    )
    inputs_address: int | None = Field(
        default=None,
        ge=1,
        le=247,
        description="Modbus: the card with the door switches, if not the relay card",
    )
    inputs_function: Literal[2, 4] = Field(
        default=2, description="Modbus: 2 reads inputs one by one, 4 as registers of sixteen"
    )
    closed_input: bool = Field(default=True, description="Modbus: input level of a closed door")
    inputs: int | None = Field(
        default=None, ge=1, le=64, description="Modbus: inputs of that card, if more than there are channels"
    )
    clear_input: bool = Field(
        default=True, description="Modbus: input level of a light beam that nothing interrupts"
    )
    lock_pins: tuple[Pin, ...] = Field(default=(), description="GPIO: the output of each channel, in order")
    switch_pins: tuple[Pin, ...] = Field(default=(), description="GPIO: the input of each door switch")
    active_high: bool = Field(default=True, description="GPIO: a high output energises the coil")
    pull: Literal["up", "down", "none"] = Field(default="up", description="GPIO: what an open switch reads")
    cut_off: str = Field(
        default="",
        max_length=80,
        description="for outputs that cannot time a pulse: the hardware that ends one when nobody else does",
    )
    options: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="settings of a family that another package brings"
    )
    fitted: str = Field(
        default="",
        max_length=40,
        description="serial number, or the day it was put in: another one here means another board",
    )

    @property
    def family(self) -> LockFamily:
        return family(self.kind)

    @property
    def dialect(self) -> str:
        """The profile that it has, named or not; nothing in a family that has none."""
        return self.profile or next(iter(self.family.profiles), "")

    @property
    def is_guarded(self) -> bool:
        """Whether it cannot time a pulse, so that a guard has to (``firmware_bridge/guard``)."""
        return not self.family.times_its_pulse or self.dialect in UNTIMED_CARDS

    @property
    def closed(self) -> Literal[0, 1]:
        """What it sends for a closed door."""
        return self.family.closed_value if self.closed_value is None else self.closed_value

    @property
    def is_answering(self) -> bool:
        """Whether it says anything to an opening."""
        return self.family.answers_openings if self.answers_openings is None else self.answers_openings

    @property
    def last_input(self) -> int:
        """The highest input that can be read."""
        return self.inputs or self.channels


def _reader_kind(kind: str) -> str:
    if kind not in READERS:
        raise ValueError(f"there is no family of readers {kind}; there are {', '.join(READERS)}")
    return kind


class Reader(Part):
    """A reader of codes or cards on a port of its own; its driver is ``firmware_bridge/<kind>.py``."""

    name: Name
    kind: Annotated[str, AfterValidator(_reader_kind)] = "scan_text"
    port: PortName
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 9600
    profile: str = Field(default="", description="whose make it is, where a family differs in that")
    triggered: bool = Field(
        default=False, description="it is set up to read only when told to, and has to be told all the time"
    )

    @property
    def family(self) -> ReaderFamily:
        return READERS[self.kind]

    @property
    def make(self) -> str:
        """Its profile, or the first one of its family; "" where there are none."""
        return self.profile or next(iter(self.family.profiles), "")


class Zone(Part):
    """A part of the cabinet with one air temperature."""

    name: Name
    class_: Literal["ambient", "chilled", "frozen"] = Field(alias="class")
    limit_celsius: float | None = Field(
        default=None, ge=-40, le=30, description="warmer than this is an excursion; chilled: 5 by default"
    )
    thermometer: Name | None = Field(default=None, description="name of the thermometer that watches it")
    defrost_minutes: int = Field(
        default=0, ge=0, le=60, description="so long its unit may be warm while it defrosts; 0: it does not"
    )
    defrost_every_hours: float = Field(default=6.0, ge=2, le=48, description="and no more often than this")

    @property
    def limit(self) -> float | None:
        """Degrees Celsius that are still cold enough; None: any temperature will do."""
        if self.limit_celsius is None and self.class_ == "chilled":
            return CHILLED_CELSIUS
        return self.limit_celsius


class Thermometer(Part):
    """A temperature probe, or a thermostat, on a Modbus bus; its driver is ``firmware_bridge/<kind>.py``."""

    name: Name
    kind: Literal["climate_xymd02", "climate_registers"] = "climate_xymd02"
    bus: Name
    address: int = Field(ge=1, le=247)
    map: Name | None = Field(default=None, description="climate_registers: the register map of its make")


class Scale(Part):
    """A weighing transmitter on a Modbus bus; its driver is ``firmware_bridge/<kind>.py``."""

    name: Name
    kind: Literal["scale_registers"] = "scale_registers"
    bus: Name
    address: int = Field(ge=1, le=247)
    map: Name = Field(description="the register map of its make")


class Compartment(Part):
    """A box behind one door. The label is permanent; board and channel are only how it is wired today."""

    label: Label
    size: Literal["S", "M", "L", "XL"]
    zone: Name = "ambient"
    board: Name
    channel: int = Field(ge=1, le=50)
    switch_channel: int | None = Field(
        default=None, ge=1, le=50, description="if the switch is wired elsewhere"
    )
    row: int = Field(default=1, ge=1, le=30, description="height, counted from the floor: low doors first")
    person_sized: bool = Field(default=False, description="a child could climb in")
    beam_input: int | None = Field(
        default=None, ge=1, le=64,
        description="the input of its board's input card that a light beam across it is wired to",
    )  # fmt: skip

    @property
    def evidence(self) -> Literal["none", "beam"]:
        """What can tell that it is empty."""
        return "none" if self.beam_input is None else "beam"

    @property
    def switch(self) -> int:
        """The channel on which this door's switch is read."""
        return self.switch_channel or self.channel


def _public_key(text: str) -> str:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("is not base64") from error
    if len(raw) != PUBLIC_KEY_BYTES:
        raise ValueError(f"an Ed25519 public key has {PUBLIC_KEY_BYTES} bytes, not {len(raw)}")
    return base64.b64encode(raw).decode()  # one way to write it, so that equal keys are seen to be equal


class Officer(Part):
    """Somebody who may, with another officer, order every door open; see ``contract/officers.py``.

    Named here, where the cloud cannot add one.
    """

    name: Name
    key: Annotated[str, AfterValidator(_public_key)] = Field(description="Ed25519 public key, base64")

    @property
    def public(self) -> bytes:
        return base64.b64decode(self.key)


class Cabinet(Part):
    """A whole cabinet, already held against itself."""

    cabinet: About
    bus: tuple[Bus, ...] = Field(min_length=1)
    board: tuple[Board, ...] = Field(min_length=1)
    reader: tuple[Reader, ...] = ()
    zone: tuple[Zone, ...] = Field(min_length=1)
    thermometer: tuple[Thermometer, ...] = ()
    scale: tuple[Scale, ...] = ()
    register_map: tuple[RegisterMap, ...] = ()
    input: tuple[Input, ...] = ()
    indicator: tuple[Indicator, ...] = ()
    compartment: tuple[Compartment, ...] = Field(min_length=1, max_length=400)
    officer: tuple[Officer, ...] = Field(default=(), max_length=20)

    @property
    def id(self) -> str:
        return self.cabinet.id

    def compartment_named(self, label: str) -> Compartment:
        """The compartment with this label; ``KeyError`` when the cabinet has none."""
        return next(iter(c for c in self.compartment if c.label == label), None) or _no_label(self.id, label)

    @property
    def register_maps(self) -> dict[str, RegisterMap]:
        """By name: those of this file, and those that everybody has."""
        return dict(shipped()) | {each.name: each for each in self.register_map}

    def map(self) -> dict[str, Any]:
        """What a planner needs: labels, sizes, zones and rows, without wiring."""
        zones = {zone.name: zone.class_ for zone in self.zone}
        return {
            "compartments": [
                {
                    "label": c.label,
                    "size": c.size,
                    "zone": zones[c.zone],
                    "row": c.row,
                    "person_sized": c.person_sized,
                    "evidence": c.evidence,
                }
                for c in self.compartment
            ]
        }

    def wiring(self) -> dict[str, str]:
        """By label, what changes when a door hangs on another board, channel, switch or polarity."""
        boards = {board.name: _wiring(board) for board in self.board}
        return {c.label: _digest([boards[c.board], c.channel, c.switch]) for c in self.compartment}

    def map_version(self) -> str:
        """Changes when any compartment, or the way it is wired, changes."""
        wiring = [c.model_dump(mode="json") for c in self.compartment]
        return _digest(wiring)


def _wiring(board: Board) -> dict[str, Any]:
    # Without what was not set: a key that a later version brings is no change of any wire.
    told = board.model_dump(mode="json", exclude=NOT_WIRING, exclude_defaults=True)
    return told | {"closed_value": board.closed}


def _digest(wiring: object) -> str:
    return hashlib.sha256(json.dumps(wiring, sort_keys=True).encode()).hexdigest()[:16]


def _no_label(cabinet: str, label: str) -> Compartment:
    raise KeyError(f"cabinet {cabinet} has no compartment {label}")
