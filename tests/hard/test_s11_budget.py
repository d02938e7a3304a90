"""Whoever has stolen the key that signs commands opens three doors a minute and twenty an hour, no more."""

import base64
import secrets
import time

import pytest

from config.cabinet import Officer
from config.contract.messages import CabinetSettings, OpenAll, Session, SignedOrder
from config.contract.officers import OpenAllOrder, sign_order, sign_too
from config.contract.signing import SigningKey, sign
from controller.commands import Budget
from tests.edge.bench import CABINET, Bench, cabinet_file

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


@pytest.mark.row("S11")
@pytest.mark.parametrize("days", [1, pytest.param(30, marks=[pytest.mark.hard, pytest.mark.timeout(900)])])
def test_s11_a_command_every_second_opens_three_a_minute_and_twenty_an_hour(days):
    budget, opened = Budget(), []
    for now in range(0, days * 24 * HOUR_MS, 1000):
        if budget.allows(now, CabinetSettings()):
            budget = budget.spent(now)
            opened.append(now)
    for at, first in enumerate(opened):
        assert sum(now - first < MINUTE_MS for now in opened[at : at + 30]) <= 3
        assert sum(now - first < HOUR_MS for now in opened[at : at + 30]) <= 20
    assert len(opened) >= days * 24 * 20 - 20, "and an operator may open that many"


@pytest.mark.row("S11")
async def test_s11_an_open_all_that_is_validly_signed_opens_three_doors(tmp_path):
    """A cloud that tells a later time with every command gains nothing by it; nor does a restart."""
    bench = Bench(tmp_path, cabinet_file())
    await bench.plug_in()
    await bench.start()
    try:
        session = Session(epoch=bench.edge.store.epoch, n=7)
        await bench.hand_over()
        before = bench.openings_on_the_wire()
        for n, label in enumerate(bench.edge.cabinet.boxes):
            if n == 4:
                await bench.until(lambda: bench.openings_on_the_wire() == before + 3)
                await bench.stop()
                await bench.start()
            told_ms = int(time.time() * 1000) + n * 2 * HOUR_MS
            bench.knows_time(told_ms)
            command = bench.cloud.open_door(
                session, label, None, purpose="service", deadline_ms=told_ms + 10_000
            )
            await bench.edge.commands.take(command, session)
        ended = [e.data for e in await bench.events() if e.type == "CommandEnded"]
        assert bench.openings_on_the_wire() == before + 3
        rejected = [each["reason"] for each in ended if each["outcome"] == "rejected"]
        assert rejected == ["budget"] * 3
    finally:
        await bench.stop()
        bench.served.unplug()


def _an_order() -> OpenAllOrder:
    now_ms = int(time.time() * 1000)
    return OpenAllOrder(
        id=secrets.token_hex(8), cabinet=CABINET, reason="stolen", made_ms=now_ms,
        good_until_ms=now_ms + 600_000,
    )  # fmt: skip


def _what_a_thief_can_make(officers: list[SigningKey], seen: SignedOrder) -> list[SignedOrder]:
    """With the cloud's keys, an order that one officer has signed, and one that was carried out."""
    own = [SigningKey.generate(officer.kid) for officer in officers]
    by_one, by_none = sign_order(officers[0], _an_order()), sign_order(own[0], _an_order())
    renamed = by_one.signatures[0].model_copy(update={"name": officers[1].kid})
    borrowed = (
        sign_order(own[1], _an_order())
        .signatures[0]
        .model_copy(update={"key": base64.b64encode(officers[1].public).decode()})
    )
    return [
        by_one,
        SignedOrder(order=by_one.order, signatures=(by_one.signatures[0], renamed)),
        SignedOrder(order=by_one.order, signatures=(by_one.signatures[0], borrowed)),
        sign_too(own[1], by_one),
        sign_too(own[1], by_none),
        SignedOrder(order=_an_order().body().decode(), signatures=seen.signatures),
        SignedOrder(order=seen.order + " ", signatures=seen.signatures),
        seen,
    ]


@pytest.mark.row("S11")
async def test_s11_without_two_officers_no_order_opens_a_door(tmp_path):
    officers = [SigningKey.generate("lin"), SigningKey.generate("wang")]
    pinned = tuple(Officer(name=key.kid, key=base64.b64encode(key.public).decode()) for key in officers)
    bench = Bench(tmp_path, cabinet_file().model_copy(update={"officer": pinned}))
    await bench.plug_in()
    await bench.start()
    try:
        await bench.hand_over()
        bench.knows_time()
        session = Session(epoch=bench.edge.store.epoch, n=7)

        async def hand_in(signed: SignedOrder) -> None:
            command = OpenAll(
                id=secrets.token_hex(8), cabinet=CABINET, session=session,
                deadline_ms=int(time.time() * 1000) + 10_000, signed=signed,
            )  # fmt: skip
            message = sign(bench.cloud.commands, "commands", CABINET, command.body())
            await bench.edge.commands.take(message, session)

        carried_out = sign_too(officers[1], sign_order(officers[0], _an_order()))
        await hand_in(carried_out)
        for label in bench.edge.cabinet.boxes:
            await bench.opens(label)
        before = bench.openings_on_the_wire()
        assert before == len(bench.edge.cabinet.boxes), "two officers open them all, budget or not"
        made = _what_a_thief_can_make(officers, carried_out)
        for signed in made:
            await hand_in(signed)
        ended = [e.data for e in await bench.events() if e.type == "CommandEnded"]
        assert [each["outcome"] for each in ended[1:]] == ["rejected"] * len(made)
        assert bench.openings_on_the_wire() == before
    finally:
        await bench.stop()
        bench.served.unplug()
