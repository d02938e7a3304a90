"""Every door at once: an order of two officers, checked against the cabinet file and carried out once.

It counts in no budget and works in safe mode, during visits and without any document but the keys: people may
be behind the doors. The pulses are queued as any others, so a supply feeds one coil at a time.
"""

import asyncio
import json

import structlog

from config.cabinet import Cabinet as CabinetFile
from config.contract.events import CommandEnded, FaultRaised, OpenAllOrdered
from config.contract.messages import OpenAll, SignedOrder
from config.contract.officers import BadOrder, OpenAllOrder, read_order, two_signers
from controller import reservations
from controller.cabinet import Cabinet
from controller.clock import Clock
from controller.entrance.inside import LAST_CLOSED
from controller.store import Change, Store
from controller.visit import Ask, Purpose, Refused, Step

log = structlog.get_logger(__name__)

KEY = "orders"
REMEMBERED = 64
"""So many orders cannot be signed by two people while one of them is still good."""
Officers = tuple[str, str]


class EveryDoor:
    """Opens them all for two different officers of this cabinet file."""

    def __init__(self, file: CabinetFile, cabinet: Cabinet, store: Store, clock: Clock) -> None:
        self._id = file.id
        self._officers = {officer.public: officer.name for officer in file.officer}
        self._cabinet = cabinet
        self._store = store
        self._clock = clock
        self._seen: tuple[str, ...] = ()
        self._opening: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """No restart, and no older copy of the records, makes an order good again."""
        kept = await self._store.meta(KEY)
        self._seen = tuple(json.loads(kept)) if kept else ()

    async def carry_out(self, command: OpenAll) -> str:
        """Begin to open all doors; why not, as a code of the refusal table, or nothing."""
        try:
            order = read_order(command.signed)
            officers = self._officers_of(order, command.signed)
            order.check_time(max(self._clock.latest_cloud_ms(), self._clock.floor_ms))
        except BadOrder as error:
            log.warning("order refused", command=command.id, reason=error.code, error=str(error))
            return error.code
        if order.id in self._seen:
            return "order_repeated"
        return await self._begin(command, order, officers)

    def _officers_of(self, order: OpenAllOrder, signed: SignedOrder) -> Officers:
        if order.cabinet != self._id:
            raise BadOrder("other_cabinet", f"the order is for {order.cabinet}")
        first, second = two_signers(signed, self._id)
        if first not in self._officers or second not in self._officers:
            raise BadOrder("unknown_officer", "a key that the cabinet file does not name")
        return self._officers[first], self._officers[second]

    async def _begin(self, command: OpenAll, order: OpenAllOrder, officers: Officers) -> str:
        """The first door, and with it that the order was seen: nothing is energised before that is kept."""
        seen = (*self._seen, order.id)[-REMEMBERED:]
        not_after = self._clock.moment_of(order.good_until_ms)
        first, *others = await self._in_turn()
        outcome = await self._ask(first, not_after, _along(command, order, officers, seen))
        if isinstance(outcome, Refused):
            return outcome.reason
        self._seen = seen
        task = asyncio.create_task(self._go_on(others, not_after), name="open all doors")
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return ""

    async def _in_turn(self) -> list[str]:
        """As for 'someone is inside': where a person may be before where goods are known to lie."""
        boxes = self._cabinet.boxes
        first = reservations.inside_order(boxes, await self._store.meta(LAST_CLOSED))
        return [*first, *(label for label in boxes if label not in first)]

    async def _go_on(self, labels: list[str], not_after: float) -> None:
        """The network that brought the order may be gone by now."""
        for label in labels:
            await self._ask(label, not_after, None)

    async def _ask(self, label: str, not_after: float, along: Change | None) -> Step | Refused:
        number = self._store.next_opening()
        wish = Ask(number, Purpose.EMERGENCY, "officers", None, not_after=not_after)
        return await self._cabinet.ask(label, wish, along)


def _along(command: OpenAll, order: OpenAllOrder, officers: Officers, seen: tuple[str, ...]) -> Change:
    """What is durable with the first opening. Each door tells for itself what became of it."""
    ordered = OpenAllOrdered(order=order.id, reason=order.reason, officers=officers, command=command.id)
    alarm = FaultRaised(fault="opened_by_order", subject="cabinet", detail=order.reason)
    accepted = CommandEnded(command=command.id, outcome="succeeded")
    return Change(
        facts=(ordered, alarm, accepted), seen_command=(command.id, command.deadline_ms),
        meta={KEY: json.dumps(seen)},
    )  # fmt: skip
