"""The parts of one edge and how they hang together; the only file that builds everything."""

import asyncio
import contextlib
import gc
from collections.abc import Callable, Collection, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import structlog

from config.cabinet import Cabinet as CabinetFile
from config.contract.events import MOST_BOXES, Booted, Surveyed
from config.contract.messages import CabinetSettings, DocumentName
from config.contract.signing import CabinetKeys
from config.problems import BadFile, Problem
from config.settings import EdgeSettings
from controller import wiring
from controller.access import Access, Kept
from controller.beat import Beat
from controller.bus_trace import BusTrace
from controller.cabinet import Cabinet
from controller.climate import Climate, Zones
from controller.clock import Clock, Computer
from controller.closed import Closed
from controller.commands import Commands
from controller.contacts import FAULT, Contacts
from controller.desired import Documents
from controller.door_figures import DoorFigures
from controller.entrance import Entrance
from controller.health import Health
from controller.identity import Identity
from controller.indicators import Indicators
from controller.kiosk import Kiosk
from controller.open_all import EveryDoor
from controller.outbox import Outbox
from controller.presence import Screen
from controller.records import Records
from controller.recovery import recover
from controller.safe_mode import Limit, SafeMode
from controller.store import Change, Keep, Store, StoreFailing
from controller.switches import Switches, Watched
from controller.unlock import Lock, Unlocker
from controller.uplink import Connect, Uplink
from controller.visit import Box, Rules, State, now_of
from controller.watchdog import Watchdog, notify
from firmware_bridge.assemble import Hardware
from firmware_bridge.ports import CodeReader, Port

log = structlog.get_logger(__name__)

SOFTWARE = "0.1.0"
LOOK_FOR_ASKING_S = 0.5
"""Somebody may have asked for the frames of the buses."""


@dataclass(slots=True)
class Edge:
    """One cabinet, running. Built by ``build``; ``run`` serves until it is cancelled."""

    file: CabinetFile
    settings: EdgeSettings
    hardware: Hardware
    store: Store
    clock: Clock
    cabinet: Cabinet
    health: Health
    records: Records
    access: Access
    documents: Documents
    screen: Screen
    entrance: Entrance
    commands: Commands
    outbox: Outbox
    switches: Switches
    contacts: Contacts
    indicators: Indicators
    climate: Climate
    zones: Zones
    figures: DoorFigures
    trace: BusTrace
    uplink: Uplink
    kiosk: Kiosk
    safe_mode: SafeMode
    fell_back: bool
    """The records were found damaged or older than they were."""
    refused: tuple[Problem, ...]
    """What is wrong with the cabinet file that was given; ``file`` is then the last good one."""
    beat: Beat
    """Of the loop that lets time act."""

    async def start(self, ready: Callable[[dict[str, Any]], None]) -> None:
        """Everything that has to be so before anybody is served."""
        same_boot = await self.store.meta("boot") == self.clock.boot
        clean = await self.store.meta("running") == "no"
        await self.safe_mode.start(clean=await self.store.meta("running") != "yes")
        # Before anything is told of a compartment: with it goes the row of its zone.
        await self.zones.load(same_boot=same_boot, fell_back=self.fell_back)
        await self.cabinet.restarted(same_boot=same_boot)
        await wiring.compare(self.file, self.cabinet, self.store)
        await self.figures.load()
        await self.documents.load()
        await self.commands.load()
        await self.entrance.loading.load()
        await self.hardware.start()
        for flag in self.hardware.flagged:
            log.warning("does not answer", part=flag.part, reason=str(flag.error))
        await self.switches.read_once()
        reason = "start" if clean else "crash" if same_boot else "power"
        await self._record_boot("start" if await self.store.meta("boot") is None else reason)
        await self._tell_refused()
        url = await self.kiosk.start()
        notify("READY=1")
        ready({"ready": True, "cabinet": self.file.id, "kiosk_url": url})

    async def _record_boot(self, reason: Any) -> None:
        boxes = tuple(now_of(box) for box in self.cabinet.boxes.values())
        first, rest = boxes[:MOST_BOXES], boxes[MOST_BOXES:]
        booted = Booted(software=SOFTWARE, map_version=self.file.map_version(), reason=reason, boxes=first)
        more = [Surveyed(boxes=rest[at : at + MOST_BOXES]) for at in range(0, len(rest), MOST_BOXES)]
        meta = {"boot": self.clock.boot, "running": "yes"}
        await self.cabinet.record(Change(facts=(booted, *more), meta=meta))

    async def _tell_refused(self) -> None:
        if self.refused:
            detail = "; ".join(map(str, self.refused))
            await self.health.begins("file_refused", "cabinet", detail)
        else:
            await self.health.ends("file_refused", "cabinet")

    async def run(self, ready: Callable[[dict[str, Any]], None]) -> None:
        """Serve until cancelled; then let go of ports and files in order."""
        try:
            await self.start(ready)
            gc.freeze()  # what is there now stays: looking through it again would hold up a door
            async with asyncio.TaskGroup() as group:
                for work in self._loops():
                    group.create_task(work())
        finally:
            await self.stop()

    def _loops(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        return [
            self.switches.run,
            self.contacts.run,
            self.indicators.run,
            self.climate.run,
            self.zones.run,
            self._watch_wires,
            self._hand_out_frames,
            self._tick,
            self._read_codes,
            self.records.run,
            self.safe_mode.run,
            self.uplink.run,
            Watchdog(self.store, self._beats).run,
        ]

    def _beats(self) -> dict[str, Beat]:
        return {
            "time": self.beat, "wires": self.health.beat, "records": self.records.beat,
            "safe mode": self.safe_mode.beat, "uplink": self.uplink.beat,
            **self.switches.beats, **self.contacts.beats, **self.indicators.beats, **self.climate.beats,
        }  # fmt: skip

    async def stop(self) -> None:
        notify("STOPPING=1")
        with contextlib.suppress(OSError):
            self.trace.write()
        await self.kiosk.stop()
        with contextlib.suppress(Exception):
            kept = self.clock.kept() | self.zones.kept() | self.figures.kept()
            await self.cabinet.record(Change(meta={"running": "no", **kept}))
        await self.hardware.close()
        await self.store.close()

    async def _watch_wires(self) -> None:
        wires = self.hardware.wires
        await self.health.watch_wires(
            _buses(self.hardware), {name: wires[name] for name in self.hardware.readers}
        )

    async def _hand_out_frames(self) -> None:
        while True:
            try:
                self.trace.answer()
            except OSError as error:
                log.warning("the frames could not be written", error=str(error))
            await asyncio.sleep(LOOK_FOR_ASKING_S)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self.settings.tick_s)
            with _store_may_fail("time could not act"):
                await self.cabinet.tick()
                await self.documents.catch_up()
            self.beat.comes_round()

    async def _read_codes(self) -> None:
        for scanner in self.hardware.readers.values():
            scanner.begins = self._keep_lines_free
        async with asyncio.TaskGroup() as group:
            for reader in self.hardware.readers.values():
                group.create_task(self._serve_reader(reader))

    def _keep_lines_free(self) -> None:
        """The first bytes of a scan are there: no poll shall be on the wire when the last one has come."""
        for line in self.hardware.lines.values():
            line.keep_free()

    async def _serve_reader(self, reader: CodeReader) -> None:
        async for scan in reader:
            answer = await self.entrance.scanned(scan.text)
            await asyncio.sleep(0)  # the pulse comes before any word about it
            log.info("scan", reader=reader.name, answer=answer.kind, refusal=answer.refusal, door=answer.door)


@contextlib.contextmanager
def _store_may_fail(what: str) -> Iterator[None]:
    """A disk that fails now may work again; the loops that serve people go on."""
    try:
        yield
    except StoreFailing as error:
        log.error(what, error=str(error))


async def build(
    file: CabinetFile,
    settings: EdgeSettings,
    identity: Identity,
    hardware: Hardware,
    *,
    refused: tuple[Problem, ...] = (),
    computer: Computer | None = None,
    connect: Connect | None = None,
    screen_of: type[Kiosk] = Kiosk,
) -> Edge:
    """Put the parts together; opens the store, nothing else."""
    store = Store(settings.folder / "edge.db", file.id)
    await store.open()
    served = store.guarded("served_ms")
    clock = Clock(int(store.guarded("floor_ms") or 0), int(served) if served else None, computer)
    rules = Rules(
        pulses=settings.pulses_per_opening, window_s=settings.pulse_window_s,
        release_wait_s=settings.release_wait_s,
    )  # fmt: skip
    fell_back = store.fallen is not None
    boxes = await recover(await _boxes(file, store), store, clock)
    cabinet = Cabinet(boxes, await store.used(), store, clock, rules)
    health = Health(cabinet, store, clock)
    health.subjects = _parts(file)
    records = Records(cabinet, store, clock, health)
    keys = CabinetKeys.derive(file.id, identity.key)
    access = Access(file.id, clock, Kept.read(store.guarded))
    health.over["guessing"] = lambda: not access.is_guessed_at
    documents = Documents(file.id, identity.root_key, keys, cabinet, store, clock)
    screen = Screen(clock)
    zones = Zones(file, cabinet, health, store, clock)
    entrance = Entrance(file, cabinet, access, store, clock, zones)
    every_door = EveryDoor(file, cabinet, store, clock) if file.officer else None
    commands = Commands(file.id, cabinet, documents, screen, store, clock, every_door)
    commands.no_time_after_s = settings.no_time_after_s
    keep = Keep(settings.keep_acked_rows, settings.keep_acked_days)
    outbox = Outbox(store, cabinet, health, most_events=settings.batch_events, keep=keep)
    cabinet.listen(lambda changed: outbox.note_more())
    unlocker = Unlocker(_locks(file, hardware), cabinet, clock, settings.pulses_a_minute)
    cabinet.connect(unlocker)
    cabinet.guard(unlocker.rests)
    switches = Switches(_watched(file, hardware), cabinet, health, settings.poll_s)
    contacts = Contacts(hardware.inputs, file.input, health, entrance.inside, settings.poll_s)
    indicators = Indicators(hardware.indicators, file.indicator, cabinet, health, clock)
    figures = DoorFigures(cabinet, store)
    records.also_kept = lambda: zones.kept() | figures.kept()
    climate = Climate(hardware.thermometers, health, clock, zones.heard)
    trace = BusTrace(settings.folder, {name: line.wire for name, line in hardware.lines.items()})
    uplink = Uplink(
        cabinet=file.id, broker=identity.broker, keys=keys, status=lambda: _status(file, clock),
        cabinet_map=file.map(), store=store, clock=clock, outbox=outbox, documents=documents,
        commands=commands, health=health, settings=settings, connect=connect,
        samples=lambda: climate.samples() | zones.samples() | figures.samples(),
    )  # fmt: skip
    kiosk = screen_of(file, settings, identity.cloud_url, entrance, screen, cabinet, clock, uplink)
    kiosk.on_last_good = bool(refused)
    limit = Limit(settings.safe_after_ends, settings.safe_within_min)
    safe_mode = SafeMode(cabinet, store, clock, health, limit)
    closed = Closed(cabinet)
    _hand_out(documents, access, entrance, commands, cabinet, kiosk, safe_mode, closed)
    return Edge(
        file, settings, hardware, store, clock, cabinet, health, records, access, documents, screen, entrance,
        commands, outbox, switches, contacts, indicators, climate, zones, figures, trace, uplink, kiosk,
        safe_mode, fell_back, refused, Beat(),
    )  # fmt: skip


def _hand_out(
    documents: Documents,
    access: Access,
    entrance: Entrance,
    commands: Commands,
    cabinet: Cabinet,
    kiosk: Kiosk,
    safe_mode: SafeMode,
    closed: Closed,
) -> None:
    """Who is given which document."""
    phone_of_file = kiosk.phone

    def use_settings(given: CabinetSettings) -> None:
        commands.settings = given
        cabinet.follow(given)
        entrance.placing.doors_at_once = given.doors_at_once
        safe_mode.follow(given)
        closed.follow(given)
        access.use_settings(given)
        kiosk.settings = given
        kiosk.phone = given.phone or phone_of_file

    documents.use(DocumentName.KEYS, access.use_keys)
    documents.use(DocumentName.GRANTS, access.use_grants)
    documents.use(DocumentName.PARCELS, access.use_parcels)
    documents.use(DocumentName.SETTINGS, use_settings)


async def _boxes(file: CabinetFile, store: Store) -> dict[str, Box]:
    """The compartments of the file with what the store knows of them; new ones were never seen empty."""
    kept = await store.boxes()
    labels = [compartment.label for compartment in file.compartment]
    lost = [box for box in kept.values() if box.label not in labels and box.state is not State.VACANT]
    if lost:
        reason = "is not in the file any more, and a parcel lies there"
        raise BadFile([Problem(file.id, f"compartment {box.label}", reason) for box in lost])
    return {label: kept.get(label) or Box(label, verified=False) for label in labels}


def _parts(file: CabinetFile) -> dict[str, Collection[str]]:
    """What there is that may be faulty, by its fault."""
    cold = [zone.name for zone in file.zone if zone.limit is not None]
    probes = [probe.name for probe in file.thermometer]
    cards = [board.name for board in file.board if board.family.bus == "modbus" and not board.is_guarded]
    return {
        "board_silent": [board.name for board in file.board], "output_stays_on": cards,
        "thermometer_silent": probes,
        "too_warm": cold, "cold_hold": cold,
        "input_silent": [each.card for each in file.input],
        "indicator_silent": [each.card for each in file.indicator],
        **{code: [each.name for each in file.input if each.means == means] for means, code in FAULT.items()},
    }  # fmt: skip


def _buses(hardware: Hardware) -> dict[str, Port]:
    """Where boards are plugged in; what readers read are codes."""
    return {name: wire for name, wire in hardware.wires.items() if name not in hardware.readers}


def _locks(file: CabinetFile, hardware: Hardware) -> dict[str, Lock]:
    buses = {bus.name: bus for bus in file.bus}
    boards = {board.name: board for board in file.board}
    return {
        c.label: Lock(
            hardware.boards[c.board], c.channel, buses[boards[c.board].bus].supply or boards[c.board].bus
        )
        for c in file.compartment
    }


def _watched(file: CabinetFile, hardware: Hardware) -> list[Watched]:
    return [
        Watched(
            board,
            {c.switch: c.label for c in file.compartment if c.board == name},
            {c.label: c.beam_input for c in file.compartment if c.board == name and c.beam_input},
        )
        for name, board in hardware.boards.items()
    ]


def _status(file: CabinetFile, clock: Clock) -> dict[str, Any]:
    return {"software": SOFTWARE, "map_version": file.map_version(), "clock": clock.trust().value}
