"""State is a fold of the events: the same, however they came."""

import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cloud.fold import Picture, Place
from cloud.ingest import decode
from cloud.store import events, open_store, schema
from cloud.store.engine import sqlite_url
from config.cabinet import load
from tests.service.conftest import CABINETS
from tests.service.fake_cabinet import FakeCabinet, Identity, Stay, box

CABINET = "garden-east-1"


def history(cabinet: FakeCabinet) -> list[bytes]:
    """An evening: loaded, collected, a fault that comes and goes, a parcel nobody is sure of."""
    stays = [Stay(f"0{n}", f"{cabinet.epoch}-{n}", f"{n}" * 16, f"{n}" * 16) for n in range(1, 6)]
    lines = [cabinet.event("Booted", software="1", map_version="m", reason="start", boxes=[box("09")])]
    lines += [stay.deposited(cabinet) for stay in stays]
    lines += [cabinet.event("FaultRaised", fault="door_stuck", subject="01")]
    lines += [stays[0].collected(cabinet), stays[2].collected(cabinet)]
    lines += [cabinet.event("FaultCleared", fault="door_stuck", subject="01")]
    named = {"occupancy": stays[3].occupancy, "order": stays[3].order, "parcel": stays[3].parcel}
    after = box("04", "checking", **named)
    told = {"opening": 9, "purpose": "collect", "proof": "code"}
    lines += [cabinet.event("CheckNeeded", "04", box=after, reason="restart", **told)]
    lines += [cabinet.event("FaultRaised", fault="door_stuck", subject="04")]
    lines += [cabinet.event("CommandEnded", command="ab" * 8, outcome="succeeded")]
    lines += [answered(cabinet, stays[4], "is_in", "occupied")]
    left_in = box("03", "checking")
    lines += [
        cabinet.event("LeftBehind", "03", box=left_in, again=True, **told | {"parcel": stays[2].parcel})
    ]
    lines += [seen(cabinet, stays[4], goods=goods) for goods in (False, True, False)]
    lines += [cabinet.event("ParcelRemoved", "02", box=box("02"), purpose="remove", **removed_by(stays[1]))]
    full = {"order": "7" * 16, "parcel": "7" * 16, "size": "L", "zone": "ambient", "free": {"S": 2, "L": 0}}
    lines += [cabinet.event("CabinetFull", **full)]
    return lines


def seen(cabinet: FakeCabinet, stay: Stay, *, goods: bool) -> bytes:
    named = {"occupancy": stay.occupancy, "order": stay.order, "parcel": stay.parcel}
    return cabinet.event("SeenInside", stay.label, box=box(stay.label, "occupied", **named), goods=goods)


def answered(cabinet: FakeCabinet, stay: Stay, answer: str, state: str) -> bytes:
    named = {"occupancy": stay.occupancy, "order": stay.order, "parcel": stay.parcel}
    after = box(stay.label, state, **(named if answer == "is_in" else {}))
    return cabinet.event("DepositAnswered", stay.label, box=after, answer=answer, badge="cc" * 8, **named)


def removed_by(stay: Stay) -> dict[str, Any]:
    opening = {"opening": 12, "proof": "badge", "badge": "cc" * 8}
    return {"occupancy": stay.occupancy, "order": stay.order, "parcel": stay.parcel, **opening}


def test_what_a_courier_says_and_removes_is_where_a_parcel_is() -> None:
    cabinet = fake("1" * 16)
    lines = history(cabinet)
    told = applied(Picture(), 1, "1" * 16, list(enumerate(lines, 1))).whereabouts
    states = {parcel[0]: (row["state"], row["note"]) for (_, parcel), row in told.items()}
    assert states == {
        "1": ("collected", ""), "2": ("removed", ""), "3": ("collected", "left_behind"),
        "4": ("unclear", "restart"), "5": ("ready", "not_seen"), "7": ("expected", "no_fit"),
    }  # fmt: skip
    more = [answered(cabinet, Stay("05", "1" * 16 + "-5", "5" * 16, "5" * 16), "not_in", "vacant")]
    after = applied(Picture(), 1, "1" * 16, list(enumerate([*lines, *more], 1))).whereabouts
    assert after[CABINET, "5" * 16]["state"] == "expected"


def fake(epoch: str) -> FakeCabinet:
    identity = Identity(CABINET, "", "", "", b"", bytes(32))
    return FakeCabinet(identity, load(CABINETS / "locker-8a80.toml"), epoch=epoch)


def applied(picture: Picture, ordinal: int, epoch: str, numbered: list[tuple[int, bytes]]) -> Picture:
    for seq, line in numbered:
        _, fact = decode(line, CABINET, epoch, seq)
        picture.apply(Place("default", CABINET, ordinal, seq, at_ms=seq * 1000 + ordinal), fact)
    return picture


async def written(folder: Path, pictures: list[Picture]) -> dict[str, list[dict[str, Any]]]:
    folder.mkdir()
    store = await open_store(sqlite_url(folder))
    try:
        for picture in pictures:
            async with store.writing() as db:
                await events.put_picture(db, picture)
        async with store.reading() as db:
            return {
                table.name: [
                    dict(row)
                    for row in (await db.execute(select(table).order_by(*table.primary_key))).mappings()
                ]
                for table in (schema.compartments, schema.whereabouts, schema.alarms)
            }
    finally:
        await store.close()


@pytest.mark.parametrize("seed", range(6))
async def test_the_state_is_the_same_in_whatever_groups_epochs_and_repeats_it_came(
    tmp_path: Path, seed: int
) -> None:
    told = {ordinal: list(enumerate(history(fake(f"{ordinal}" * 16)), 1)) for ordinal in (1, 2)}
    whole = Picture()
    for ordinal, numbered in told.items():
        applied(whole, ordinal, f"{ordinal}" * 16, numbered)
    chance = random.Random(seed)
    pieces = [
        (ordinal, numbered[at : at + 3])
        for ordinal, numbered in told.items()
        for at in range(0, len(numbered), 3)
    ]
    pieces += chance.sample(pieces, 3)
    chance.shuffle(pieces)
    groups = [applied(Picture(), ordinal, f"{ordinal}" * 16, piece) for ordinal, piece in pieces]
    at_once = await written(tmp_path / "once", [whole])
    piecewise = await written(tmp_path / "pieces", groups)
    for state in (at_once, piecewise):
        for alarm in state["alarms"]:
            alarm.pop("raised_ms")  # a clearing that arrives before its raising cannot know it
    assert piecewise == at_once
    assert {row["state"] for row in at_once["whereabouts"]} == {
        "ready", "collected", "unclear", "removed", "expected"
    }  # fmt: skip
    assert [row["subject"] for row in at_once["alarms"] if row["cleared_ms"] is None] == ["04"]
