"""Commands from the cloud fire once, now, here, for whom they were meant; or not at all."""

import time

import pytest

from config.contract.messages import CabinetSettings, Presence, Session
from config.contract.signing import BadProof
from controller.clock import Clock


@pytest.fixture
async def ready(bench):
    """A loaded box, a session, and a fresh sync: the cloud's clock is the wall clock."""
    order = await bench.loaded()
    bench.knows_time()
    session = Session(epoch=bench.edge.store.epoch, n=7)
    door = bench.door_of(order)
    return bench, session, door, bench.box(door).occupancy


def soon(seconds=10.0):
    return int((time.time() + seconds) * 1000)


async def outcome(bench):
    ended = [e for e in await bench.events() if e.type == "CommandEnded"]
    return (ended[-1].data["outcome"], ended[-1].data.get("reason", "")) if ended else None


async def send(bench, session, door, occupancy, *, as_session=None, **more):
    more.setdefault("deadline_ms", soon())
    message = bench.cloud.open_door(session, door, occupancy, **more)
    await bench.edge.commands.take(message, as_session or session)
    return message


async def test_a_command_opens_its_door_once_however_often_it_comes(ready):
    bench, session, door, occupancy = ready
    before = bench.openings_on_the_wire()
    message = await send(bench, session, door, occupancy)
    await bench.edge.commands.take(message, session)
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    await bench.edge.commands.take(message, session)
    assert bench.openings_on_the_wire() == before + 1
    assert await outcome(bench) == ("succeeded", "")


async def test_a_repeated_command_stays_repeated_over_a_restart(ready):
    bench, session, door, occupancy = ready
    message = await send(bench, session, door, occupancy)
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    await bench.stop()
    await bench.start()
    before = len(await bench.events())
    await bench.edge.commands.take(message, session)
    assert len(await bench.events()) == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"deadline_ms": 1_000}, "late"),
        ({"as_session": "older"}, "other_session"),
        ({"occupancy": "00000000000000aa-1"}, "other_occupancy"),
        ({"presence": Presence(nonce="0" * 16, number=1)}, "not_there"),
        ({"cabinet": "some-other-cabinet"}, "other_cabinet"),
        ({"door": "99"}, "not_valid"),
    ],
)
async def test_a_command_that_does_not_fit_is_rejected_and_nothing_moves(ready, change, reason):
    bench, session, door, occupancy = ready
    before = bench.openings_on_the_wire()
    if change.pop("as_session", None):
        change["as_session"] = Session(epoch=session.epoch, n=session.n + 1)
    await send(bench, session, change.pop("door", door), change.pop("occupancy", occupancy), **change)
    assert await outcome(bench) == ("rejected", reason)
    assert bench.openings_on_the_wire() == before


async def test_without_a_fresh_sync_of_this_session_a_command_is_rejected(ready):
    bench, session, door, occupancy = ready
    Clock.forget_sync(bench.edge.clock)
    await send(bench, session, door, occupancy)
    assert await outcome(bench) == ("rejected", "no_time")


async def test_a_command_signed_by_the_wrong_key_is_not_even_looked_at(ready):
    bench, session, door, occupancy = ready
    bench.cloud.commands = bench.cloud.token
    with pytest.raises(BadProof, match="not a key in force"):
        await send(bench, session, door, occupancy)
    message = bench.cloud.open_door(session, door, occupancy)
    with pytest.raises(BadProof):
        await bench.edge.commands.take(message.replace(b'"collect"', b'"service"'), session)


async def test_a_phone_in_front_of_the_screen_opens_and_its_picture_is_good_once(ready):
    bench, session, door, occupancy = ready
    shown = bench.edge.screen.shown()
    presence = Presence(nonce=shown.nonce, number=shown.number)
    await send(bench, session, door, occupancy, presence=presence)
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    proofs = [e.data["proof"] for e in await bench.events() if e.type == "DoorOpened"]
    assert proofs[-1] == "phone"
    await send(bench, session, door, None, presence=presence)
    assert await outcome(bench) == ("rejected", "not_there")


async def test_the_wrong_number_burns_the_picture(ready):
    bench, session, door, occupancy = ready
    shown = bench.edge.screen.shown()
    wrong = Presence(nonce=shown.nonce, number=(shown.number + 1) % 100)
    await send(bench, session, door, occupancy, presence=wrong)
    right = Presence(nonce=shown.nonce, number=shown.number)
    await send(bench, session, door, occupancy, presence=right)
    assert await outcome(bench) == ("rejected", "not_there")


async def test_openings_that_nobody_stands_in_front_of_are_counted_over_a_restart(ready):
    bench, session, door, occupancy = ready
    bench.edge.commands.settings = CabinetSettings(remote_opens_per_minute=1)
    await send(bench, session, "02", None, purpose="service")
    await bench.stop()
    await bench.start()
    bench.edge.commands.settings = CabinetSettings(remote_opens_per_minute=1)
    bench.knows_time()
    await send(bench, session, door, occupancy)
    assert await outcome(bench) == ("rejected", "budget")


async def test_a_pulse_that_waited_past_the_deadline_is_withheld_at_the_last_moment(ready):
    """The supply is busy with another coil until after the deadline; the permit says no at the wire."""
    bench, session, door, occupancy = ready
    unlocker = bench.edge.cabinet._unlock
    supply = next(iter(unlocker._supplies.values()))
    before = bench.openings_on_the_wire()
    async with supply:
        await send(bench, session, door, occupancy, deadline_ms=soon(0.3))
        await bench.until(lambda: bench.box(door).opening is not None)
        deadline = bench.edge.clock.now() + 0.4
        await bench.until(lambda: bench.edge.clock.now() > deadline)
    await bench.becomes(door, "occupied")
    assert bench.openings_on_the_wire() == before
    assert await outcome(bench) == ("rejected", "late")
    assert "PulseWithheld" in await bench.event_types()


async def test_a_service_opening_that_was_seen_ends_what_only_a_person_may_end(ready):
    """A forced door keeps new parcels out over restarts, until somebody opens and shuts it for service."""
    bench, session, _, _ = ready
    await bench.served.fault("switch_broken_open", "02")
    await bench.until(lambda: "forced" in bench.box("02").sides)
    await bench.served.repair("switch_broken_open", "02")
    await bench.until(lambda: bench.box("02").door.is_closed)
    await bench.stop()
    await bench.start()
    assert "forced" in bench.box("02").sides
    bench.knows_time()
    await send(bench, session, "02", None, purpose="service")
    await bench.collect("02")
    await bench.until(lambda: bench.box("02").assignable)
    cleared = [e.data["fault"] for e in await bench.events() if e.type == "FaultCleared"]
    assert cleared[-1] == "door_forced"
