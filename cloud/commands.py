"""The command ledger: what was asked of a cabinet from afar, and what became of it.

States: created, sent, succeeded, failed, rejected, unknown, and timed_out (30 s after the deadline). An
outcome that arrives later stands beside 'timed_out' and does not replace it.
"""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any, Literal

import structlog

from cloud.downlink import Downlink
from cloud.keys import SigningKeys
from cloud.live import Change, Live
from cloud.metrics import Metrics
from cloud.moment import now_ms
from cloud.presence import OnlineCabinets
from cloud.problems import Refused, cabinet_offline, no_broker, unknown_cabinet
from cloud.store import Store, cabinets
from cloud.store import commands as ledger
from config.contract.messages import OpenAll, OpenDoor, Presence, Session, SignedOrder
from config.contract.officers import BadOrder, OpenAllOrder, read_order, two_signers
from config.contract.signing import sign
from config.contract.topics import Leaf, topic

SWEEP_S = 1.0
ALL_DOORS = "*"
"""Stands for the compartment in the ledger."""
FINAL = frozenset({"succeeded", "failed", "rejected", "unknown", "timed_out"})

log = structlog.get_logger("commands")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Opening:
    """A door somebody asks for. ``occupancy`` is what has to lie behind it; None: nothing."""

    cabinet: str
    compartment: str
    occupancy: str | None
    purpose: Literal["collect", "service"]
    asked_by: str
    reason: str = ""
    presence: Presence | None = None
    again: bool = False
    """Once more, where it was collected a moment ago."""


class Commands:
    """Signs, sends and follows commands."""

    def __init__(
        self,
        store: Store,
        downlink: Downlink,
        keys: SigningKeys,
        online: OnlineCabinets,
        live: Live,
        metrics: Metrics,
        *,
        deadline_s: float,
        final_s: float,
    ) -> None:
        self._store = store
        self._downlink = downlink
        self._keys = keys
        self._online = online
        self._live = live
        self._metrics = metrics
        self._deadline_ms = int(deadline_s * 1000)
        self._final_ms = int(final_s * 1000)

    async def open_for_service(self, cabinet: str, label: str, asked_by: str, reason: str) -> Row:
        """Open a door for an operator; nobody is known to stand there, so the cabinet's budget counts it."""
        async with self._store.reading() as db:
            row = await cabinets.cabinet(db, cabinet)
            boxes = await cabinets.compartments_of(db, cabinet)
        if row is None:
            raise unknown_cabinet(cabinet)
        if label not in {box["label"] for box in row["map"]["compartments"]}:
            raise Refused(
                404,
                "unknown_compartment",
                f"cabinet {cabinet} has no compartment {label!r}",
                compartment=label,
            )
        occupancy = boxes[label]["occupancy"] if label in boxes else None
        return await self.open(Opening(cabinet, label, occupancy, "service", asked_by, reason))

    async def open(self, opening: Opening) -> Row:
        """Write the command down, sign and send it; the ledger row. ``Refused`` when nobody can hear it."""
        session = self._session(opening.cabinet)
        now = now_ms()
        command = OpenDoor(
            id=secrets.token_hex(8),
            cabinet=opening.cabinet,
            session=session,
            deadline_ms=now + self._deadline_ms,
            compartment=opening.compartment,
            occupancy=opening.occupancy,
            purpose=opening.purpose,
            presence=opening.presence,
            again=opening.again,
            reason=opening.reason,
        )
        return await self._send(command, _ledger_row(command, opening, now))

    async def open_all(self, cabinet: str, signed: SignedOrder, key_name: str) -> Row:
        """Carry an order of two officers to its cabinet; the ledger row.

        ``Refused`` for what can be seen here; whether they are its officers says only the cabinet's own file.
        """
        async with self._store.reading() as db:
            if await cabinets.cabinet(db, cabinet) is None:
                raise unknown_cabinet(cabinet)
        order = _order_for(cabinet, signed, now_ms())
        session = self._session(cabinet)
        now = now_ms()
        command = OpenAll(
            id=secrets.token_hex(8), cabinet=cabinet, session=session,
            deadline_ms=min(now + self._deadline_ms, order.good_until_ms), signed=signed,
        )  # fmt: skip
        return await self._send(command, _order_row(command, order, key_name, now))

    def _session(self, cabinet: str) -> Session:
        """In which this cabinet hears us now; ``Refused`` when it does not."""
        session = self._online.session(cabinet)
        if session is None:
            raise cabinet_offline(cabinet)
        if not self._downlink.is_up:
            raise no_broker()
        return session

    async def _send(self, command: OpenDoor | OpenAll, row: Row) -> Row:
        async with self._store.writing() as db:
            await ledger.add_command(db, row)
        message = sign(self._keys.signer("commands"), "commands", command.cabinet, command.body())
        sent = self._downlink.say(topic(command.cabinet, Leaf.COMMANDS), message)
        if sent:
            await self._advance(command.id, "sent", sent_ms=now_ms())
        else:
            await self._advance(command.id, "failed", why="no_broker", ended_ms=now_ms())
        return await self.row(command.id)

    async def row(self, command: str) -> Row:
        async with self._store.reading() as db:
            row = await ledger.command(db, command)
        if row is None:
            raise Refused(404, "unknown_command", f"there is no command {command!r}")
        return row

    async def ended(self, command: str, timeout_s: float) -> Row:
        """The ledger row once it is final, or as it is after the time-out."""
        until = asyncio.get_running_loop().time() + timeout_s
        row = await self.row(command)
        with self._live.watching(cabinet=row["cabinet"]) as watch:
            while (row := await self.row(command))["state"] not in FINAL:
                left = until - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                await watch.next(left)
        return row

    async def run(self) -> None:
        """For ever: call commands timed out whose time has come."""
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.sweep()
            except Exception:
                log.exception("the ledger could not be swept")

    async def sweep(self) -> None:
        async with self._store.reading() as db:
            overdue = await ledger.under_way_since(db, now_ms() - self._final_ms)
        for command in overdue:
            await self._advance(command, "timed_out", why="nothing was heard", ended_ms=now_ms())

    async def _advance(self, command: str, state: str, **columns: Any) -> None:
        async with self._store.writing() as db:
            moved = await ledger.advance(db, command, state, **columns)
        if moved:
            self._metrics.commands.labels(state).inc()
            row = await self.row(command)
            self._live.publish([Change("command", row["cabinet"], command, row)])


def _order_for(cabinet: str, signed: SignedOrder, now: int) -> OpenAllOrder:
    """What two people have signed for this cabinet and this moment."""
    try:
        order = read_order(signed)
        two_signers(signed, order.cabinet)
        order.check_time(now)
    except BadOrder as error:
        raise Refused(422, error.code, str(error)) from error
    if order.cabinet != cabinet:
        raise Refused(422, "other_cabinet", f"order {order.id} is for cabinet {order.cabinet}, not {cabinet}")
    return order


def _ledger_row(command: OpenDoor, opening: Opening, now: int) -> Row:
    return {
        **_sent(command, now),
        "compartment": command.compartment,
        "occupancy": command.occupancy,
        "purpose": command.purpose,
        "asked_by": opening.asked_by[:80],
        "reason": command.reason,
    }


def _order_row(command: OpenAll, order: OpenAllOrder, key_name: str, now: int) -> Row:
    return {
        **_sent(command, now),
        "compartment": ALL_DOORS,
        "purpose": command.kind,
        "asked_by": f"order {order.id}, key {key_name}"[:80],
        "reason": order.reason,
    }


def _sent(command: OpenDoor | OpenAll, now: int) -> Row:
    return {
        "id": command.id,
        "cabinet": command.cabinet,
        "epoch": command.session.epoch,
        "n": command.session.n,
        "state": "created",
        "created_ms": now,
        "deadline_ms": command.deadline_ms,
    }
