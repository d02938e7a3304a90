"""Somebody at the case: told durably before anything else, ended when it is quiet, never told twice."""

import asyncio
import sys

import pytest

from config.cabinet import parse
from config.contract.events import FaultCleared, FaultRaised
from controller import contacts
from controller.contacts import Contact, look
from controller.store import StoreFailing

edge_bench = sys.modules["edge_bench"]

CASE_BUS = {"name": "case", "kind": "modbus", "port": "/dev/none-2", "baud": 115200}
INPUTS = [
    {"name": "back", "means": "tamper", "bus": "case", "address": 5, "number": 1},
    {"name": "level", "means": "tilt", "bus": "case", "address": 5, "number": 2},
    {"name": "help", "means": "inside", "bus": "case", "address": 6, "number": 1, "quiet": False},
    {"name": "roof", "means": "tamper", "bus": "case", "address": 6, "number": 2},
]


def file_with_contacts():
    raw = edge_bench.cabinet_file().model_dump(mode="json", by_alias=True, exclude_none=True)
    return parse(raw | {"bus": [*raw["bus"], CASE_BUS], "input": INPUTS})


@pytest.fixture
async def bench(tmp_path, monkeypatch):
    monkeypatch.setattr(contacts, "QUIET_S", 0.2)
    monkeypatch.setattr(contacts, "RELEASED_S", 0.1)
    made = edge_bench.Bench(tmp_path, file_with_contacts())
    await made.plug_in()
    await made.start()
    yield made
    await made.stop()
    made.served.unplug()


async def told(bench):
    """What was recorded of faults, in order."""
    facts = [event.fact() for event in await bench.events()]
    kinds = {FaultRaised: "+", FaultCleared: "-"}
    return [f"{kinds[type(f)]}{f.fault} {f.subject}" for f in facts if type(f) in kinds]


def test_a_contact_is_believed_after_two_readings_and_quiet_after_a_while():
    def after(*readings, at_once=False):
        contact = Contact()
        for at, disturbed in readings:
            contact = look(contact, disturbed, at, at_once=at_once, quiet_s=10.0)
        return contact.disturbed

    assert not after((0, True))
    assert after((0, True), at_once=True)
    assert not after((0, True), (1, False), (2, True))
    assert after((0, True), (1, True))
    shaken = ((0, True), (1, True), (2, False))
    assert after(*shaken, (11, False))
    assert not after(*shaken, (12, False))
    assert after(*shaken, (11, True), (12, False), (21, False))


async def test_an_opened_case_is_an_event_that_ends_when_it_is_shut(bench):
    await bench.served.disturb("back")
    await bench.until(lambda: bench.edge.health.has("tampered", "back"))
    await bench.served.settle("back")
    await bench.until(lambda: not bench.edge.health.has("tampered", "back"))
    await bench.served.disturb("level")
    await bench.until(lambda: bench.edge.health.has("tilted", "level"))
    assert await told(bench) == ["+tampered back", "-tampered back", "+tilted level"]


async def test_a_tamper_event_is_durable_before_anybody_hears_of_it(bench):
    """F14: the power may be cut in the same moment."""
    heard, store = [], bench.edge.store
    bench.edge.cabinet.listen(lambda changed: heard.append(dict(store.open_faults)))
    commit, gate = store.commit, asyncio.Event()

    async def slow(change, stamp):
        await gate.wait()
        await commit(change, stamp)

    store.commit = slow
    await bench.served.disturb("back")
    await bench.until(lambda: bench.edge.contacts._contacts["back"].disturbed)
    assert heard == []
    gate.set()
    await bench.until(lambda: heard)
    assert ("tampered", "back") in heard[0]
    await bench.is_killed()
    await bench.start()
    assert bench.edge.health.has("tampered", "back")
    assert (await told(bench)).count("+tampered back") == 1


async def test_a_disk_that_fails_at_that_moment_is_asked_again(bench):
    commit, failing = bench.edge.store.commit, True

    async def fails(change, stamp):
        if failing:
            raise StoreFailing(bench.edge.store.path, OSError("no space"))
        await commit(change, stamp)

    bench.edge.store.commit = fails
    await bench.served.disturb("back")
    await bench.until(lambda: bench.edge.contacts._contacts["back"].disturbed)
    await bench.served.disturb("roof")
    await bench.until(lambda: bench.edge.contacts._contacts["roof"].disturbed)
    await bench.served.disturb("help")  # the button on the same card
    for label in bench.edge.cabinet.boxes:
        assert await bench.served.wait(label, "open")
    failing = False
    for contact in ("back", "roof"):
        await bench.until(lambda name=contact: bench.edge.health.has("tampered", name))


async def test_a_case_that_was_shut_while_the_program_was_down_is_told_as_quiet(bench):
    await bench.served.disturb("back")
    await bench.until(lambda: bench.edge.health.has("tampered", "back"))
    await bench.is_killed()
    await bench.served.settle("back")
    await bench.start()
    await bench.until(lambda: not bench.edge.health.has("tampered", "back"))


async def test_contacts_that_cannot_be_read_are_a_fault_of_their_own(bench):
    await bench.served.fault("board_silent", "case-5")
    await bench.until(lambda: bench.edge.health.has("input_silent", "case-5"))
    assert not bench.edge.health.has("input_silent", "case-6")
    await bench.served.repair("board_silent", "case-5")
    await bench.until(lambda: not bench.edge.health.has("input_silent", "case-5"))
    assert await told(bench) == ["+input_silent case-5", "-input_silent case-5"]


async def test_a_time_in_which_nobody_could_look_was_no_quiet_time(bench, monkeypatch):
    await bench.served.disturb("back")
    await bench.until(lambda: bench.edge.health.has("tampered", "back"))
    monkeypatch.setattr(contacts, "QUIET_S", 0.5)
    known = bench.edge.contacts._contacts
    await bench.served.settle("back")
    await bench.until(lambda: known["back"].doubted_at is not None)
    await bench.served.fault("board_silent", "case-5")
    await bench.until(lambda: bench.edge.health.has("input_silent", "case-5"))
    silent_until = bench.edge.clock.now()
    await bench.served.repair("board_silent", "case-5")
    await bench.until(lambda: known["back"].doubted_at is not None)
    assert known["back"].doubted_at >= silent_until
    await bench.until(lambda: not bench.edge.health.has("tampered", "back"))


async def test_the_wired_button_lets_people_out_once_for_each_press(bench):
    await bench.served.disturb("help")
    for label in bench.edge.cabinet.boxes:
        await bench.opens(label)
    await bench.until(lambda: bench.edge.health.has("someone_inside", "cabinet"))
    called = (await bench.event_types()).count("InsideCalled")
    await bench.served.settle("help")
    await bench.until(lambda: not bench.edge.contacts._contacts["help"].disturbed)
    assert called == (await bench.event_types()).count("InsideCalled") == 1
    await bench.served.disturb("help")
    await bench.until(lambda: bench.edge.contacts._contacts["help"].disturbed)
    async with asyncio.timeout(10):
        while (await bench.event_types()).count("InsideCalled") < 2:  # noqa: ASYNC110 (recorded behind the doors)
            await asyncio.sleep(0.01)


async def test_contacts_and_a_light_on_pins_do_the_same(tmp_path):
    """gpiozero's mock pins; the locks are on a wire as ever."""
    made = edge_bench.Bench(tmp_path, edge_bench.cabinet_file())
    await made.plug_in()
    raw = made.file.model_dump(mode="json", by_alias=True, exclude_none=True)
    pins = {"name": "pins", "kind": "gpio", "port": "gpiozero:mock"}
    contact = {"name": "back", "means": "tamper", "bus": "pins", "pin": 5, "quiet": False, "pull": "down"}
    light = {"name": "light", "means": "light", "bus": "pins", "pin": 17}
    made.file = parse(raw | {"bus": [*raw["bus"], pins], "input": [contact], "indicator": [light]})
    await made.start()
    held = made.edge.hardware.wires["pins"]._held
    order = await made.loaded()
    assert (await made.edge.entrance.typed(order.code)).kind == "opening"
    await made.until(lambda: held.lamps["light"].value == 1)
    assert not made.edge.health.has("tampered", "back")
    held.contacts["back"].pin.drive_high()
    await made.until(lambda: made.edge.health.has("tampered", "back"))
    await made.collect("01")
    await made.until(lambda: held.lamps["light"].value == 0)
    await made.stop()
    made.served.unplug()
