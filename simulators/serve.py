"""One cabinet file, served: a wire per bus and reader, boards on them, one physics, and a control port."""

import asyncio
import ctypes
import json
import selectors
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from config import cabinet as files
from config.cabinet.families import plug_in
from config.parent import end_with_parent
from simulators import (
    lock_8a80,
    lock_dingchang,
    lock_kerong_cu16,
    lock_kerong_cu24,
    lock_kerong_cu48,
    lock_modbus,
    lock_winnsen,
    lock_wkly,
)
from simulators.air import STEP_S, Air, Body
from simulators.bus import Board, Bus
from simulators.cabinet import Cabinet, Clock, Door, Goods, HandsRefused
from simulators.climate_registers import ClimateRegisters
from simulators.climate_xymd02 import ClimateXymd02
from simulators.code_reader import CodeReader
from simulators.control import serve_control
from simulators.faults import Cause, Fault, Faults
from simulators.indicator_modbus import wire_lamps
from simulators.input_modbus import wire_contacts
from simulators.lock_board import Wired
from simulators.modbus_tcp import ModbusTcpEnd
from simulators.scale_registers import ScaleRegisters
from simulators.scan_gm65 import Gm65
from simulators.scan_rdm6300 import CardReader
from simulators.scan_ssi import SsiReader
from simulators.scan_text import TextReader
from simulators.scan_trigger import TriggeredReader
from simulators.scan_wedge import Wedge
from simulators.wire import FarEnd, PtyEnd, TcpEnd, Wire

LOOK_AGAIN_SECONDS = 0.005
BELOW_LIMIT = 1.5
"""A unit is set so much colder than the zone may be, in kelvin."""
PR_SET_TIMERSLACK = 29

BUILD: Mapping[str, Callable[[files.Board, Wired], Sequence[Board]]] = {
    "lock_8a80": lock_8a80.build,
    "lock_modbus": lock_modbus.build,
    "lock_wkly": lock_wkly.build,
    "lock_kerong_cu16": lock_kerong_cu16.build,
    "lock_kerong_cu48": lock_kerong_cu48.build,
    "lock_kerong_cu24": lock_kerong_cu24.build,
    "lock_dingchang": lock_dingchang.build,
    "lock_winnsen": lock_winnsen.build,
}
"""What stands on the wire for a board of a cabinet file, by its kind."""
READERS: Mapping[str, Callable[[files.Reader, Wire, Faults], CodeReader]] = {
    "scan_text": lambda reader, wire, faults: TextReader(reader.name, wire, faults=faults),
    "scan_gm65": lambda reader, wire, faults: Gm65(reader.name, wire, faults, triggered=reader.triggered),
    "scan_trigger": lambda reader, wire, faults: TriggeredReader(
        reader.name, wire, reader.make, faults, triggered=reader.triggered
    ),
    "scan_rdm6300": lambda reader, wire, faults: CardReader(reader.name, wire, faults),
    "scan_ssi": lambda reader, wire, faults: SsiReader(reader.name, wire, faults, triggered=reader.triggered),
    "scan_wedge": lambda reader, wire, faults: Wedge(reader.name, wire, faults),
}
"""Likewise for a reader."""
Probe = ClimateXymd02 | ClimateRegisters
ON_TCP = {"scan_wedge"}
"""Nobody takes a pty for a keyboard."""
HANDS = ("put", "take", "pull", "push", "close", "wait", "see", "scan", "babble", "disturb", "settle")
VERBS = (*HANDS, "air", "let_hang", "load", "mains", "fault", "repair", "cut", "restore", "crossed", "truth")
"""What the control port understands: the coroutines of ``Served`` with these names."""


class Served:
    """The hardware side of one cabinet file. ``VERBS`` are what its control port does."""

    def __init__(
        self,
        file: files.Cabinet,
        links: Path,
        *,
        tcp: bool = False,
        turn_round_seconds: float = 0.002,
        seed: int = 0,
        clock: Clock = time.monotonic,
        end: Callable[[str], FarEnd] | None = None,
        whole_answers: bool = False,
    ) -> None:
        self.faults = Faults()
        self.clock = clock
        self.cabinet = Cabinet(clock, self.faults)
        self.buses: dict[str, Bus] = {}
        self.readers: dict[str, CodeReader] = {}
        self.probes: dict[str, Probe] = {}
        self.scales: dict[str, ScaleRegisters] = {}
        self.airs: dict[str, Air] = {}
        self._hangs_in: dict[str, Air] = {}
        self._links, self._tcp = links, tcp
        self._end = end if end is not None else self._real_end
        for bus in file.bus:
            if bus.kind == "gpio":
                raise HandsRefused(f"bus {bus.name} is pins of this computer: there is no wire to simulate")
            boards = [
                card for board in file.board if board.bus == bus.name for card in self._build(file, board)
            ]
            boards += self._sensors(file, bus.name)
            boards += wire_lamps([i for i in file.indicator if i.bus == bus.name], self.cabinet)
            boards += wire_contacts([i for i in file.input if i.bus == bus.name], boards, self.cabinet)
            bits = 1 + 8 + (bus.parity != "N") + bus.stopbits
            end_of_bus = ModbusTcpEnd() if bus.frames_modbus_tcp else self._end(bus.name)
            wire = Wire(end_of_bus, baud=bus.baud, bits_per_byte=bits)
            self.buses[bus.name] = Bus(
                bus.name, wire, boards, self.faults, turn_round_seconds=turn_round_seconds, seed=seed,
                whole_answers=whole_answers,
            )  # fmt: skip
        self._fill(file)
        for reader in file.reader:
            on_tcp = end is None and reader.kind in ON_TCP
            wire = Wire(TcpEnd() if on_tcp else self._end(reader.name), baud=reader.baud)
            self.readers[reader.name] = READERS[reader.kind](reader, wire, self.faults)

    @property
    def wires(self) -> dict[str, Wire]:
        """All wires by the name of their bus or reader."""
        on_buses = {name: bus.wire for name, bus in self.buses.items()}
        return on_buses | {name: reader.wire for name, reader in self.readers.items()}

    async def plug_in(self) -> dict[str, str]:
        """Plug all wires in; their addresses by name."""
        for wire in self.wires.values():
            await wire.restore()
        for bus in self.buses.values():
            bus.plugged_in()
        return {name: wire.address for name, wire in self.wires.items()}

    def unplug(self) -> None:
        """Pull all wires out and remove their names."""
        for bus in self.buses.values():
            bus.close()
        for reader in self.readers.values():
            reader.wire.cut()

    async def put(self, compartment: str, goods: str = "parcel", grams: float = 500.0) -> None:
        """Lay something into an open compartment."""
        self.cabinet.put(compartment, Goods(goods, grams))

    async def take(self, compartment: str, goods: str | None = None) -> str:
        """Take something out; what it was."""
        return self.cabinet.take(compartment, goods).name

    async def pull(self, compartment: str) -> bool:
        """Pull at a door; whether it is open now."""
        return self.cabinet.pull(compartment)

    async def push(self, compartment: str) -> None:
        """Lean a door to."""
        self.cabinet.push(compartment)

    async def close(self, compartment: str) -> bool:
        """Push a door shut; whether it latched."""
        return self.cabinet.close(compartment)

    async def wait(self, compartment: str, door: str, seconds: float = 10.0) -> bool:
        """Wait until a door is "open" (or ajar) or "closed"; whether that came true."""
        if door not in ("open", "closed"):
            raise HandsRefused(f"a door is waited for to be open or closed, not {door}")
        until = self.clock() + seconds
        while (self.cabinet.compartment(compartment).door is Door.CLOSED) != (door == "closed"):
            if self.clock() > until:
                return False
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return True

    async def see(self, seconds: float = 10.0, but: Sequence[str] = ()) -> str | None:
        """Wait until a door stands open, not counting those in ``but``; which one, None when none does."""
        until = self.clock() + seconds
        while not (standing_open := [label for label in self.cabinet.standing_open() if label not in but]):
            if self.clock() > until:
                return None
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return standing_open[0]

    async def scan(self, reader: str, text: str) -> None:
        """Hold a code in front of a reader."""
        self._named_reader(reader).show(text)

    async def babble(self, reader: str, hex: str) -> None:
        """Make a reader send bytes that are no scan."""
        self._named_reader(reader).babble(bytes.fromhex(hex))

    async def disturb(self, input: str) -> None:
        """Open the case, tip it, or press its button: whatever this contact tells of."""
        self.cabinet.disturb(input)

    async def settle(self, input: str) -> None:
        """Close the case, set it up, or let go of the button."""
        self.cabinet.settle(input)

    async def air(self, thermometer: str, celsius: float) -> None:
        """Hold a probe into air of this temperature, until ``let_hang``."""
        probe = self._named_probe(thermometer)
        probe.measures, probe.celsius = None, celsius

    async def let_hang(self, thermometer: str) -> None:
        """A probe measures the air of its zone again."""
        self._hang(self._named_probe(thermometer))

    async def load(self, scale: str, grams: float) -> None:
        """Have so much lie on a scale."""
        if scale not in self.scales:
            raise HandsRefused(f"there is no scale {scale}")
        self.scales[scale].load(grams)

    async def mains(self, on: bool) -> None:
        """The refrigeration loses its power, or has it again."""
        self.cabinet.step()
        for air in self.airs.values():
            air.powered = on

    async def fault(self, cause: str, where: str, amount: float | None = None, other: str = "") -> None:
        """Something breaks."""
        self._check_place(where)
        self.faults.begin(Fault(Cause(cause), where, amount, other, self.clock()))
        self._faults_changed()

    async def repair(self, cause: str, where: str) -> None:
        """It works again."""
        self._check_place(where)
        self.faults.end(Cause(cause), where)
        self._faults_changed()

    async def cut(self, wire: str) -> None:
        """Pull a wire out."""
        self._named_wire(wire).cut()

    async def restore(self, wire: str) -> None:
        """Plug it in again, under the same name."""
        await self._named_wire(wire).restore()

    async def crossed(self, wire: str, since: float = 0.0) -> list[tuple[float, bool, str]]:
        """What crossed a wire since then, as seen at this end: when, whether to the host, bytes in hex."""
        seen = self._named_wire(wire).crossings
        return [(each.at, each.to_host, each.data.hex()) for each in seen if each.at >= since]

    async def truth(self) -> dict[str, Any]:
        """All that is true, and what crossed the wires."""
        told = self.cabinet.truth()
        told["air"] = {name: round(air.celsius, 2) for name, air in self.airs.items()}
        told["scales"] = {name: scale.grams for name, scale in self.scales.items()}
        told["faults"] = [[fault.cause.value, fault.where] for fault in self.faults.active()]
        told["longest_energised"] = self.cabinet.longest_energised()
        told["wires"] = {
            name: {"bytes_in": wire.bytes_in, "bytes_out": wire.bytes_out, "cut": wire.is_cut}
            for name, wire in self.wires.items()
        }
        told["requests"] = {
            name: dict(Counter(frame.hex() for _, frame in bus.requests)) for name, bus in self.buses.items()
        }
        return told

    async def control(self) -> asyncio.Server:
        """Start answering requests for these verbs."""
        return await serve_control({verb: getattr(self, verb) for verb in VERBS}, HandsRefused)

    def _real_end(self, name: str) -> FarEnd:
        return TcpEnd() if self._tcp else PtyEnd(self._links / name)

    def _build(self, file: files.Cabinet, board: files.Board) -> Sequence[Board]:
        wired = [c for c in file.compartment if c.board == board.name]
        bus = next(bus for bus in file.bus if bus.name == board.bus)
        for compartment in wired:
            self.cabinet.build(compartment.label, supply=bus.supply or board.name)
        build = BUILD.get(board.kind) or plug_in(board.kind).simulate
        if build is None:
            raise HandsRefused(f"the package that brings {board.kind} cannot simulate it")
        return build(
            board,
            Wired(
                self.cabinet,
                {c.channel: c.label for c in wired},
                {c.switch: c.label for c in wired},
                {c.beam_input: c.label for c in wired if c.beam_input is not None},
            ),
        )

    def _sensors(self, file: files.Cabinet, bus: str) -> list[Board]:
        probes = [self._probe(file, probe) for probe in file.thermometer if probe.bus == bus]
        self.probes |= {probe.name: probe for probe in probes}
        scales = [
            ScaleRegisters(scale.name, scale.address, file.register_maps[scale.map], self.faults, self.clock)
            for scale in file.scale
            if scale.bus == bus
        ]
        self.scales |= {scale.name: scale for scale in scales}
        return [*probes, *scales]

    def _probe(self, file: files.Cabinet, probe: files.Thermometer) -> Probe:
        if probe.map is None:
            return ClimateXymd02(probe.name, probe.address)
        return ClimateRegisters(probe.name, probe.address, file.register_maps[probe.map], self.faults)

    def _fill(self, file: files.Cabinet) -> None:
        """Air into the cold zones, and the probes into the air."""
        for zone in file.zone:
            if zone.limit is None:
                continue
            labels = [c.label for c in file.compartment if c.zone == zone.name]
            air = self.airs[zone.name] = self._air(zone, labels)
            self.cabinet.every(STEP_S, air.step)
            if zone.thermometer is not None:
                self._hangs_in[zone.thermometer] = air
        for probe in self.probes.values():
            self._hang(probe)

    def _air(self, zone: files.Zone, labels: list[str]) -> Air:
        assert zone.limit is not None
        every_s = zone.defrost_every_hours * 3600 if zone.defrost_minutes else 0.0
        return Air(
            zone.limit - BELOW_LIMIT,
            lambda: self.cabinet.open_among(labels),
            body=Body(defrost_every_s=every_s, defrost_s=zone.defrost_minutes * 60.0),
            is_dead=lambda: self.faults.at(Cause.COMPRESSOR_DEAD, zone.name) is not None,
        )

    def _hang(self, probe: Probe) -> None:
        air = self._hangs_in.get(probe.name)

        def measured() -> float:
            assert air is not None
            self.cabinet.step()
            return air.celsius

        probe.measures = None if air is None else measured

    def _named_probe(self, name: str) -> Probe:
        if name not in self.probes:
            raise HandsRefused(f"there is no thermometer {name}")
        return self.probes[name]

    def _named_reader(self, name: str) -> CodeReader:
        if name not in self.readers:
            raise HandsRefused(f"there is no reader {name}")
        return self.readers[name]

    def _named_wire(self, name: str) -> Wire:
        if name not in self.wires:
            raise HandsRefused(f"there is no wire {name}")
        return self.wires[name]

    def _check_place(self, where: str) -> None:
        boards = {board.name for bus in self.buses.values() for board in bus.boards}
        fitted = (*self.cabinet.labels(), *self.cabinet.contacts(), *self.cabinet.lamps())
        known = (boards, self.buses, self.readers, self.airs, fitted)
        if not any(where in places for places in known):
            raise HandsRefused(
                f"there is no compartment, contact, lamp, board, reader, cold zone or bus {where}"
            )

    def _faults_changed(self) -> None:
        for bus in self.buses.values():
            bus.faults_changed()


def serve(
    file: files.Cabinet, links: Path, *, tcp: bool, turn_round_seconds: float, with_parent: bool
) -> None:
    """Serve until SIGINT or SIGTERM, or, ``with_parent``, until the parent process is gone."""
    if with_parent:
        end_with_parent()
    links.mkdir(parents=True, exist_ok=True)
    served = Served(file, links, tcp=tcp, turn_round_seconds=turn_round_seconds)
    _keep_exact_time()
    # The default selector rounds waits up to a millisecond, nine bytes at 115200 baud; this one does not.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(_run(served, file.id))


async def _run(served: Served, cabinet: str) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    ports = await served.plug_in()
    server = await served.control()
    host, port = server.sockets[0].getsockname()
    print(
        json.dumps({"ready": True, "cabinet": cabinet, "control": f"{host}:{port}", "ports": ports}),
        flush=True,
    )
    try:
        await ended.wait()
    finally:
        server.close()
        served.unplug()


def _keep_exact_time() -> None:
    # Linux lets timers of ordinary programs run 50 microseconds late, half a byte at 115200 baud.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)
