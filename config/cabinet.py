"""One cabinet file: what hangs on which wire, and what lies behind which door.

A cabinet file is TOML. It describes hardware passively: buses, boards, readers, zones and compartments.
``load`` checks each value by itself and then what only shows when they are held against each other
(two doors on one output, a chilled zone without a thermometer, …). All problems are reported at once.
"""

import base64
import binascii
import hashlib
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from config.contract.topics import CABINET_ID, is_cabinet_id
from config.problems import BadFile, Problem, one

LONGEST_PULSE_MS = 1000
"""No profile may energise a coil for longer; a solenoid lock burns when it is held."""
PUBLIC_KEY_BYTES = 32
CHILLED_CELSIUS = 5.0
"""How warm a chilled zone may be where its file says nothing else. Frozen has no default."""
NOT_WIRING = {"name", "channels", "pulse_ms", "inputs", "clear_input"}
"""Of a board: what may change without any wire of a door having been touched."""


def _cabinet_id(text: str) -> str:
    if not is_cabinet_id(text):
        raise ValueError(f"a cabinet id has the form {CABINET_ID.pattern}")
    return text


CabinetId = Annotated[str, AfterValidator(_cabinet_id)]
Name = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="lower-case letters, digits, dashes")
]
Label = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{0,7}$", description="what is printed on the door")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class About(_Part):
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


class Bus(_Part):
    """A wire with one owner."""

    name: Name
    kind: Literal["serial", "modbus"] = Field(default="serial", description="who frames what runs on it")
    port: str = Field(min_length=1, description="/dev/tty…, or socket://host:port for a gateway")
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    supply: str = Field(default="", description="name of the power supply; one coil at a time per supply")


class Board(_Part):
    """A board on a bus; its driver is ``firmware_bridge/<kind>.py``."""

    name: Name
    kind: Literal["lock_8a80", "lock_modbus"]
    bus: Name
    address: int = Field(ge=1, le=247)
    channels: int = Field(ge=1, le=50)
    pulse_ms: int = Field(default=300, ge=50, le=LONGEST_PULSE_MS, description="timed by the board")
    closed_value: Literal[0, 1] = Field(
        default=1, description="8A/80: what the board sends for a closed door (1: 'closing feedback' locks)"
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
    closed_input: bool = Field(default=True, description="Modbus: input level of a closed door")
    inputs: int | None = Field(
        default=None, ge=1, le=64, description="Modbus: inputs of that card, if more than there are channels"
    )
    clear_input: bool = Field(
        default=True, description="Modbus: input level of a light beam that nothing interrupts"
    )
    fitted: str = Field(
        default="",
        max_length=40,
        description="serial number, or the day it was put in: another one here means another board",
    )

    @property
    def last_input(self) -> int:
        """The highest input that can be read."""
        return self.inputs or self.channels


class Reader(_Part):
    """A code reader on a port of its own."""

    name: Name
    kind: Literal["scan_text"] = "scan_text"
    port: str = Field(min_length=1)
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 9600


class Zone(_Part):
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


class Thermometer(_Part):
    """A temperature probe on a Modbus bus."""

    name: Name
    kind: Literal["climate_xymd02"] = "climate_xymd02"
    bus: Name
    address: int = Field(ge=1, le=247)


class Compartment(_Part):
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


class Officer(_Part):
    """Somebody who may, with another officer, order every door open; see ``contract/officers.py``.

    Named here, where the cloud cannot add one.
    """

    name: Name
    key: Annotated[str, AfterValidator(_public_key)] = Field(description="Ed25519 public key, base64")

    @property
    def public(self) -> bytes:
        return base64.b64decode(self.key)


class Cabinet(_Part):
    """A whole cabinet, already held against itself."""

    cabinet: About
    bus: tuple[Bus, ...] = Field(min_length=1)
    board: tuple[Board, ...] = Field(min_length=1)
    reader: tuple[Reader, ...] = ()
    zone: tuple[Zone, ...] = Field(min_length=1)
    thermometer: tuple[Thermometer, ...] = ()
    compartment: tuple[Compartment, ...] = Field(min_length=1, max_length=400)
    officer: tuple[Officer, ...] = Field(default=(), max_length=20)

    @property
    def id(self) -> str:
        return self.cabinet.id

    def compartment_named(self, label: str) -> Compartment:
        """The compartment with this label; ``KeyError`` when the cabinet has none."""
        return next(iter(c for c in self.compartment if c.label == label), None) or _no_label(self.id, label)

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
        boards = {board.name: board.model_dump(mode="json", exclude=NOT_WIRING) for board in self.board}
        return {c.label: _digest([boards[c.board], c.channel, c.switch]) for c in self.compartment}

    def map_version(self) -> str:
        """Changes when any compartment, or the way it is wired, changes."""
        wiring = [c.model_dump(mode="json") for c in self.compartment]
        return _digest(wiring)


def _digest(wiring: object) -> str:
    return hashlib.sha256(json.dumps(wiring, sort_keys=True).encode()).hexdigest()[:16]


def _no_label(cabinet: str, label: str) -> Compartment:
    raise KeyError(f"cabinet {cabinet} has no compartment {label}")


def load(path: Path | str) -> Cabinet:
    """Read and check a cabinet file; ``BadFile`` tells every problem with file, key and reason."""
    file = Path(path)
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise one(file, "-", f"cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise one(file, "-", f"is not TOML: {error}") from error
    return parse(raw, str(file))


def parse(raw: dict[str, Any], file: str = "cabinet") -> Cabinet:
    """The checked cabinet from already decoded TOML; ``file`` is only for the messages."""
    try:
        cabinet = Cabinet.model_validate(raw)
    except ValidationError as error:
        raise BadFile([Problem(file, _key(e["loc"]), _reason(e)) for e in _leaves(error)]) from error
    problems = [Problem(file, key, reason) for key, reason in _cross_checks(cabinet)]
    if problems:
        raise BadFile(problems)
    return cabinet


def _leaves(error: ValidationError) -> list[Any]:
    """Without the errors that only say that a part of theirs is wrong."""
    found = error.errors()
    return [e for e in found if not any(o["loc"][: len(e["loc"])] == e["loc"] for o in found if o is not e)]


def _key(loc: tuple[int | str, ...]) -> str:
    path = ""
    for step in loc:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path or "-"


def _reason(error: Any) -> str:
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        return "unknown key"
    if kind == "missing":
        return "is missing"
    return f"{error['msg']} (given: {given!r})"


Finding = tuple[str, str]


def _cross_checks(cabinet: Cabinet) -> Iterator[Finding]:
    yield from _names_are_unique(cabinet)
    yield from _boards_are_reachable(cabinet)
    yield from _doors_have_outputs_of_their_own(cabinet)
    yield from _beams_have_inputs_of_their_own(cabinet)
    yield from _zones_are_known(cabinet)
    yield from _cold_zones_are_watched(cabinet)
    yield from _people_can_get_out(cabinet)
    yield from _officers_are_two(cabinet)


def _names_are_unique(cabinet: Cabinet) -> Iterator[Finding]:
    for part in ("bus", "board", "reader", "zone", "thermometer"):
        yield from _repeats(part, "name", [item.name for item in getattr(cabinet, part)])
    yield from _repeats("compartment", "label", [c.label for c in cabinet.compartment])


def _repeats(part: str, key: str, values: list[str]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for at, value in enumerate(values):
        if value in seen:
            yield f"{part}[{at}].{key}", f"{value} is already used by {part}[{seen[value]}]"
        seen.setdefault(value, at)


def _boards_are_reachable(cabinet: Cabinet) -> Iterator[Finding]:
    buses = {bus.name: bus for bus in cabinet.bus}
    taken: dict[tuple[str, int], str] = {}
    for at, board in enumerate(cabinet.board):
        bus = buses.get(board.bus)
        if bus is None:
            yield f"board[{at}].bus", f"there is no bus named {board.bus}"
            continue
        if (bus.kind == "modbus") != (board.kind == "lock_modbus"):
            yield f"board[{at}].bus", f"{board.kind} cannot sit on bus {bus.name}, which is {bus.kind}"
        if board.kind == "lock_modbus" and board.pulse_ms % 100:
            yield f"board[{at}].pulse_ms", f"relay cards count in 100 ms, {board.pulse_ms} cannot be set"
        if board.inputs is not None and board.kind != "lock_modbus":
            yield f"board[{at}].inputs", f"{board.kind} boards read door switches and nothing else"
        elif board.last_input < board.channels:
            yield f"board[{at}].inputs", f"the {board.channels} door switches need more than {board.inputs}"
        if board.kind == "lock_8a80" and board.address > 32:
            yield f"board[{at}].address", f"8A/80 boards answer to 1 to 32, not {board.address}"
        for address in {board.address, board.inputs_address or board.address}:
            other = taken.setdefault((board.bus, address), board.name)
            if other != board.name:
                yield f"board[{at}].address", f"address {address} on bus {board.bus} belongs to {other}"
    yield from _thermometers_are_reachable(cabinet, buses, taken)


def _thermometers_are_reachable(
    cabinet: Cabinet, buses: dict[str, Bus], taken: dict[tuple[str, int], str]
) -> Iterator[Finding]:
    for at, probe in enumerate(cabinet.thermometer):
        bus = buses.get(probe.bus)
        if bus is None:
            yield f"thermometer[{at}].bus", f"there is no bus named {probe.bus}"
        elif bus.kind != "modbus":
            yield f"thermometer[{at}].bus", f"{probe.kind} cannot sit on bus {bus.name}, which is {bus.kind}"
        other = taken.setdefault((probe.bus, probe.address), probe.name)
        if other != probe.name:
            yield (
                f"thermometer[{at}].address",
                f"address {probe.address} on bus {probe.bus} belongs to {other}",
            )


def _doors_have_outputs_of_their_own(cabinet: Cabinet) -> Iterator[Finding]:
    boards = {board.name: board for board in cabinet.board}
    outputs: dict[tuple[str, int], str] = {}
    switches: dict[tuple[str, int], str] = {}
    for at, c in enumerate(cabinet.compartment):
        board = boards.get(c.board)
        if board is None:
            yield f"compartment[{at}].board", f"there is no board named {c.board}"
            continue
        for key, channel, wired in (("channel", c.channel, outputs), ("switch_channel", c.switch, switches)):
            if channel > board.channels:
                yield (
                    f"compartment[{at}].{key}",
                    f"board {board.name} has {board.channels} channels, not {channel}",
                )
            other = wired.setdefault((c.board, channel), c.label)
            if other != c.label:
                yield (
                    f"compartment[{at}].{key}",
                    f"{key} {channel} of board {c.board} already belongs to {other}",
                )


def _beams_have_inputs_of_their_own(cabinet: Cabinet) -> Iterator[Finding]:
    boards = {board.name: board for board in cabinet.board}
    wired = {(c.board, c.switch): f"the door switch of {c.label}" for c in cabinet.compartment}
    for at, c in enumerate(cabinet.compartment):
        board = boards.get(c.board)
        if c.beam_input is None or board is None:
            continue
        key = f"compartment[{at}].beam_input"
        if board.kind != "lock_modbus":
            yield key, f"board {board.name} is {board.kind}: it reads door switches and nothing else"
        elif c.beam_input > board.last_input:
            yield key, f"board {board.name} has {board.last_input} inputs, not {c.beam_input}"
        other = wired.setdefault((c.board, c.beam_input), f"the beam of {c.label}")
        if other != f"the beam of {c.label}":
            yield key, f"input {c.beam_input} of board {c.board} already belongs to {other}"


def _zones_are_known(cabinet: Cabinet) -> Iterator[Finding]:
    zones = {zone.name for zone in cabinet.zone}
    for at, c in enumerate(cabinet.compartment):
        if c.zone not in zones:
            yield f"compartment[{at}].zone", f"there is no zone named {c.zone}"


def _cold_zones_are_watched(cabinet: Cabinet) -> Iterator[Finding]:
    probes = {probe.name for probe in cabinet.thermometer}
    for at, zone in enumerate(cabinet.zone):
        if zone.thermometer is not None and zone.thermometer not in probes:
            yield f"zone[{at}].thermometer", f"there is no thermometer named {zone.thermometer}"
        if zone.class_ != "ambient" and zone.thermometer is None:
            yield f"zone[{at}].thermometer", f"zone {zone.name} is {zone.class_} and must name a thermometer"
        elif zone.limit is not None and zone.thermometer is None:
            yield f"zone[{at}].thermometer", f"zone {zone.name} has a limit and must name a thermometer"
        if zone.class_ == "frozen" and zone.limit_celsius is None:
            yield f"zone[{at}].limit_celsius", f"zone {zone.name} is frozen and must set its limit"
        if zone.defrost_minutes and zone.limit is None:
            yield f"zone[{at}].defrost_minutes", f"zone {zone.name} has no limit, so defrosting is no matter"


def _people_can_get_out(cabinet: Cabinet) -> Iterator[Finding]:
    if cabinet.cabinet.screen or cabinet.cabinet.inside_button:
        return
    for at, c in enumerate(cabinet.compartment):
        if c.person_sized:
            yield (
                f"compartment[{at}].person_sized",
                "a child could climb in, and the cabinet has neither a screen nor an 'inside' button",
            )


def _officers_are_two(cabinet: Cabinet) -> Iterator[Finding]:
    yield from _repeats("officer", "name", [officer.name for officer in cabinet.officer])
    yield from _repeats("officer", "key", [officer.key for officer in cabinet.officer])
    if len(cabinet.officer) == 1:
        yield "officer", "an order to open every door needs two officers: name a second one, or none"
