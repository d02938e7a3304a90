"""What is recorded, in one order: compartments, the numbered chain of events, epochs, documents in force.

All this runs on the one thread of the store, but for ``next_opening`` and ``next_occupancy``; attributes
may be read from anywhere. Sequence numbers and the hash chain are given out inside the transaction that uses
them, so they have no gaps.
"""

import secrets

from config.contract.events import EpochBegan, EpochReason, Event, Fact
from config.contract.messages import DocumentName
from config.contract.signing import CHAIN_START
from controller.clock import Stamp
from controller.floor import GUARDED, Floor, Level
from controller.store import faults, journal
from controller.store.changes import Change, DamagedRow, Document, Rows
from controller.store.check import DOCUMENT, document_sum
from controller.store.copies import Copies
from controller.store.disk import Disk
from controller.store.fall import Fallen, began, fallen, left_behind
from controller.store.journal import Head, Keep
from controller.store.rows import box_from_json, box_to_json, checksum
from controller.visit import Box

_PUT_BOX = (
    "insert into boxes values (?, ?, ?)"
    " on conflict (label) do update set body = excluded.body, sum = excluded.sum"
)
"""Not ``replace``: that writes the page of the index as well."""


class Ledger:
    """The content of one file."""

    def __init__(self, disk: Disk, cabinet: str) -> None:
        self.fallen: Fallen | None = None
        self.floor_failing = ""
        self.least_versions: dict[str, int] = {}
        self.head = Head("")
        self.through = 0
        self.opening = 0
        self.occupancy = 0
        self._disk = disk
        self._source = f"/cabinets/{cabinet}"
        self._floor = Floor(disk.path.parent)

    def open(self, copies: Copies) -> None:
        level = self._floor.read()
        wrong = self._disk.open(copies, level)
        if self._disk.counters.get("epoch") is None:
            lost = {"fallen": "lost"} if level is not None or wrong else {}
            self._disk.write(lambda: self._disk.put({"epoch": secrets.token_hex(8), **lost}))
        self._read_counters()
        self._disk.write(self._seal)
        self.fallen = fallen(self.head, self._disk.counters, level, wrong)
        self.least_versions = self._least(level)
        if self.fallen is None:
            self._raise_floor()
        self._disk.take_ballast()

    # --- writing

    def next_opening(self) -> int:
        self.opening += 1
        return self.opening

    def next_occupancy(self) -> str:
        self.occupancy += 1
        return f"{self.head.epoch}-{self.occupancy}"

    def commit(self, change: Change, stamp: Stamp) -> None:
        self.head = self._disk.write(lambda: self._put(change, self.head, stamp))
        self._note_version(change.document)
        if self.fallen is None and (
            change.document is not None or not change.meta.keys().isdisjoint(GUARDED)
        ):
            self._raise_floor()

    def begin_epoch(self, reason: EpochReason, stamp: Stamp, change: Change) -> EpochBegan:
        told, fresh = began(reason, self.head, self.fallen), Head(secrets.token_hex(8))
        left = left_behind(told, self.head, self.through, self.fallen)
        meta = {**left, **change.meta, "epoch": fresh.epoch, "through": "0", "ages": "[]"}

        def begin() -> Head:
            head = self._put(Change(facts=(told,), meta=meta), fresh, stamp)
            head = journal.renumber(self._disk.db, self.head.epoch, self.through, head)
            return self._put(change, head, stamp)

        self.head, self.through = self._disk.write(begin), 0
        self.fallen = None
        self._note_version(change.document)
        self._raise_floor()
        return told

    def next_session(self) -> int:
        n = self._disk.counters.number("session") + 1
        self._disk.write(lambda: self._disk.put({"session": str(n)}))
        return n

    def acknowledged(self, through: int) -> None:
        through = min(through, self.head.seq)
        self._disk.write(lambda: self._disk.put({"through": str(through)}))
        self.through = through

    def prune(self, keep: Keep, now_ms: int) -> int:
        day, db, epoch = now_ms // journal.DAY_MS, self._disk.db, self.head.epoch
        kept = self._disk.counters.get("ages")
        ages = journal.Ages.read(kept).noted(day, self.through, keep.days)
        last = min(self.through, max(self.through - keep.rows, ages.older_than(day - keep.days)))
        if ages.text() == kept and not journal.has_old(db, epoch, last):
            return 0

        def prune() -> int:
            self._disk.put({"ages": ages.text()})
            return journal.prune(db, epoch, last)

        return self._disk.write(prune)

    # --- reading

    def boxes(self) -> dict[str, Box]:
        found = {}
        for label, body, total in self._disk.db.execute("select label, body, sum from boxes"):
            if total != checksum(label, body):
                raise DamagedRow("boxes", label)
            found[label] = box_from_json(label, body)
        return found

    def documents(self) -> dict[DocumentName, Document]:
        rows = self._disk.db.execute("select name, version, hash, body from documents").fetchall()
        return {DocumentName(name): Document(DocumentName(name), v, h, body) for name, v, h, body in rows}

    def used(self) -> set[str]:
        return {str(parcel) for (parcel,) in self._disk.db.execute("select parcel from used")}

    def has_seen(self, command: str) -> bool:
        found = self._disk.db.execute("select 1 from commands where id = ?", (command,))
        return found.fetchone() is not None

    def chain_after(self, seq: int) -> str | None:
        if seq == self.head.seq:
            return self.head.chain
        return journal.chain_after(self._disk.db, self.head.epoch, seq)

    def events_after(self, seq: int, most: int, most_bytes: int) -> Rows | None:
        return journal.events_after(self._disk.db, self.head.epoch, seq, most, most_bytes)

    # --- what a commit consists of

    def _put(self, change: Change, head: Head, stamp: Stamp) -> Head:
        """Write a change whose events follow ``head``, in the caller's transaction; the head behind them."""
        db, numbers = self._disk.db, enumerate(change.facts, head.seq + 1)
        head = journal.append(
            db, head, (self._event(told, head.epoch, seq, stamp).line() for seq, told in numbers)
        )
        for box in change.boxes:
            body = box_to_json(box)
            db.execute(_PUT_BOX, (box.label, body, checksum(box.label, body)))
        if change.seen_command is not None:
            db.execute("insert into commands values (?, ?)", change.seen_command)
        if change.document is not None:
            doc = change.document
            row = (doc.name.value, doc.version, doc.hash, doc.message)
            db.execute("replace into documents values (?, ?, ?, ?)", row)
        db.executemany("insert or ignore into used values (?)", [(parcel,) for parcel in change.used])
        self._disk.put(self._counted(change, head))
        return head

    def _event(self, told: Fact, epoch: str, seq: int, stamp: Stamp) -> Event:
        box = getattr(told, "box", None)
        data = told.model_dump(mode="json", exclude_none=True)
        return Event(
            id=f"{epoch}-{seq}", source=self._source, type=told.type, time=stamp.time,
            subject=box.label if box is not None else "", data=data,
            epoch=epoch, seq=seq, boot=stamp.boot, mono_ms=stamp.mono_ms, clock=stamp.clock,
        )  # fmt: skip

    def _counted(self, change: Change, head: Head) -> dict[str, str]:
        count = {"seq": str(head.seq), "chain": head.chain}
        numbers = {"opening": str(self.opening), "occupancy": str(self.occupancy)}
        if change.document is not None:
            numbers[DOCUMENT + change.document.name] = document_sum(change.document.message)
        told = faults.after(self._disk.counters.get(faults.KEY), change.facts)
        return {**change.meta, **told, **count, **numbers}

    def _note_version(self, document: Document | None) -> None:
        """After the commit: older versions of this document must not come back."""
        if document is not None:
            self.least_versions[document.name] = document.version

    # --- what an opened file says, and the floor

    def _read_counters(self) -> None:
        count = self._disk.counters
        self.head = Head(count.get("epoch") or "", count.number("seq"), count.get("chain") or CHAIN_START)
        self.through = count.number("through")
        self.opening = count.number("opening")
        self.occupancy = count.number("occupancy")

    def _seal(self) -> None:
        """Checksums again where an older version has written, and took them away."""
        documents = self._disk.db.execute("select name, body from documents").fetchall()
        self._disk.put({DOCUMENT + name: document_sum(message) for name, message in documents})

    def _least(self, level: Level | None) -> dict[str, int]:
        least = dict(level.versions) if level is not None else {}
        for name, version in self._disk.db.execute("select name, version from documents"):
            least[name] = max(version, least.get(name, 0))
        return least

    def _raise_floor(self) -> None:
        """After the commit: what it made true must not become untrue by an older copy."""
        counters = self._disk.counters
        kept = {key: value for key in GUARDED if (value := counters.get(key)) is not None}
        try:
            self._floor.write(Level(self.head.epoch, self.head.seq, self.least_versions, kept))
            self.floor_failing = ""
        except OSError as error:
            self.floor_failing = str(error)
