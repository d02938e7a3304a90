"""Two officers open every door of their cabinet, once and in time; one of them, or others, open none."""

import base64
import json
import secrets
import time
from dataclasses import replace
from itertools import pairwise

import pytest
from edge_bench import CABINET, Bench, cabinet_file

from config.cabinet import Officer
from config.contract.messages import (
    BadMessage,
    CabinetSettings,
    DocumentName,
    Grants,
    OpenAll,
    OpenDoor,
    Parcels,
    Session,
    SignedOrder,
)
from config.contract.officers import LONGEST_MS, OpenAllOrder, sign_order, sign_too
from config.contract.signing import SigningKey, sign
from controller.access import FREE_TRIES
from controller.clock import Clock
from controller.kiosk.panels import ORDERED
from controller.store import StoreFailing
from tests.edge.test_safe_mode import ENDS, keeps_dying

LIN, WANG, STRANGER = (SigningKey.generate(name) for name in ("lin", "wang", "stranger"))
MINUTE_MS = 60_000
PULSE_MS = 100


def as_officer(key):
    return Officer(name=key.kid, key=base64.b64encode(key.public).decode())


def now_ms():
    return int(time.time() * 1000)


def order(*, minutes=10, cabinet=CABINET, made_ms=None, reason="smoke in the hall"):
    made = now_ms() if made_ms is None else made_ms
    return OpenAllOrder(
        id=secrets.token_hex(8), cabinet=cabinet, reason=reason,
        made_ms=made, good_until_ms=made + int(minutes * MINUTE_MS),
    )  # fmt: skip


def signed_by(first, second, ordered=None):
    return sign_too(second, sign_order(first, ordered or order()))


def by_one(key):
    """The same officer twice, as no honest tool would write it."""
    once = sign_order(key, order())
    return SignedOrder(order=once.order, signatures=once.signatures * 2)


@pytest.fixture
async def bench(tmp_path):
    file = cabinet_file(boards=2, pulse_ms=PULSE_MS).model_copy(
        update={"officer": (as_officer(LIN), as_officer(WANG))}
    )
    bench = Bench(tmp_path, file, safe_after_ends=ENDS)
    await bench.plug_in()
    await bench.start()
    await bench.hand_over()
    bench.knows_time()
    yield bench
    await bench.stop()
    bench.served.unplug()


def session_of(bench):
    return Session(epoch=bench.edge.store.epoch, n=7)


async def send(bench, signed, *, key=None, **more):
    """The command that carries an order, with the cloud's signature; its id."""
    given = {
        "id": secrets.token_hex(8), "cabinet": CABINET, "session": session_of(bench),
        "deadline_ms": now_ms() + 10_000, "signed": signed, **more,
    }  # fmt: skip
    message = sign(key or bench.cloud.commands, "commands", CABINET, OpenAll(**given).body())
    await bench.edge.commands.take(message, session_of(bench))
    return given["id"]


async def all_open(bench):
    for label in bench.edge.cabinet.boxes:
        await bench.opens(label)


async def told(bench, kind):
    return [event.data for event in await bench.events() if event.type == kind]


async def outcome(bench):
    last = (await told(bench, "CommandEnded"))[-1]
    return last["outcome"], last.get("reason", "")


def overlaps(bench):
    """Pulses of the one supply that began before the one before them had ended, by the board's record."""
    pulses = [pulse for label in bench.edge.cabinet.boxes for pulse in coils(bench, label)]
    in_turn = pairwise(sorted(pulses, key=lambda pulse: pulse.on_at))
    return [(one, other) for one, other in in_turn if one.off_at is None or other.on_at < one.off_at]


def coils(bench, label):
    return bench.served.cabinet.compartment(label).energised


async def test_two_officers_open_every_door_and_it_is_told_who_and_why(bench):
    ordered = order()
    command = await send(bench, signed_by(LIN, WANG, ordered))
    await all_open(bench)
    (event,) = await told(bench, "OpenAllOrdered")
    assert event == {
        "order": ordered.id, "reason": "smoke in the hall", "officers": ["lin", "wang"], "command": command,
    }  # fmt: skip
    assert await outcome(bench) == ("succeeded", "")
    raised = await told(bench, "FaultRaised")
    assert {"fault": "opened_by_order", "subject": "cabinet", "detail": "smoke in the hall"} in raised
    openings = await told(bench, "OpeningStarted")
    assert [(e["purpose"], e["proof"]) for e in openings] == [("emergency", "officers")] * 6


async def test_one_coil_of_a_supply_at_a_time(bench):
    await send(bench, signed_by(LIN, WANG))
    await all_open(bench)
    assert overlaps(bench) == []
    assert [len(coils(bench, label)) for label in bench.edge.cabinet.boxes] == [1] * 6


async def test_what_held_goods_is_to_be_checked_and_the_rest_is_vacant(bench):
    parcel = await bench.loaded()
    door = bench.door_of(parcel)
    await send(bench, signed_by(LIN, WANG))
    await all_open(bench)
    for label in bench.edge.cabinet.boxes:
        await bench.shut(label)
        await bench.becomes(label, "checking" if label == door else "vacant")


async def test_the_door_closed_last_and_empty_ones_come_before_those_that_hold_goods(bench):
    stays, last = bench.door_of(await bench.loaded()), bench.door_of(await bench.loaded())
    before = len(await told(bench, "OpeningStarted"))
    await send(bench, signed_by(LIN, WANG))
    await all_open(bench)
    in_turn = [event["box"]["label"] for event in (await told(bench, "OpeningStarted"))[before:]]
    empty = [label for label in bench.edge.cabinet.boxes if label not in (stays, last)]
    assert in_turn == [last, *empty, stays]


REFUSED = [
    (lambda: sign_order(LIN, order()), "one_officer"),
    (lambda: by_one(LIN), "one_officer"),
    (lambda: signed_by(LIN, STRANGER), "unknown_officer"),
    (lambda: signed_by(STRANGER, SigningKey.generate("wang")), "unknown_officer"),
    (lambda: signed_by(LIN, WANG, order(cabinet="another-cabinet")), "other_cabinet"),
    (lambda: signed_by(LIN, WANG, order(made_ms=now_ms() - 11 * MINUTE_MS)), "order_expired"),
    (lambda: signed_by(LIN, WANG, order(made_ms=now_ms() + LONGEST_MS)), "order_too_long"),
    (lambda: swapped(signed_by(LIN, WANG), order()), "bad_signature"),
    (lambda: SignedOrder(order="{}", signatures=sign_order(LIN, order()).signatures), "bad_order"),
]


def swapped(signed, other):
    """The signatures under another order."""
    return SignedOrder(order=other.body().decode(), signatures=signed.signatures)


@pytest.mark.parametrize(("signed", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
async def test_an_order_that_does_not_hold_opens_nothing_and_is_answered(bench, signed, reason):
    await send(bench, signed())
    assert await outcome(bench) == ("rejected", reason)
    assert bench.openings_on_the_wire() == 0
    assert await told(bench, "OpenAllOrdered") == []


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"deadline_ms": 1_000}, "late"),
        ({"cabinet": "another-cabinet"}, "other_cabinet"),
        ({"session": Session(epoch="00000000000000aa", n=7)}, "other_session"),
    ],
)
async def test_the_command_around_it_is_checked_as_any_other(bench, more, reason):
    await send(bench, signed_by(LIN, WANG), **more)
    assert await outcome(bench) == ("rejected", reason)
    assert bench.openings_on_the_wire() == 0


async def test_without_a_time_of_this_session_no_order_is_carried_out(bench):
    Clock.forget_sync(bench.edge.clock)
    await send(bench, signed_by(LIN, WANG))
    assert await outcome(bench) == ("rejected", "no_time")


async def test_an_order_is_over_for_good_even_if_the_cloud_turns_the_time_back(bench):
    """Whoever owns the cloud has kept an order and tells the time at which it was good."""
    kept = signed_by(LIN, WANG)
    clock = bench.edge.clock
    clock.synced(clock.boot_seconds(), now_ms() + 20 * MINUTE_MS)
    clock.synced(clock.boot_seconds(), now_ms())
    await send(bench, kept)
    assert await outcome(bench) == ("rejected", "order_expired")
    assert bench.openings_on_the_wire() == 0


async def test_a_cabinet_without_officers_obeys_none(tmp_path):
    bench = Bench(tmp_path, cabinet_file())
    await bench.plug_in()
    await bench.start()
    try:
        await bench.hand_over()
        bench.knows_time()
        await send(bench, signed_by(LIN, WANG))
        assert await outcome(bench) == ("rejected", "no_officers")
        assert bench.openings_on_the_wire() == 0
    finally:
        await bench.stop()
        bench.served.unplug()


async def test_an_order_is_carried_out_once_also_after_a_restart_and_with_older_records(bench):
    signed = signed_by(LIN, WANG)
    await send(bench, signed)
    await all_open(bench)
    before = bench.openings_on_the_wire()
    await send(bench, signed)
    assert await outcome(bench) == ("rejected", "order_repeated")
    await bench.stop()
    await bench.start()
    bench.knows_time()
    await send(bench, signed)
    assert await outcome(bench) == ("rejected", "order_repeated")
    await bench.stop()
    for part in bench.settings.folder.glob("edge.db*"):
        part.unlink()
    await bench.start()
    await bench.hand_over()
    bench.knows_time()
    await send(bench, signed)
    assert await outcome(bench) == ("rejected", "order_repeated")
    assert bench.openings_on_the_wire() == before


async def test_nothing_that_is_locked_or_taken_back_or_busy_stands_in_the_way(bench):
    """Safe mode, a locked keypad, no rights at all, and a courier at an open door."""
    await bench.courier()
    loading = bench.cloud.expect()
    await bench.hand_over()
    door = (await bench.scan(loading)).door
    await bench.opens(door)
    await keeps_dying(bench)
    for n in range(FREE_TRIES + 1):
        answer = await bench.edge.entrance.typed(f"0000000{n}")
    assert answer.wait_s > 0
    take, epoch = bench.edge.documents.take, bench.edge.store.epoch
    await take(bench.cloud.document(DocumentName.GRANTS, Grants(), epoch))
    await take(bench.cloud.document(DocumentName.PARCELS, Parcels(salt="0" * 32, parcels=()), epoch))
    bench.knows_time()
    assert bench.edge.cabinet.is_safe
    await send(bench, signed_by(LIN, WANG))
    assert await outcome(bench) == ("succeeded", "")
    await all_open(bench)
    await bench.becomes(door, "checking")  # it stood open all along, so no pulse can prove anything


async def test_it_needs_nothing_of_the_budget_of_openings_that_nobody_sees_and_takes_nothing(bench):
    nothing = CabinetSettings(remote_opens_per_minute=0, remote_opens_per_hour=0)
    document = bench.cloud.document(DocumentName.SETTINGS, nothing, bench.edge.store.epoch)
    await bench.edge.documents.take(document)
    assert bench.edge.commands.settings == nothing
    await send(bench, signed_by(LIN, WANG))
    await all_open(bench)
    assert bench.edge.commands._budget.opened_ms == ()


async def test_a_bank_of_doors_may_take_longer_than_a_single_opening(bench):
    rules = bench.edge.cabinet.rules
    bench.edge.cabinet.rules = replace(rules, window_s=0.3)
    supply = next(iter(bench.edge.cabinet._unlock._supplies.values()))
    async with supply:
        await send(bench, signed_by(LIN, WANG))
        late = bench.edge.clock.now() + 0.6
        await bench.until(lambda: bench.edge.clock.now() > late)
    await all_open(bench)


async def test_a_pulse_that_waited_until_the_order_was_over_is_withheld(bench):
    """The supply is busy with another coil until then."""
    supply = next(iter(bench.edge.cabinet._unlock._supplies.values()))
    ordered = order(minutes=0.5 / 60)
    async with supply:
        await send(bench, signed_by(LIN, WANG, ordered))
        await bench.until(lambda: all(box.opening for box in bench.edge.cabinet.boxes.values()))
        over = bench.edge.clock.now() + 0.6
        await bench.until(lambda: bench.edge.clock.now() > over)
    await bench.until(lambda: not any(box.opening for box in bench.edge.cabinet.boxes.values()))
    assert bench.openings_on_the_wire() == 0
    assert [e["reason"] for e in await told(bench, "PulseWithheld")] == ["late"] * 6


@pytest.mark.parametrize("doors", range(1, 4))
async def test_a_stop_between_order_and_pulses_never_pulses_by_itself(bench, doors):
    """The process dies with the commit of the first door, of the second, of the third."""
    signed = signed_by(LIN, WANG)
    supply = next(iter(bench.edge.cabinet._unlock._supplies.values()))
    await supply.acquire()  # no pulse gets its turn before the end
    dead = bench.dies_after(doors, carried_out=True)
    await send(bench, signed)
    await bench.until(dead.is_set)
    await bench.stop()
    await bench.start()
    bench.knows_time()
    assert len(await told(bench, "OpenAllOrdered")) == 1
    assert len(await told(bench, "OpeningAmbiguous")) == doors
    for _ in range(3):
        await bench.edge.cabinet.tick()
    assert bench.openings_on_the_wire() == 0
    await send(bench, signed)
    assert await outcome(bench) == ("rejected", "order_repeated")
    assert bench.openings_on_the_wire() == 0
    await send(bench, signed_by(WANG, LIN))
    await all_open(bench)


async def test_an_order_that_cannot_be_written_down_opens_nothing_and_may_come_again(bench):
    store = bench.edge.store
    really = store.commit

    async def fails(change, stamp):
        raise StoreFailing(store.path, OSError("no such disk"))

    store.commit = fails
    signed = signed_by(LIN, WANG)
    with pytest.raises(StoreFailing):
        await send(bench, signed)
    assert bench.openings_on_the_wire() == 0
    store.commit = really
    await send(bench, signed)
    await all_open(bench)


async def test_a_disk_that_fails_after_the_first_door_keeps_nobody_in(bench):
    dead = bench.dies_after(1, carried_out=True)
    await send(bench, signed_by(LIN, WANG))
    assert dead.is_set()
    for label in bench.edge.cabinet.boxes:
        assert await bench.served.wait(label, "open")


async def test_a_message_of_another_kind_is_named_and_left(bench):
    door = OpenDoor(
        id="ab" * 8, cabinet=CABINET, session=session_of(bench), deadline_ms=1, compartment="01",
        purpose="service",
    )  # fmt: skip
    body = json.loads(door.body()) | {"kind": "open_some"}
    message = sign(bench.cloud.commands, "commands", CABINET, json.dumps(body).encode())
    with pytest.raises(BadMessage, match="open_some"):
        await bench.edge.commands.take(message, session_of(bench))


async def test_the_screen_says_that_every_door_is_being_opened(bench):
    await send(bench, signed_by(LIN, WANG))
    shown = bench.edge.kiosk._live
    await bench.until(lambda: shown._shown is not None and shown._shown.panel == ORDERED)
    await all_open(bench)
