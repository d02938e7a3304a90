"""A cabinet that is not wired as its file says, and what a technician's walk makes of it."""

import asyncio
import json
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from config.cabinet import Cabinet, load, parse
from firmware_bridge.assemble import assemble
from firmware_bridge.commission import CoilHeld, Finding, Opened, Wiring, learn, walk
from firmware_bridge.commission import file as files
from firmware_bridge.commission.sheet import door_text, sheet
from firmware_bridge.ports import SETTLES_SECONDS
from firmware_bridge.technician.opening import pulse_once
from simulators.lock_modbus import ModbusCard
from simulators.serve import Served

FILE = Path("config/cabinets/locker-8a80.toml")


def raw_plan(**board: Any) -> dict[str, Any]:
    """Two boards with four doors each."""
    raw = tomllib.loads(FILE.read_text())
    one = {"kind": "lock_8a80", "bus": "rs485", "channels": 4, "pulse_ms": 100} | board
    raw["board"] = [one | {"name": "left", "address": 1}, one | {"name": "right", "address": 2}]
    raw["bus"], raw["reader"], raw["thermometer"] = raw["bus"][:1], [], []
    raw["bus"][0]["baud"] = 57600
    raw["zone"] = [{"name": "ambient", "class": "ambient"}]
    raw["compartment"] = [
        {"label": f"{number:02}", "size": "M", "board": "left" if number < 5 else "right", "channel": channel}
        for number in range(1, 9)
        if (channel := (number - 1) % 4 + 1)
    ]
    return raw


class Hands:
    """A person at the simulated cabinet, who sees what is true."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.asked: list[str] = []
        self.lets_go = True
        self.asked_to_let_go: list[str] = []

    async def all_shut(self) -> None:
        self.served.cabinet.step()

    async def which_opened(self, expected: str) -> tuple[str, ...]:
        self.asked.append(expected)
        return tuple(self.served.cabinet.standing_open())

    async def let_go(self, label: str) -> bool:
        self.asked_to_let_go.append(label)
        return self.lets_go

    async def shut_again(self, labels: Sequence[str]) -> None:
        for label in labels:
            self.served.cabinet.close(label)


@asynccontextmanager
async def walked(
    truth: dict[str, Any], links: Path, plan: dict[str, Any] | None = None
) -> AsyncIterator[tuple[Served, Callable[[], Any]]]:
    served = Served(parse(truth), links)
    planned = parse(plan or raw_plan())
    async with assemble(planned, await served.plug_in()) as hardware:
        yield served, lambda: walk(planned, hardware, Hands(served))
    served.unplug()


def compartment(cabinet: dict[str, Any], label: str) -> dict[str, Any]:
    return next(c for c in cabinet["compartment"] if c["label"] == label)


def told(wiring: Wiring) -> dict[str, list[str]]:
    by_place: dict[str, list[str]] = {}
    for finding in wiring.findings:
        by_place.setdefault(finding.where, []).append(finding.what)
    return by_place


async def test_a_cabinet_that_is_as_planned_has_no_findings_and_the_same_file(tmp_path):
    async with walked(raw_plan(), tmp_path) as (_, learned):
        wiring = await learned()
    assert wiring.findings == wiring.left_out == ()
    assert parse(wiring.cabinet) == parse(raw_plan())


async def test_swapped_cables_inverted_polarity_and_a_broken_switch_are_found(tmp_path):
    truth = raw_plan()
    one, two = compartment(truth, "01"), compartment(truth, "02")
    one["channel"], two["channel"] = 2, 1  # their locks; each switch stays where it was
    one["switch_channel"], two["switch_channel"] = 1, 2
    compartment(truth, "03")["switch_channel"], compartment(truth, "04")["switch_channel"] = 4, 3
    truth["board"][1]["closed_value"] = 0
    async with walked(truth, tmp_path) as (served, learned):
        await served.fault("switch_broken_closed", "07")
        wiring = await learned()
        files.write(wiring, tmp_path / "as-it-is.toml")

    found = told(wiring)
    assert found["01"] == ["its lock is wired to channel 2 of board left, not to channel 1 of board left"]
    assert found["04"] == ["its switch is wired to channel 3 of board left, not to channel 4 of board left"]
    assert found["right"] == ["its switches read the other way round: closed_value = 0"]
    assert found["07"] == ["it opened and no switch moved: its switch or its cable is broken"]
    assert found.keys() == {"01", "02", "03", "04", "07", "right"}
    assert wiring.left_out == ("07",)
    written = load(tmp_path / "as-it-is.toml")
    assert {c.label: (c.channel, c.switch) for c in written.compartment} == {
        c.label: (c.channel, c.switch) for c in parse(truth).compartment if c.label != "07"
    }
    assert written.board[1].closed == 0
    head = (tmp_path / "as-it-is.toml").read_text().split("\n\n")[0]
    assert "# TO DO: 07: it opened and no switch moved" in head
    assert "# set here: right: its switches read the other way round" in head
    assert "# Left out until repaired: 07" in head


async def test_the_written_file_works(tmp_path):
    truth = raw_plan(closed_value=0, byte_order="first")
    async with walked(truth, tmp_path) as (_, learned):
        wiring = await learned()
    assert told(wiring).keys() == {"left", "right"}
    served = Served(parse(truth), tmp_path)
    cabinet: Cabinet = parse(wiring.cabinet)
    async with assemble(cabinet, await served.plug_in()) as hardware:
        pulse = await hardware.boards["right"].open(2, lambda: True)
        await asyncio.sleep(pulse.ends_at - asyncio.get_running_loop().time())
        doors = (await hardware.boards["right"].doors()).doors
    served.unplug()
    assert doors == {1: False, 2: True, 3: False, 4: False}


async def test_two_boards_with_one_address_are_found_and_left_out(tmp_path):
    async with walked(raw_plan(), tmp_path) as (served, learned):
        await served.fault("two_with_one_address", "left", other="right")
        served.cabinet.force("06")
        wiring = await learned()
    assert "two boards with this address" in told(wiring)["left"][0]
    assert wiring.left_out == tuple(f"{number:02}" for number in range(1, 9))


async def test_two_boards_that_answer_alike_are_found_by_the_doors_that_open_together(tmp_path):
    async with walked(raw_plan(), tmp_path) as (served, learned):
        await served.fault("two_with_one_address", "left", other="right")
        wiring = await learned()
    assert "it opened together with 05: two boards with one address?" in told(wiring)["01"]


async def test_a_lock_that_does_not_open_and_a_silent_board_are_told(tmp_path):
    async with walked(raw_plan(), tmp_path) as (served, learned):
        await served.fault("latch_jammed", "02")
        await served.fault("board_silent", "right")
        wiring = await learned()
    assert told(wiring)["02"] == ["no lock opened it: look at its lock and its cable"]
    assert "does not answer" in told(wiring)["right"][0]
    assert wiring.left_out == ("02", "05", "06", "07", "08")


def raw_cards() -> dict[str, Any]:
    """The same doors on two relay cards."""
    raw = raw_plan()
    raw["bus"][0]["kind"] = "modbus"
    for board in raw["board"]:
        board["kind"] = "lock_modbus"
    return raw


def holding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every simulated card keeps on what it was asked to end by itself."""
    monkeypatch.setattr(ModbusCard, "_time", lambda card, relay, _: card._set(relay, True))


async def test_cards_that_let_go_are_seen_to_and_nobody_is_asked(tmp_path):
    planned = parse(raw_cards())
    served = Served(planned, tmp_path)
    hands = Hands(served)
    async with assemble(planned, await served.plug_in()) as hardware:
        wiring = await walk(planned, hardware, hands)
    served.unplug()
    assert (wiring.findings, hands.asked_to_let_go) == ((), [])


async def test_a_card_that_holds_a_coil_ends_the_walk_and_lets_go(tmp_path, monkeypatch):
    holding(monkeypatch)
    async with walked(raw_cards(), tmp_path, raw_cards()) as (served, learned):
        with pytest.raises(CoilHeld, match="board left kept output 0 on after its pulse: nothing was"):
            await learned()
        assert not served.cabinet.compartment("01").coil_on
        assert served.cabinet.longest_energised() < 0.1 + SETTLES_SECONDS + 0.5
        assert not any(served.cabinet.compartment(f"{n:02}").energised for n in range(2, 9))


@pytest.mark.parametrize("lets_go", [True, False])
async def test_the_person_is_asked_once_for_each_card_that_does_not_tell(tmp_path, lets_go):
    planned = parse(raw_cards())
    served = Served(planned, tmp_path)
    hands = Hands(served)
    hands.lets_go = lets_go
    async with assemble(planned, await served.plug_in()) as hardware:
        for board in hardware.boards.values():
            board.relays = replace(board.relays, first_state=0x0100)
        if lets_go:
            assert (await walk(planned, hardware, hands)).findings == ()
        else:
            with pytest.raises(CoilHeld, match="board left did not let go of 01 by itself"):
                await walk(planned, hardware, hands)
    served.unplug()
    assert hands.asked_to_let_go == (["01", "05"] if lets_go else ["01"])


async def test_no_file_is_written_where_a_card_holds_a_coil(tmp_path, monkeypatch):
    holding(monkeypatch)
    plan, out = tmp_path / "plan.toml", tmp_path / "new.toml"
    plan.write_text(tomli_w.dumps(raw_cards()))
    served = Served(parse(raw_cards()), tmp_path)
    ports = await served.plug_in()
    code, result, told = await at_the_terminal(
        "\n" * 9, str(plan), "--out", str(out), "--port", f"rs485={ports['rs485']}"
    )
    served.unplug()
    assert (code, result, out.exists()) == (2, "", False)
    assert "board left kept output 0 on after its pulse: nothing was written" in told


async def test_an_opening_by_a_technician_tells_of_a_card_that_holds_a_coil(tmp_path, monkeypatch):
    holding(monkeypatch)
    planned = parse(raw_cards())
    served = Served(planned, tmp_path)
    async with assemble(planned, await served.plug_in()) as hardware:
        told = await pulse_once(planned, hardware, "02")
    served.unplug()
    assert told["stays_on"] == "board left kept output 1 on after its pulse"


def test_a_lock_and_a_switch_on_different_boards_cannot_be_one_door():
    plan = parse(raw_plan())
    wiring = learn(plan, [Opened(("left", 1), ("01",), (("right", 3),))], {})
    assert told(wiring)["01"] == [
        "its lock hangs on channel 1 of board left, its switch on channel 3 of board right: "
        "put both on one board"
    ]
    wiring = learn(plan, [Opened(("left", n), ("01",), (("left", n),)) for n in (1, 2)], {})
    assert "only one of them can be its lock" in told(wiring)["01"][0]
    wiring = learn(plan, [Opened(("left", 1), ("01",), (("left", 1), ("left", 2)))], {})
    assert "only one can be its own" in told(wiring)["01"][0]


def test_a_door_may_hang_on_another_board_than_planned():
    wiring = learn(parse(raw_plan()), [Opened(("right", 3), ("01",), (("right", 3),))], {})
    assert compartment(wiring.cabinet, "01") == {"label": "01", "size": "M", "board": "right", "channel": 3}


def test_the_lamp_of_a_door_that_is_left_out_is_left_out_too():
    raw = raw_plan()
    raw["bus"].append({"name": "lamps", "kind": "modbus", "port": "/dev/ttyUSB7"})
    lamp = {"means": "lamp", "bus": "lamps", "address": 5}
    raw["indicator"] = [lamp | {"name": f"lamp-{n}", "number": n, "label": f"{n:02}"} for n in (1, 2)]
    raw["indicator"].append({"name": "buzzer", "means": "buzzer", "bus": "lamps", "address": 5, "number": 3})
    wiring = learn(parse(raw), [Opened(("left", 1), ("01",), (("left", 1),))], {})
    assert "02" in wiring.left_out
    assert [each.name for each in parse(wiring.cabinet).indicator] == ["lamp-1", "buzzer"]


def test_the_sheet_has_a_label_for_every_door_and_nothing_runs_in_it():
    raw = raw_plan()
    raw["cabinet"]["name_zh"] = "<script>柜"
    page = sheet(parse(raw))
    assert page.count("<figure>") == page.count("<svg") == 8
    assert "<script>" not in page
    assert door_text(parse(raw), parse(raw).compartment[0]) == f"TUANGUI-DOOR:{raw['cabinet']['id']}:01"


def test_findings_read_like_sentences():
    assert str(Finding("07", "it is broken")) == "07: it is broken"


async def at_the_terminal(answers: str, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "firmware_bridge", "commission", *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate(answers.encode())
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_walk_at_a_terminal(tmp_path):
    plan, out, labels = tmp_path / "plan.toml", tmp_path / "new.toml", tmp_path / "doors.html"
    plan.write_text(tomli_w.dumps(raw_plan()))
    served = Served(parse(raw_plan()), tmp_path)
    ports = await served.plug_in()
    served.cabinet.pulsed = lambda label: served.cabinet.every(0.6, lambda: served.cabinet.close(label))
    answers = "\n" + "\n" * 3 + "99\n04\n" + "-\n" + "\n" * 3
    told = await at_the_terminal(
        answers, str(plan), "--out", str(out), "--labels", str(labels), "--json",
        "--port", f"rs485={ports['rs485']}",
    )  # fmt: skip
    served.unplug()
    code, result, asked = told
    assert code == 1
    assert json.loads(result)["left_out"] == ["05"]
    assert "There is no door 99. Which one opened?" in asked
    assert [c.label for c in load(out).compartment] == ["01", "02", "03", "04", "06", "07", "08"]
    assert labels.read_text().count("<svg") == 7


async def test_giving_up_writes_nothing(tmp_path):
    plan, out = tmp_path / "plan.toml", tmp_path / "new.toml"
    plan.write_text(tomli_w.dumps(raw_plan()))
    code, result, asked = await at_the_terminal(
        "", str(plan), "--out", str(out), "--port", f"rs485={tmp_path}/none"
    )
    assert (code, result) == (2, "")
    assert "nothing was written" in asked
    assert not out.exists()
    code, _, asked = await at_the_terminal("", str(plan), "--out", str(plan))
    assert (code, "exists: name a new file" in asked) == (2, True)
