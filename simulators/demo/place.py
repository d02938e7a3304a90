"""The programs of one place: a cloud with its broker, and for each cabinet its hardware and its edge."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.cabinet import Cabinet
from config.neighbourhood import Neighbourhood
from simulators.control import Control
from simulators.demo.supervisor import ROOT, Child, Program, Supervisor, Told, children_of
from simulators.network import Network

BrokerKind = Literal["nats", "mosquitto"]
API_SCOPES = ("read", "orders", "courier", "operator")


class CannotStart(Exception):
    """One of our own commands refused; its words say why."""


@dataclass(slots=True)
class Standing:
    """One cabinet that stands there: its file, its simulated hardware, its edge."""

    file: Path
    cabinet: Cabinet
    folder: Path
    hardware: Child
    edge: Child

    @property
    def id(self) -> str:
        return self.cabinet.id

    @property
    def kiosk_url(self) -> str:
        return str(self.edge.told["kiosk_url"])

    def control(self) -> Control:
        """Hands at this cabinet; to be entered with ``async with``."""
        return Control(str(self.hardware.told["control"]))


COOL = {"pulses_a_minute": "60"}
"""An evening takes seconds here, and simulated coils do not get warm."""


class Place:
    """A neighbourhood in ``folder``; ``start`` brings everything up, ``stop`` takes it down in order."""

    def __init__(
        self,
        folder: Path,
        neighbourhood: Neighbourhood,
        say: Callable[[str], None],
        *,
        broker: BrokerKind = "nats",
        edge_settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.neighbourhood = neighbourhood
        self.broker = broker
        self.network = Network()
        self.supervisor = Supervisor(self.folder / "logs", say)
        self.standing: list[Standing] = []
        self.api_key = ""
        self.cloud: Child
        self._say = say
        settings = {**COOL, **(edge_settings or {})}
        self._edge_environment = {f"TUANGUI_EDGE_{name.upper()}": value for name, value in settings.items()}
        self._network_port = 0

    async def start(self) -> None:
        """``NotReady`` or ``CannotStart`` say what did not come up."""
        self._network_port = await self.network.start()
        hardware = asyncio.create_task(self._start_hardware())
        try:
            await self._start_cloud()
        finally:
            boards = await hardware
        await asyncio.gather(*(self._start_edge(*pair) for pair in boards))
        self.standing.sort(key=lambda one: one.id)

    async def stop(self) -> None:
        await self.supervisor.stop()
        await self.network.stop()

    def at(self, cabinet: str) -> Standing:
        return next(one for one in self.standing if one.id == cabinet)

    def kill_broker(self) -> bool:
        """End the broker as a power cut would; the cloud, whose child it is, starts it again."""
        running = [] if self.cloud.pid is None else children_of(self.cloud.pid)
        for pid in running:
            os.kill(pid, signal.SIGKILL)
        return bool(running)

    @property
    def cloud_url(self) -> str:
        return str(self.cloud.told["url"])

    async def _start_cloud(self) -> None:
        self._say(f"starting the cloud and its broker ({self.broker})")
        environment = {"TUANGUI_CLOUD_BROKER_PUBLIC_URL": f"mqtt://127.0.0.1:{self._network_port}"}
        self.cloud = await self.supervisor.start(Program("cloud", self._cloud_arguments, environment))
        self.network.target = ("127.0.0.1", int(self.cloud.told["broker_port"]))
        scopes = [word for scope in API_SCOPES for word in ("--scope", scope)]
        self.api_key = await self._ask_cloud("key", "create", "demo", *scopes)

    def _cloud_arguments(self, told: Told) -> list[str]:
        port = str(told["url"]).rpartition(":")[2].strip("/") if told else "0"
        return [
            "-m", "cloud", "serve", "--folder", str(self.folder / "cloud"), "--port", port,
            "--broker", self.broker, "--json", "--with-parent",
        ]  # fmt: skip

    async def _start_hardware(self) -> list[tuple[Path, Cabinet, Child]]:
        cabinets = self.neighbourhood.cabinets
        return [(file, cabinet, await self._start_boards(file, cabinet)) for file, cabinet in cabinets]

    async def _start_boards(self, file: Path, cabinet: Cabinet) -> Child:
        self._say(f"starting the simulated hardware of {cabinet.cabinet.number} ({cabinet.id})")
        links = self.folder / "wires" / cabinet.id
        command = ["-m", "simulators", "sim", "cabinet", str(file.absolute()), "--links", str(links)]
        program = Program(f"hardware-{cabinet.id}", lambda told: [*command, "--with-parent"])
        return await self.supervisor.start(program)

    async def _start_edge(self, file: Path, cabinet: Cabinet, hardware: Child) -> None:
        token = await self._ask_cloud("enrol", str(file.absolute()))
        self._say(f"starting the edge of {cabinet.cabinet.number} ({cabinet.id})")
        folder = self.folder / cabinet.id

        def arguments(told: Told) -> list[str]:
            kiosk_port = str(told["kiosk_url"]).rpartition(":")[2].strip("/") if told else "0"
            ports = [word for pair in hardware.told["ports"].items() for word in ("--port", "=".join(pair))]
            return [
                "-m", "controller", "run", str(file.absolute()), "--token", token, "--cloud", self.cloud_url,
                "--folder", str(folder), *ports, "--kiosk-port", kiosk_port, "--json", "--with-parent",
            ]  # fmt: skip

        edge = await self.supervisor.start(Program(f"edge-{cabinet.id}", arguments, self._edge_environment))
        self.standing.append(Standing(file, cabinet, folder, hardware, edge))

    async def _ask_cloud(self, *words: str) -> str:
        """One command of the cloud in its data folder; the last word that it printed."""
        command = [sys.executable, "-m", "cloud", *words, "--folder", str(self.folder / "cloud")]
        asked = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, complaint = await asked.communicate()
        if asked.returncode != 0:
            raise CannotStart(f"cloud {words[0]}: {complaint.decode(errors='replace').strip()}")
        return said.decode().split()[-1]
