"""One cabinet of the simulation: its hardware, the computer in it, and the program that runs there.

A program that is killed gets nothing more onto its disk, its wires or its network; what it still does while
it is being taken down reaches nobody.
"""

import asyncio
import contextlib
import gc
import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

from config.cabinet import Cabinet as CabinetFile
from config.cabinet import parse
from config.settings import EdgeSettings
from controller.app import Edge, build
from controller.clock import Computer
from controller.identity import Identity
from controller.kiosk import Kiosk
from firmware_bridge.assemble import assemble
from simulators.cabinet import Goods
from simulators.scenario.file import ColdZone
from simulators.scenario.network import MemoryConnection, Network, Weather
from simulators.scenario.pipe import Cable, HostEnd
from simulators.serve import Served

PULSE_MS = 300
CLIMATE_BUS = "climate"
BURIED_TOGETHER = 4
"""Killed programs that are cleared away at once: looking through all memory takes longer than a start."""


class DarkScreen(Kiosk):
    """No page is served: people touch what is behind the glass."""

    def __init__(self, *parts: Any) -> None:
        self.phone = ""

    async def start(self) -> str:
        return ""

    async def stop(self) -> None:
        pass


class Place:
    """A cabinet that can be switched off, killed, cut off and set to a wrong time."""

    def __init__(
        self,
        file: CabinetFile,
        folder: Path,
        identity: Identity,
        network: Network,
        now_ms: Callable[[], int],
        chance: random.Random,
        settings: dict[str, Any],
        ended: Callable[[str, str], None],
    ) -> None:
        self.file = file
        self.id = file.id
        self.cables: dict[str, Cable] = {}
        loop = asyncio.get_running_loop()
        self._time = loop.time
        self.served = Served(
            file, folder, seed=chance.randrange(2**32), clock=loop.time, end=self._cable, whole_answers=True
        )
        self.weather = network.weather.setdefault(file.id, Weather())
        self.wrong_by_s = 0.0
        """How far this computer's wall clock is off."""
        self.edge: Edge | None = None
        self.is_serving = False
        self.starts = 0
        self.settings = EdgeSettings(folder=folder, kiosk_port=0, **settings)
        self._identity, self._network, self._now_ms, self._chance = identity, network, now_ms, chance
        self._ended = ended
        self.boot_at, self._boot = loop.time(), self._new_boot()
        self._dead = 0
        self._plugged: list[HostEnd] = []
        self._connections: list[MemoryConnection] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def now(self) -> float:
        return self._time()

    async def plug_in(self) -> None:
        """All wires in; the boards have power."""
        await self.served.plug_in()

    async def start(self) -> None:
        """The program starts; it serves when ``is_serving``."""
        assert self._task is None
        self.starts += 1
        context_of_this_program = structlog.contextvars.bound_contextvars(cabinet=self.id)
        with context_of_this_program:
            ports = {name: cable.address for name, cable in self.cables.items()}
            hardware = assemble(self.file, ports, plug=self._plug)
            edge = await build(
                self.file, self.settings, self._identity, hardware,
                computer=self._computer(), connect=self._connect, screen_of=DarkScreen,
            )  # fmt: skip
            self.edge = edge
            self._task = asyncio.create_task(self._run(edge), name=f"edge {self.id}")

    async def kill(self) -> None:
        """The program dies this instant."""
        task, edge = self._task, self.edge
        if task is None or edge is None:
            return
        self._task, self.edge, self.is_serving = None, None, False
        with contextlib.suppress(sqlite3.Error, AttributeError):
            edge.store._disk.db.close()  # what is not committed yet never will be
        for end in self._plugged:
            end.hang_up()
        for connection in self._connections:
            connection.close()
        self._plugged.clear()
        self._connections.clear()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._dead += 1
        if self._dead % BURIED_TOGETHER == 0:
            # A program keeps what it starts with from the collector; it has ended, this process has not.
            gc.unfreeze()
            gc.collect()

    async def stop(self) -> None:
        """The tidy end."""
        task, self._task, self.is_serving = self._task, None, False
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.edge = None

    async def lose_power(self) -> None:
        """Computer and boards go dark: coils drop, the program dies, the next boot is another one."""
        for bus in self.served.buses.values():
            for board in bus.boards:
                board.power_off()
        await self.served.mains(False)
        for wire in self.served.wires.values():
            wire.cut()
        await self.kill()

    async def power_returns(self, *, clock_lost: bool) -> None:
        """Boards and computer come up again; without a clock battery in 1970."""
        self.boot_at, self._boot = self.now, self._new_boot()
        if clock_lost:
            self.wrong_by_s = -self._now_ms() / 1000
        await self.served.mains(True)
        await self.served.plug_in()
        await self.start()

    def goods(self, label: str) -> list[Goods]:
        """What truly lies behind a door."""
        return list(self.served.cabinet.compartment(label).goods)

    # --- what this computer has

    def _computer(self) -> Computer:
        boot_at, boot = self.boot_at, self._boot
        return Computer(
            monotonic=self._time,
            boot_seconds=lambda: self._time() - boot_at,
            wall=lambda: max(0.0, self._now_ms() / 1000 + self.wrong_by_s),
            boot_identity=lambda: boot,
        )

    def _new_boot(self) -> str:
        return self._chance.randbytes(16).hex()

    def _cable(self, name: str) -> Cable:
        return self.cables.setdefault(name, Cable(f"{self.file.id}/{name}"))

    async def _plug(self, address: str) -> HostEnd:
        end = self.cables[address.rpartition("/")[2]].plug()
        self._plugged = [each for each in self._plugged if not each.is_closed] + [end]
        return end

    def _connect(self, *about: Any) -> MemoryConnection:
        made = self._network.connect(*about)
        self._connections = [each for each in self._connections if each.is_open] + [made]
        return made

    async def _run(self, edge: Edge) -> None:
        def ready(_told: dict[str, Any]) -> None:
            self.is_serving = self.edge is edge

        try:
            await edge.run(ready)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if self.edge is edge:
                self._ended(self.id, f"the controller ended by itself: {error!r}")
            raise


def cabinet_file(
    number: int, compartments: int, cold: Sequence[ColdZone] = (), *, beams: bool = False
) -> CabinetFile:
    """A small locker; every second one, and all with beams, have relay cards in place of an 8A/80 board.

    The first compartments lie in the cold zones, whose probes share a bus of their own.
    """
    modbus = beams or number % 2 == 0
    about = {
        "id": f"cabinet-{number:02d}", "number": str(number), "name_zh": "测试柜", "name_en": "Test",
        "phone": "400",
    }  # fmt: skip
    channels = 8 * -(-compartments // 8)
    board = {
        "name": "locks", "kind": "lock_modbus" if modbus else "lock_8a80", "bus": "bus", "address": 1,
        "channels": channels if modbus else 24, "pulse_ms": PULSE_MS,
        "inputs": 2 * channels if beams else None,
    }  # fmt: skip
    bus = {"name": "bus", "kind": "modbus" if modbus else "serial", "port": "bus", "baud": 115200}
    climate = {"name": CLIMATE_BUS, "kind": "modbus", "port": CLIMATE_BUS}
    zones = [zone.name for zone in cold for _ in range(zone.compartments)]
    zones += ["ambient"] * (compartments - len(zones))
    return parse(
        {
            "cabinet": about,
            "bus": [bus, climate] if cold else [bus],
            "board": [board],
            "reader": [{"name": "qr", "port": "qr"}],
            "thermometer": [
                {"name": f"in-{zone.name}", "bus": CLIMATE_BUS, "address": at}
                for at, zone in enumerate(cold, 1)
            ],
            "zone": [{"name": "ambient", "class": "ambient"}, *(_cold_zone(zone) for zone in cold)],
            "compartment": [
                {
                    "label": f"{n:02d}", "size": "SSMMLL"[(n - 1) % 6], "board": "locks", "channel": n,
                    "row": n, "zone": zone, "beam_input": channels + n if beams else None,
                }
                for n, zone in enumerate(zones, 1)
            ],
        },
        f"cabinet {number}",
    )  # fmt: skip


def _cold_zone(zone: ColdZone) -> dict[str, Any]:
    return {
        "name": zone.name, "class": zone.class_, "limit_celsius": zone.limit_celsius,
        "thermometer": f"in-{zone.name}",
    }  # fmt: skip
