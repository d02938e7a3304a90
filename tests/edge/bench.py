"""A real edge on a real wire: the product's parts, a served cabinet on ptys, and the keys of a cloud."""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.cabinet import Cabinet as CabinetFile
from config.cabinet import parse
from config.contract import codes, labels
from config.contract.events import Event
from config.contract.messages import (
    BadgePin,
    Desired,
    DocumentName,
    ExpectedParcel,
    Grants,
    KeyInForce,
    Keys,
    OpenDoor,
    Parcels,
    Session,
)
from config.contract.signing import CabinetKeys, SigningKey, seal, sign
from config.problems import Problem
from config.settings import EdgeSettings
from controller.app import Edge, build
from controller.clock import Computer
from controller.identity import Identity
from controller.store import StoreFailing
from firmware_bridge.assemble import assemble
from simulators.serve import Served

CABINET = "test-cabinet-1"
FAR = 4_000_000_000_000
PHONE = "138 0013 8000"
LOG2_N = 10
"""The cheapest digest the contract allows: these tests are not about guessing."""


def cabinet_file(
    compartments: int = 6, baud: int = 115200, *, boards: int = 1, pulse_ms: int = 100
) -> CabinetFile:
    """One bus; the compartments are spread over its boards, the first of which is called locks."""
    each = -(-compartments // boards)
    names = ["locks", *(f"locks-{n}" for n in range(2, boards + 1))]
    hung = [
        {
            "name": name,
            "kind": "lock_8a80",
            "bus": "rs485",
            "address": n,
            "channels": 24,
            "pulse_ms": pulse_ms,
        }
        for n, name in enumerate(names, start=1)
    ]
    boxes = [
        {
            "label": f"{n + 1:02d}", "size": "SSMMLL"[n % 6], "board": names[n // each], "row": n % 30 + 1,
            "channel": n % each + 1,
        }
        for n in range(compartments)
    ]  # fmt: skip
    about = {"id": CABINET, "number": "T1", "name_zh": "测试柜", "name_en": "Test", "phone": "400-1"}
    return parse(
        {
            "cabinet": about,
            "bus": [{"name": "rs485", "port": "/dev/none", "baud": baud}],
            "board": hung,
            "reader": [{"name": "qr", "port": "/dev/none"}],
            "zone": [{"name": "ambient", "class": "ambient"}],
            "compartment": boxes,
        }
    )


def as_toml(file: CabinetFile) -> str:
    """The file as the edge reads it."""
    lines = []
    for name, parts in file.model_dump(mode="json", by_alias=True, exclude_none=True).items():
        for part in parts if isinstance(parts, list) else [parts]:
            lines.append(f"[[{name}]]" if isinstance(parts, list) else f"[{name}]")
            lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in part.items()]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Order:
    order: str
    code: str
    parcel: str


@dataclass
class CloudKeys:
    """What a cloud has: keys, and the documents it wants."""

    root: SigningKey = field(default_factory=lambda: SigningKey.generate("root"))
    desired: SigningKey = field(default_factory=lambda: SigningKey.generate("1"))
    commands: SigningKey = field(default_factory=lambda: SigningKey.generate("2"))
    token: SigningKey = field(default_factory=lambda: SigningKey.generate("3"))
    cabinet_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    parcels: list[ExpectedParcel] = field(default_factory=list)
    versions: dict[DocumentName, int] = field(default_factory=dict)

    @property
    def cabinet(self) -> CabinetKeys:
        return CabinetKeys.derive(CABINET, self.cabinet_key)

    def identity(self, broker_url: str = "mqtt://127.0.0.1:1") -> Identity:
        root, key = base64.b64encode(self.root.public).decode(), base64.b64encode(self.cabinet_key).decode()
        return Identity(CABINET, "http://cloud.invalid", broker_url, CABINET, "secret", root, key)

    def keys(self) -> Keys:
        purposes = ((self.desired, "desired"), (self.commands, "commands"), (self.token, "token"))
        return Keys(keys=tuple(_in_force(key, purpose) for key, purpose in purposes))

    def document(self, name: DocumentName, content: Any, epoch: str, version: int | None = None) -> bytes:
        """Signed, sealed, ready for the wire; versions count up by themselves."""
        self.versions[name] = version or self.versions.get(name, 0) + 1
        body = Desired(
            cabinet=CABINET, name=name, version=self.versions[name], epoch=epoch,
            content=content.model_dump(mode="json"),
        ).body()  # fmt: skip
        root = name is DocumentName.KEYS
        signed = sign(self.root if root else self.desired, "keys" if root else "desired", CABINET, body)
        return seal(self.cabinet, "desired", signed)

    def parcels_document(self) -> Parcels:
        return Parcels(salt=self.salt.hex(), scrypt_log2_n=LOG2_N, parcels=tuple(self.parcels))

    def expect(
        self, *, size: Any = "S", order: str | None = None, code: str | None = None, **more: Any
    ) -> Order:
        """One more parcel; a new order unless one is given."""
        order, code = order or secrets.token_hex(8), code or codes.new_pickup_code()
        parcel = ExpectedParcel(
            parcel=secrets.token_hex(8), order=order, size=size,
            digest=self._digest(code), strong_digest=self._digest(code + codes.phone_tail(PHONE)),
            **{"zone": "ambient", "expires_ms": FAR, **more},
        )  # fmt: skip
        self.parcels.append(parcel)
        return Order(order, code, parcel.parcel)

    def _digest(self, digits: str) -> str:
        return codes.code_digest(digits, self.salt, LOG2_N).hex()

    def label(self, *, size: Any = "S", order: str | None = None, **more: Any) -> labels.ParcelLabel:
        """Of a parcel that no document tells of."""
        told = {
            "purpose": labels.LabelPurpose.DELIVERY, "kid": 3, "cabinet": codes.cabinet_hash(CABINET),
            "parcel": secrets.token_hex(8), "zone": "ambient",
            "iat": int(time.time()), "exp": FAR // 1000, **more,
        }  # fmt: skip
        return labels.ParcelLabel(order=order or secrets.token_hex(8), size=size, **told)

    def pickup_qr(
        self, order: str, *, cabinet: str = CABINET, exp: int = FAR // 1000,
        generation: int = 0, right: int = 0,
    ) -> str:  # fmt: skip
        where, now = codes.cabinet_hash(cabinet), int(time.time())
        return codes.Token(codes.Purpose.PICKUP, 3, generation, where, order, right, now, exp).signed(
            self.token
        )

    def reissued(self, order: Order) -> Order:
        """A new code for the order; the cabinet knows of it with the next document."""
        code = codes.new_pickup_code()
        tail = codes.phone_tail(PHONE)
        self.parcels = [
            parcel.model_copy(
                update={
                    "digest": self._digest(code), "strong_digest": self._digest(code + tail),
                    "generation": parcel.generation + 1,
                }
            ) if parcel.order == order.order else parcel
            for parcel in self.parcels
        ]  # fmt: skip
        return Order(order.order, code, order.parcel)

    def badge(
        self, badge: str = "00000000000000aa", exp: int = FAR // 1000, *, iat: int = 1_700_000_000,
        right: codes.BadgeRight = codes.BadgeRight.LOAD,
    ) -> str:  # fmt: skip
        where = codes.cabinet_hash(CABINET)
        return codes.Token(codes.Purpose.BADGE, 3, 0, where, badge, right, iat, exp).signed(self.token)

    def grants(self, *revoked: str, **pins: str) -> Grants:
        """``pins`` by the id of their badge."""
        known = tuple(BadgePin(badge=badge, digest=self._pin(badge, pin)) for badge, pin in pins.items())
        return Grants(revoked_badges=revoked, salt=self.salt.hex(), scrypt_log2_n=LOG2_N, pins=known)

    def _pin(self, badge: str, pin: str) -> str:
        return codes.pin_digest(badge, pin, self.salt, LOG2_N).hex()

    def open_door(self, session: Session, label: str, occupancy: str | None, **more: Any) -> bytes:
        given = {
            "id": secrets.token_hex(8),
            "cabinet": CABINET,
            "purpose": "collect",
            "deadline_ms": FAR,
            **more,
        }
        command = OpenDoor(session=session, compartment=label, occupancy=occupancy, **given)
        return sign(self.commands, "commands", CABINET, command.body())


def _in_force(key: SigningKey, purpose: Any) -> KeyInForce:
    public = base64.b64encode(key.public).decode()
    return KeyInForce(kid=key.kid, purpose=purpose, public=public, not_before_ms=0, not_after_ms=FAR)


def asked_about(edge: Any, door: str) -> str:
    """What the screen says now that its buttons at this door are about."""
    question = edge.entrance.loading._wrong_door.asked()
    if question is not None and question.door == door:
        return str(question.about)
    box = edge.cabinet.boxes.get(door)
    return "" if box is None else box.occupancy or ""


class Bench:
    """An edge in this process on the wires of a served cabinet."""

    def __init__(self, folder: Path, file: CabinetFile, **settings: Any) -> None:
        self.folder = folder
        self.file = file
        self.cloud = CloudKeys()
        # Simulated coils do not get warm; what keeps real ones cool is tested with row H3.
        quick = {"poll_s": 0.02, "release_wait_s": 0.5, "pulses_a_minute": 60, **settings}
        self.settings = EdgeSettings(folder=folder / "edge", kiosk_port=0, **quick)
        self.served = Served(file, folder / "links", turn_round_seconds=0.0)
        for reader in self.served.readers.values():
            reader.wire.merged = True  # a busy computer that sends a code in two halves is no reader of ours
        self.broker_url = "mqtt://127.0.0.1:1"
        self.computer: Computer | None = None
        self.refused: tuple[Problem, ...] = ()
        self.edge: Edge
        self.kiosk_url = ""
        self._task: asyncio.Task[None] | None = None
        self._ports: dict[str, str] = {}

    async def plug_in(self) -> None:
        (self.folder / "links").mkdir(exist_ok=True)
        self._ports = await self.served.plug_in()

    async def start(self) -> None:
        """A new edge process, as far as the edge can tell."""
        hardware = assemble(self.file, self._ports)
        identity = self.cloud.identity(self.broker_url)
        self.edge = await build(
            self.file, self.settings, identity, hardware, refused=self.refused, computer=self.computer
        )
        ready = asyncio.Event()

        def started(told: dict[str, Any]) -> None:
            self.kiosk_url = told["kiosk_url"]
            ready.set()

        self._task = asyncio.create_task(self.edge.run(started))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """The tidy end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def is_killed(self) -> None:
        """The process is gone: what it would have written at a tidy end is not."""
        store = self.edge.store

        async def commit(change: Any, stamp: Any) -> None:
            raise StoreFailing(store.path, OSError("the process is dead"))

        store.commit = commit  # type: ignore[method-assign]
        await self.stop()

    def dies_after(self, commits: int, *, carried_out: bool) -> asyncio.Event:
        """The process dies with its n-th commit from now: durable, but nothing after it is written or done.

        ``carried_out``: the pulse that follows that commit still goes out.
        """
        store, dead, left = self.edge.store, asyncio.Event(), commits
        really = store.commit

        async def commit(change: Any, stamp: Any) -> None:
            nonlocal left
            if dead.is_set():
                raise StoreFailing(store.path, OSError("the process is dead"))
            await really(change, stamp)
            left -= 1
            if left == 0:
                dead.set()
                if not carried_out:
                    raise StoreFailing(store.path, OSError("the process is dead"))

        store.commit = commit  # type: ignore[method-assign]
        return dead

    async def hand_over(self) -> None:
        """All documents, as a cloud would send them."""
        epoch = self.edge.store.epoch
        take = self.edge.documents.take
        await take(self.cloud.document(DocumentName.KEYS, self.cloud.keys(), epoch))
        await take(self.cloud.document(DocumentName.GRANTS, Grants(), epoch))
        await take(self.cloud.document(DocumentName.PARCELS, self.cloud.parcels_document(), epoch))

    async def courier(self, **more: Any) -> None:
        """A courier scans a badge."""
        assert (await self.edge.entrance.scanned(self.cloud.badge(**more))).kind == "courier"

    async def scan(self, order: Order) -> Any:
        """The parcel's plain label in front of the reader."""
        return await self.edge.entrance.scanned(codes.parcel_label(order.parcel))

    async def say(self, word: str, door: str | None, about: str | None = None) -> Any:
        """A button on the screen; ``about``: on an older page, that was drawn for something else."""
        on_screen = asked_about(self.edge, door or "") if about is None else about
        return await self.edge.entrance.said(word, door or "", on_screen)

    async def opens(self, label: str | None) -> str:
        """The door is open, and the edge has seen it."""
        assert label is not None
        assert await self.served.wait(label, "open")
        await self.until(lambda: self.box(label).door.is_open)
        return label

    def boxes_with(self, order: Order) -> list[str]:
        """Every compartment that claims this parcel."""
        return [label for label, box in self.edge.cabinet.boxes.items() if box.parcel == order.parcel]

    async def loaded(self, size: str = "S", **more: Any) -> Order:
        """An order whose parcel a courier has brought."""
        order = self.cloud.expect(size=size, **more)
        await self.hand_over()
        await self.load(order)
        return order

    async def load(self, order: Order) -> str:
        """Badge, label, open door, parcel in, door shut; the door's label."""
        entrance = self.edge.entrance
        if entrance.loading.courier is None:
            assert (await entrance.scanned(self.cloud.badge())).kind == "courier"
        answer = await entrance.scanned(codes.parcel_label(order.parcel))
        assert answer.door is not None, answer
        assert await self.served.wait(answer.door, "open")
        await self.served.put(answer.door, order.parcel)
        await self.shut(answer.door)
        label = answer.door
        await self.until(lambda: self.box(label).state == "occupied")
        return label

    async def shut(self, label: str) -> None:
        """Push until the door stays shut; no hand is quicker than the switch."""
        await self.until(lambda: self.box(label).door.is_open)
        for _ in range(50):
            if await self.served.close(label):
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"door {label} does not latch")

    async def closed(self, label: str) -> None:
        """Shut, wherever it stood, and the edge knows."""
        for _ in range(50):
            if await self.served.close(label):
                break
            await asyncio.sleep(0.02)
        await self.until(lambda: self.box(label).door.is_closed)

    async def collect(self, label: str | None) -> None:
        """The resident's hands, once the door has sprung open."""
        assert label is not None
        assert await self.served.wait(label, "open")
        for goods in list(self.served.cabinet.compartment(label).goods):
            await self.served.take(label, goods.name)
        await self.shut(label)

    def door_of(self, order: Order) -> str:
        return next(label for label, box in self.edge.cabinet.boxes.items() if box.order == order.order)

    def box(self, label: str | None) -> Any:
        assert label is not None
        return self.edge.cabinet.boxes[label]

    async def becomes(self, label: str | None, state: str) -> None:
        await self.until(lambda: self.box(label).state == state)

    async def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError("it did not come true in time")
            await asyncio.sleep(0.005)

    async def events(self) -> list[Event]:
        """All that was recorded, in order."""
        rows = await self.edge.store.events_after(0, 100_000, 1 << 30)
        return [] if rows is None else [Event.read(line) for line in rows.lines]

    async def event_types(self) -> list[str]:
        return [event.type for event in await self.events()]

    def knows_time(self, cloud_ms: int | None = None) -> None:
        """The cloud's clock, by default the wall clock. No broker is here whose loss would make it forget."""
        clock: Any = self.edge.clock
        clock.synced(clock.boot_seconds(), int(time.time() * 1000) if cloud_ms is None else cloud_ms)
        clock.forget_sync = lambda: None

    def openings_on_the_wire(self, bus: str = "rs485") -> int:
        """Frames with which the host asked an 8A/80 board to open."""
        return sum(1 for _, frame in self.served.buses[bus].requests if frame[:1] == b"\x8a")

    def pulses_at(self, label: str) -> int:
        """How often this lock was put under current."""
        return len(self.served.cabinet.compartment(label).energised)
