"""The file is damaged, cut, swapped or gone: it is noticed, kept aside, and nobody's door opens wrongly."""

import base64
import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from config.contract.events import Event, OpeningStarted
from config.contract.messages import Desired, DocumentName, digest_of
from config.contract.signing import SigningKey, sign
from controller.clock import Clock
from controller.recovery import recover
from controller.store import Change, Document, Store
from controller.store.check import Damaged, check
from controller.store.packing import COMPUTED
from controller.visit import Ask, Box, Opening, Purpose, Refused, Rules, Side, State, ask, now_of

PAGE = 4096
FIRST = "a" * 16 + "-1"
BOXES = [f"{n:02}" for n in range(1, 7)]


def full(label: str, n: int = 1) -> Box:
    return Box(label, State.OCCUPIED, occupancy=f"{n:016x}-{n}", order=f"{n:016x}", parcel=f"{n:016x}")


def told(box: Box, n: int) -> Change:
    fact = OpeningStarted(box=now_of(box), opening=n, purpose="collect", proof="code")
    return Change(boxes=(box,), facts=(fact,), used=(f"{n:016x}",))


def document(version: int, epoch: str) -> Document:
    content = {"keys": [{"kid": "1", "purpose": "token", "public": base64.b64encode(bytes(32)).decode(),
                         "not_before_ms": 0, "not_after_ms": 1}]}  # fmt: skip
    desired = Desired(cabinet="c", name=DocumentName.KEYS, version=version, epoch=epoch, content=content)
    message = sign(SigningKey.generate("root"), "keys", "c", desired.body())
    return Document(DocumentName.KEYS, version, digest_of(content), message)


async def opened(folder: Path) -> Store:
    store = Store(folder / "edge.db", "c", ballast_bytes=1 << 16)
    await store.open()
    return store


async def busy_week(folder: Path, copy_at: int | None = None, changes: int = 60) -> Store:
    """A store with all kinds of rows; still open."""
    store, stamp = await opened(folder), Clock().stamp()
    await store.commit(Change(document=document(3, store.epoch)), stamp)
    for n in range(1, changes + 1):
        store.next_opening()
        await store.commit(told(full(BOXES[n % 6], n), n), stamp)
        if n == copy_at:
            assert await store.copy(0)
    await store.commit(Change(meta={"tries": '{"wrong": [1, 2, 3], "waits": 2, "locked_until": 9}'}), stamp)
    await store.tidy()
    return store


def found(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            check(db)
    except (Damaged, sqlite3.DatabaseError):
        return True
    return False


def used_pages(path: Path) -> list[int]:
    """Pages that hold something; what lies in a free page is nobody's."""
    with closing(sqlite3.connect(path)) as db:
        pages = db.execute("pragma page_count").fetchone()[0]
        assert db.execute("pragma freelist_count").fetchone()[0] == 0
    return list(range(pages))


@pytest.mark.parametrize(
    "rounds", [1, pytest.param(20, marks=[pytest.mark.hard, pytest.mark.row("R8"), pytest.mark.timeout(600)])]
)
@pytest.mark.row("R8")
async def test_r8_garbage_in_any_page_is_found(tmp_path, rounds, reached):
    await (await busy_week(tmp_path / "edge")).close()
    whole, luck = (tmp_path / "edge" / "edge.db").read_bytes(), random.Random(rounds)
    broken, missed = tmp_path / "broken.db", []
    pages = used_pages(tmp_path / "edge" / "edge.db")
    for page in pages * rounds:
        broken.write_bytes(whole[: page * PAGE] + luck.randbytes(PAGE) + whole[(page + 1) * PAGE :])
        missed += [page] if not found(broken) else []
    found_ones = len(pages) * rounds - len(missed)
    reached("R8", goal="every page", figure=f"{found_ones} of {len(pages) * rounds}", seed=rounds)
    assert missed == []


async def test_r8_a_file_cut_anywhere_is_found(tmp_path):
    await (await busy_week(tmp_path / "edge")).close()
    whole = (tmp_path / "edge" / "edge.db").read_bytes()
    for page in range(1, len(whole) // PAGE):
        (tmp_path / "cut.db").write_bytes(whole[: page * PAGE])
        assert found(tmp_path / "cut.db"), page


SAFETY = [
    ("boxes", "body"), ("boxes", "label || body"), ("boxes", "sum"), ("meta", "value"), ("meta", "key"),
    ("used", "parcel"), ("documents", "body"), ("documents", "hash"), ("documents", "name"),
    ("outbox", "packed"), ("outbox", "chain"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "column"), SAFETY)
@pytest.mark.row("R8")
async def test_r8_a_flipped_bit_in_a_safety_row_is_found(tmp_path, table, column):
    await (await busy_week(tmp_path / "edge")).close()
    path, luck = tmp_path / "edge" / "edge.db", random.Random(column)
    with closing(sqlite3.connect(path)) as db:
        rows = [row[0] for row in db.execute(f"select {column} from {table}")]
    whole, flipped = path.read_bytes(), 0
    for value in luck.sample(rows, min(len(rows), 12)):
        raw = value if isinstance(value, bytes) else value.encode()
        at = whole.find(raw)
        if len(raw) < 4 or at < 0:
            continue  # too short to be told from other bytes, or spread over pages
        place, flipped = at + luck.randrange(len(raw)), flipped + 1
        changed = bytes([whole[place] ^ 1 << luck.randrange(8)])
        (tmp_path / "bit.db").write_bytes(whole[:place] + changed + whole[place + 1 :])
        assert found(tmp_path / "bit.db"), (table, column, value, place)
    assert flipped > 0


async def test_r8_a_flipped_bit_in_what_puts_events_together_is_found(tmp_path):
    await (await busy_week(tmp_path / "edge")).close()
    whole, luck = bytearray((tmp_path / "edge" / "edge.db").read_bytes()), random.Random(1)
    at = whole.find(COMPUTED.encode())
    assert at > 0
    for _ in range(30):
        changed, place = bytearray(whole), at + luck.randrange(len(COMPUTED))
        changed[place] ^= 1 << luck.randrange(8)
        (tmp_path / "bit.db").write_bytes(changed)
        assert found(tmp_path / "bit.db"), place - at


async def served_again(folder: Path) -> tuple[Store, dict[str, Box], float]:
    """The store and the compartments as a start finds them, and how long it took."""
    began = time.monotonic()
    store = await opened(folder)
    kept = await store.boxes()
    boxes = {label: kept.get(label) or Box(label, verified=False) for label in BOXES}
    boxes = await recover(boxes, store, Clock())
    return store, boxes, time.monotonic() - began


async def test_r8_after_damage_the_copy_comes_back_in_quarantine_and_the_lost_range_is_told(tmp_path):
    folder = tmp_path / "edge"
    store = await busy_week(folder, copy_at=40)
    before, reached = store.epoch, store.seq
    await store.close()
    damaged = bytearray((folder / "edge.db").read_bytes())
    damaged[3 * PAGE : 4 * PAGE] = random.Random(1).randbytes(PAGE)
    (folder / "edge.db").write_bytes(damaged)

    store, boxes, took = await served_again(folder)
    events = [Event.read(line) for line in (await store.events_after(0, 99, 1 << 20)).lines]
    first = events[0]
    assert took < 10
    assert first.type == "EpochBegan"
    assert first.data == {"reason": "restored", "before": before, "last": 40, "reached": reached}
    assert [event.data.get("fault") for event in events].count("records_restored") == 1
    assert [event.type for event in events].count("OpeningStarted") == 40, "what the copy has is told again"
    assert events[41].data.get("fault") == "records_restored", "then what the fall has changed"
    assert store.epoch != before
    assert store.guarded("tries") == '{"wrong": [1, 2, 3], "waits": 2, "locked_until": 9}'
    assert store.least_versions == {"keys": 3}
    assert [path.read_bytes() for path in folder.glob("edge.db.damaged-*")] == [bytes(damaged)]
    assert all(Side.QUARANTINE in box.sides for box in boxes.values())
    assert all(box.occupancy for box in boxes.values()), "goods are kept"
    for box in boxes.values():
        wish = Ask(99, Purpose.COLLECT, "code", box.occupancy)
        assert ask(box, wish, 0.0, Rules()) == Refused("held")
        assert not box.assignable
    await store.close()
    store = await opened(folder)
    assert store.fallen is None, "told once"
    assert await store.boxes() == boxes
    await store.close()


@pytest.mark.parametrize("how", ["gone", "empty", "garbage"])
async def test_r8_without_a_copy_nobody_knows_what_lies_where(tmp_path, how):
    folder = tmp_path / "edge"
    store = await busy_week(folder)
    before, reached = store.epoch, store.seq
    await store.close()
    path = folder / "edge.db"
    path.unlink() if how == "gone" else path.write_bytes(b"" if how == "empty" else bytes(range(256)) * 64)

    store, boxes, _ = await served_again(folder)
    first = Event.read((await store.events_after(0, 1, 1 << 20)).lines[0])
    assert first.data == {"reason": "lost", "before": before, "last": 0, "reached": reached}
    assert {box.state for box in boxes.values()} == {State.CHECKING}
    assert all(Side.QUARANTINE in box.sides for box in boxes.values())
    await store.close()


async def test_r8_a_copy_that_is_damaged_itself_is_not_used(tmp_path):
    folder = tmp_path / "edge"
    store = await busy_week(folder, copy_at=30)
    assert await store.copy(0)
    await store.close()
    copies = sorted(folder.glob("edge.db.copy-*"), key=lambda path: path.stat().st_mtime)
    assert len(copies) == 2
    for path in (copies[1], folder / "edge.db"):
        path.write_bytes(path.read_bytes()[: 2 * PAGE])
    store, _, _ = await served_again(folder)
    assert Event.read((await store.events_after(0, 1, 1 << 20)).lines[0]).data["last"] == 30
    await store.close()


async def test_r8_an_older_file_copied_back_is_noticed_by_the_floor(tmp_path):
    folder = tmp_path / "edge"
    await (await busy_week(folder, changes=10)).close()
    shutil.copy(folder / "edge.db", tmp_path / "older.db")
    store, stamp = await opened(folder), Clock().stamp()
    box = Box("01", State.COLLECTING, occupancy=FIRST, order="a" * 16, parcel="b" * 16,
              opening=Opening(7, Purpose.COLLECT, "code", State.OCCUPIED, pulses=1))  # fmt: skip
    await store.commit(told(box, 99), stamp)
    await store.commit(Change(meta={"tries": "{}"}), stamp)
    assert store.fallen is None
    await store.close()
    shutil.copy(tmp_path / "older.db", folder / "edge.db")
    store = await opened(folder)
    assert store.fallen is not None
    assert "behind" in store.fallen.detail
    await store.close()


async def test_an_opening_that_was_under_way_in_the_older_file_wants_a_look(tmp_path):
    folder = tmp_path / "edge"
    store, stamp = await busy_week(folder, changes=10), Clock().stamp()
    opening = Opening(7, Purpose.COLLECT, "code", State.OCCUPIED, pulses=1, opened_at=1.0)
    box = Box("01", State.COLLECTING, occupancy=FIRST, order="a" * 16, parcel="b" * 16, opening=opening)
    await store.commit(told(box, 11), stamp)
    assert await store.copy(0)
    await store.commit(told(full("01", 12), 12), stamp)
    await store.close()
    (folder / "edge.db").write_bytes(b"")
    store, boxes, _ = await served_again(folder)
    assert (boxes["01"].state, boxes["01"].opening, boxes["01"].occupancy) == (State.CHECKING, None, FIRST)
    types = [Event.read(line).type for line in (await store.events_after(0, 99, 1 << 20)).lines]
    assert {"OpeningAmbiguous", "CheckNeeded"} <= set(types)
    await store.close()


async def test_a_power_cut_between_restoring_and_the_new_epoch_is_made_good(tmp_path):
    folder = tmp_path / "edge"
    store = await busy_week(folder)
    assert await store.copy(0)
    await store.close()
    (folder / "edge.db").write_bytes(b"not a database at all")
    store = await opened(folder)
    assert store.fallen is not None
    await store.close()
    store = await opened(folder)
    assert store.fallen is not None, "until a new epoch has begun"
    await store.close()


async def test_a_torn_floor_leaves_the_one_before(tmp_path):
    store, stamp = await opened(tmp_path), Clock().stamp()
    for tries in ("1", "2", "3"):
        await store.commit(Change(meta={"tries": tries}), stamp)
    await store.close()
    newest = max(tmp_path.glob("floor.*"), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(newest.read_bytes()[:40])
    store = await opened(tmp_path)
    assert store.fallen is None
    assert store.guarded("tries") == "3"
    await store.close()
