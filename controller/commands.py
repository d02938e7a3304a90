"""Commands from the cloud: only true now, only for this session, never twice, never late.

Every refusal is an event, so that the cloud's ledger knows. The deadline is checked here, on receipt, and
again as the last statement before the pulse.
"""

import json
from dataclasses import dataclass

import structlog

from config.contract.events import CommandEnded, Fact, Proof
from config.contract.messages import CabinetSettings, Command, OpenAll, OpenDoor, Session
from config.contract.signing import check_signature
from controller.cabinet import Cabinet
from controller.clock import Clock
from controller.desired import Documents
from controller.open_all import EveryDoor
from controller.presence import Screen
from controller.store import Change, Store
from controller.visit import Ask, Purpose, Refused

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Budget:
    """Openings that nobody is known to stand in front of: at most so many a minute and an hour.

    Counted in the time that the cabinet ran: a cloud that lies about the time gains no opening by it.
    """

    opened_ms: tuple[int, ...] = ()

    def allows(self, now_ms: int, settings: CabinetSettings) -> bool:
        minute = [at for at in self.opened_ms if now_ms - at < 60_000]
        hour = [at for at in self.opened_ms if now_ms - at < 3_600_000]
        return len(minute) < settings.remote_opens_per_minute and len(hour) < settings.remote_opens_per_hour

    def spent(self, now_ms: int) -> "Budget":
        return Budget((*(at for at in self.opened_ms if now_ms - at < 3_600_000), now_ms))


class Commands:
    """Checks each command and asks for its door."""

    def __init__(
        self,
        cabinet_id: str,
        cabinet: Cabinet,
        documents: Documents,
        screen: Screen,
        store: Store,
        clock: Clock,
        every_door: EveryDoor | None = None,
    ) -> None:
        self._id = cabinet_id
        self._cabinet = cabinet
        self._documents = documents
        self._screen = screen
        self._store = store
        self._clock = clock
        self._every_door = every_door
        self.settings = CabinetSettings()
        self.no_time_after_s = 120.0
        self._budget = Budget()

    async def load(self) -> None:
        """The budget, and which orders were carried out, survive a restart."""
        kept = await self._store.meta("remote_opens")
        self._budget = Budget(tuple(json.loads(kept))) if kept else Budget()
        if self._every_door is not None:
            await self._every_door.load()

    async def take(self, message: bytes, session: Session) -> None:
        """A command has arrived. ``BadProof`` and ``BadMessage`` say why it was not even looked at."""
        trusted = self._documents.public_keys("commands")
        body = check_signature(trusted, "commands", self._id, message)
        command = Command.read(body)
        if await self._store.has_seen(command.id):
            log.info("command repeated", command=command.id)
            return
        reason = self._reason_to_reject(command, session)
        if not reason:
            reason = await self._carry_out(command)
        if reason:
            rejected: Fact = CommandEnded(command=command.id, outcome="rejected", reason=reason)
            seen = (command.id, command.deadline_ms)
            await self._cabinet.record(Change(facts=(rejected,), seen_command=seen))

    def _reason_to_reject(self, command: OpenDoor | OpenAll, session: Session) -> str:
        if command.cabinet != self._id:
            return "other_cabinet"
        if command.session != session:
            return "other_session"
        if self._clock.sync_age() > self.no_time_after_s:
            return "no_time"
        if self._clock.latest_cloud_ms() >= command.deadline_ms:
            return "late"
        if isinstance(command, OpenAll):
            return ""
        if command.compartment not in self._cabinet.boxes:
            return "not_valid"
        if command.presence is not None:
            return "" if self._screen.take_back(command.presence) else "not_there"
        return "" if self._budget.allows(self._clock.served_ms(), self.settings) else "budget"

    async def _carry_out(self, command: OpenDoor | OpenAll) -> str:
        if isinstance(command, OpenDoor):
            return await self._open(command)
        return "no_officers" if self._every_door is None else await self._every_door.carry_out(command)

    async def _open(self, command: OpenDoor) -> str:
        proof: Proof = "remote" if command.presence is None else "phone"
        wish = Ask(
            self._store.next_opening(), Purpose(command.purpose), proof, command.occupancy,
            not_after=self._clock.moment_of(command.deadline_ms), command=command.id, again=command.again,
        )  # fmt: skip
        outcome = await self._cabinet.ask(command.compartment, wish, self._along(command))
        return outcome.reason if isinstance(outcome, Refused) else ""

    def _along(self, command: OpenDoor) -> Change:
        """That it was seen, and the budget, are durable with the opening itself."""
        meta = {}
        if command.presence is None:
            self._budget = self._budget.spent(self._clock.served_ms())
            meta = {"remote_opens": json.dumps(self._budget.opened_ms)}
        return Change(seen_command=(command.id, command.deadline_ms), meta=meta)
