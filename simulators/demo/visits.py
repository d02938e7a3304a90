"""What people do at one cabinet, with their hands and through its real reader, keypad and screen."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from simulators.control import Control
from simulators.demo.place import Standing
from simulators.demo.service import Order, Parcel, Service
from simulators.people import PUSHES

HANDS_S = 0.6
"""Nobody takes a parcel out, or the next one from the trolley, faster than this."""
SCAN_AGAIN_S = 3.5
"""A courier who sees no door open scans the label once more after this."""
PATIENCE_S = 12.0


class LostPatience(Exception):
    """A person waited for something that did not happen."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One door that somebody opened: asked for and sprung open at these moments of the monotonic clock."""

    door: str
    asked_at: float
    opened_at: float
    goods: tuple[str, ...] = ()
    """What was taken out."""

    @property
    def to_open_ms(self) -> float:
        return (self.opened_at - self.asked_at) * 1000


@dataclass(slots=True)
class Visitor:
    """Somebody in front of a cabinet. ``control`` are the hands, ``http`` the finger on the screen."""

    standing: Standing
    control: Control
    http: httpx.AsyncClient
    hands_s: float = HANDS_S
    claim: Callable[[str], AbstractContextManager[None]] = lambda door: contextlib.nullcontext()
    """Entered with a door for as long as this person is at it."""

    # --- loading

    async def show_badge(self, badge: str) -> None:
        """Begin or end loading."""
        await self.scan(badge)

    async def load(self, parcel: Parcel, patience_s: float = 30.0) -> Visit:
        """Take a parcel, scan its label, put it behind the door that opens; scan again when none does."""
        await asyncio.sleep(self.hands_s)
        end = time.monotonic() + patience_s
        already = await self.standing_open()
        while time.monotonic() < end:
            asked_at = time.monotonic()
            await self.scan(parcel.label)
            with contextlib.suppress(LostPatience):
                door = await self.sees(already, None, SCAN_AGAIN_S)
                with self.claim(door):
                    await self.put(door, parcel.id)
                return await self.visit(door, asked_at)
        raise LostPatience(f"no door of {self.standing.id} opened for parcel {parcel.id}")

    async def put(self, door: str, goods: str) -> None:
        """Lay it in and shut the door."""
        await asyncio.sleep(self.hands_s)
        await self.control.do("pull", compartment=door)
        await self.control.do("put", compartment=door, goods=goods)
        await self.shut(door)

    # --- collecting

    async def type_code(self, code: str) -> dict[str, Any]:
        """Digits on the keypad; what the screen says."""
        answer = await self.http.post(f"{self.standing.kiosk_url}code", json={"code": code})
        told: dict[str, Any] = answer.raise_for_status().json()
        return told

    async def collect_by_code(self, order: Order) -> Visit:
        already, asked_at = await self.standing_open(), time.monotonic()
        told = await self.type_code(order.code)
        if told["kind"] != "opening":
            raise LostPatience(f"the keypad of {self.standing.id} refused a good code: {told['refusal']}")
        return await self.take_out(order, already, asked_at)

    async def collect_by_qr(self, order: Order) -> Visit:
        """Hold the pickup QR in front of the reader."""
        already, asked_at = await self.standing_open(), time.monotonic()
        await self.scan(order.qr)
        return await self.take_out(order, already, asked_at)

    async def collect_by_phone(self, order: Order, service: Service) -> Visit:
        """Read the screen's QR with the phone, type its number, tap "open now"."""
        nonce, number = await self.read_screen()
        already, asked_at = await self.standing_open(), time.monotonic()
        asking = asyncio.create_task(service.open_by_phone(order, nonce, number))
        visit = await self.take_out(order, already, asked_at)
        row = await asking
        if row["state"] != "succeeded":
            raise LostPatience(f"the phone says {row['state']} though door {visit.door} opened")
        return visit

    async def read_screen(self) -> tuple[str, int]:
        """The nonce in the cabinet's own QR, and the number beside it."""
        shown = await self.screen()
        return parse_qs(urlsplit(shown["qr"]).query)["n"][0], int(shown["two_digits"])

    async def screen(self) -> dict[str, Any]:
        """What the cabinet's screen shows."""
        told: dict[str, Any] = (
            (await self.http.get(f"{self.standing.kiosk_url}state")).raise_for_status().json()
        )
        return told

    async def take_out(self, order: Order, already: Sequence[str], asked_at: float) -> Visit:
        """Empty the door that opens now, and shut it."""
        door = await self.sees(already, order.parcels[0].id)
        with self.claim(door):
            goods = await self.empty(door)
            await self.shut(door)
        return await self.visit(door, asked_at, goods)

    async def sees(self, already: Sequence[str], holding: str | None, patience_s: float = PATIENCE_S) -> str:
        """The door that opens now and holds this parcel, or nothing; doors of other people are left alone."""
        end, others = time.monotonic() + patience_s, list(already)
        while (left := end - time.monotonic()) > 0:
            door = await self.control.do("see", seconds=left, but=others)
            if door is None:
                break
            goods = [each["name"] for each in (await self.truth())["compartments"][door]["goods"]]
            if goods == ([] if holding is None else [holding]):
                return str(door)
            others.append(door)
        raise LostPatience(f"no door of {self.standing.id} opened within {patience_s:.0f} s")

    async def empty(self, door: str) -> list[str]:
        """Pull the door open and take everything out; what there was."""
        await asyncio.sleep(self.hands_s)
        await self.control.do("pull", compartment=door)
        inside = (await self.truth())["compartments"][door]["goods"]
        return [await self.control.do("take", compartment=door) for _ in inside]

    async def shut(self, door: str) -> None:
        """A door springs back while its lock is still under current: push again."""
        for _ in range(PUSHES):
            if await self.control.do("close", compartment=door):
                return
            await asyncio.sleep(0.2)
        raise LostPatience(f"door {door} of {self.standing.id} does not stay shut")

    # --- anything

    async def scan(self, text: str) -> None:
        """Hold a code in front of the cabinet's reader."""
        await self.control.do("scan", reader=self.standing.cabinet.reader[0].name, text=text)

    async def truth(self) -> dict[str, Any]:
        told: dict[str, Any] = await self.control.do("truth")
        return told

    async def standing_open(self) -> list[str]:
        """Doors that need not be waited for."""
        doors = (await self.truth())["compartments"]
        return [label for label, box in doors.items() if box["door"] != "closed"]

    async def visit(self, door: str, asked_at: float, goods: Sequence[str] = ()) -> Visit:
        """The record of it, with the moment at which the door really sprang open."""
        sprang = (await self.truth())["compartments"][door]["sprang_open"]
        return Visit(door, asked_at, next(at for at in sprang if at >= asked_at), tuple(goods))
