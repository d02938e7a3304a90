"""What everybody knows at the end: the cloud, each cabinet's own file, and the hardware itself.

The cabinet's file is opened read-only beside the running edge. The books are taken at a quiet moment: when
the cloud has everything and nothing was added while we looked.
"""

import asyncio
import json
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from simulators.demo.place import Place, Standing
from simulators.demo.service import Service, ServiceRefused

Row = dict[str, Any]


class NotDrained(Exception):
    """The cloud did not come to know everything in time."""


@dataclass(frozen=True, slots=True)
class EdgeBook:
    """The cabinet's own file: its boxes, every event it wrote, and how far the cloud has confirmed them."""

    boxes: dict[str, Row]
    lines: dict[tuple[str, int], bytes]
    """(epoch, seq) → the event as it was written."""
    seq: int
    through: int


@dataclass(frozen=True, slots=True)
class Books:
    """One cabinet, three times told."""

    cabinet: str
    edge: EdgeBook
    cloud_boxes: dict[str, Row]
    cloud_events: list[Row]
    truth: Row

    def events(self, *types: str) -> list[Row]:
        """The cabinet's events of these types, in its own order."""
        found = [json.loads(line) for _, line in sorted(self.edge.lines.items())]
        return [event for event in found if event["type"] in types]


def read_edge(folder: Path) -> EdgeBook:
    """What is committed in the cabinet's file right now."""
    with closing(sqlite3.connect(f"file:{folder / 'edge.db'}?mode=ro", uri=True, timeout=5)) as db:
        db.execute("begin")
        meta = dict(db.execute("select key, value from meta").fetchall())
        boxes = {label: json.loads(body) for label, body in db.execute("select label, body from boxes")}
        rows = db.execute("select epoch, seq, body from outbox").fetchall()
        lines = {(epoch, seq): bytes(body) for epoch, seq, body in rows}
    return EdgeBook(boxes, lines, int(meta.get("seq", 0)), int(meta.get("through", 0)))


async def take_books(place: Place, service: Service, seconds: float = 30.0) -> list[Books]:
    """The books of all cabinets, once everything has arrived; ``NotDrained`` tells what is missing."""
    end = time.monotonic() + seconds
    while True:
        before = {one.id: await asyncio.to_thread(read_edge, one.folder) for one in place.standing}
        missing = {name: book.seq - book.through for name, book in before.items() if book.seq != book.through}
        if not missing:
            try:
                books = await _look(place, service)
            except (httpx.TransportError, ServiceRefused):
                books = []  # the cloud is just being started again
            if books and all(book.edge.seq == before[book.cabinet].seq for book in books):
                return books
        if time.monotonic() > end:
            raise NotDrained(
                f"after {seconds:.0f} s the cloud still lacks events: {missing or 'more come in'}"
            )
        await asyncio.sleep(0.1)


async def _look(place: Place, service: Service) -> list[Books]:
    events = await service.events()
    return [await _book(one, service, events) for one in place.standing]


async def _book(one: Standing, service: Service, events: list[Row]) -> Books:
    told = await service.cabinet(one.id)
    async with one.control() as control:
        truth = await control.do("truth")
    return Books(
        cabinet=one.id,
        edge=await asyncio.to_thread(read_edge, one.folder),
        cloud_boxes={box["label"]: box for box in told["compartments"]},
        cloud_events=[event for event in events if event["cabinet"] == one.id],
        truth=truth,
    )
