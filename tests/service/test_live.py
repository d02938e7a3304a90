"""Watchers get what is new, the latest of each thing, and never hold anybody up."""

import asyncio
import time

from cloud.live import LARGEST_BACKLOG, PAUSE_S, Change, Live
from tests.service.conftest import Service
from tests.service.fake_cabinet import box

to = asyncio.to_thread


def door(label: str, state: str, cabinet: str = "a", order: str | None = None) -> Change:
    return Change("compartment", cabinet, label, {"door": state}, order)


async def test_only_the_latest_of_each_thing_is_told() -> None:
    live = Live()
    with live.watching() as watch:
        live.publish([door("01", "open"), door("02", "open"), door("01", "closed")])
        assert [(c.key, c.row["door"]) for c in await watch.next(1)] == [("01", "closed"), ("02", "open")]
        assert await watch.next(0.01) == []
    assert len(live) == 0


async def test_a_watch_hears_of_its_cabinet_and_its_order_only() -> None:
    live = Live()
    with live.watching(cabinet="a") as of_cabinet, live.watching(order="o") as of_order:
        live.publish([door("01", "open"), door("01", "open", "b", "o")])
        assert [c.cabinet for c in await of_cabinet.next(1)] == ["a"]
        assert [c.cabinet for c in await of_order.next(1)] == ["b"]


async def test_a_watcher_that_does_not_keep_up_is_told_so() -> None:
    live = Live()
    with live.watching() as watch:
        live.publish(door(str(n), "open") for n in range(LARGEST_BACKLOG + 1))
        assert watch.behind
        assert len(await watch.next(1)) == 1


async def test_a_page_is_written_at_most_every_tenth_of_a_second() -> None:
    live = Live()
    with live.watching() as watch:
        live.publish([door("01", "open")])
        began = time.monotonic()
        assert len(await watch.pause()) == 1
        assert time.monotonic() - began >= PAUSE_S


async def test_when_the_service_stops_every_watch_ends() -> None:
    live = Live()
    with live.watching() as watch:
        live.close()
        assert await watch.next(1) == []
        assert watch.over


async def test_a_commit_is_told_to_watchers(service: Service) -> None:
    cabinet = await service.connected()
    with service.parts.live.watching(cabinet=cabinet.id) as watch:
        await to(cabinet.tell, cabinet.event("DoorForced", "03", box=box("03", "vacant", "forced")))
        told = {(c.kind, c.key): c.row for c in await watch.pause()}
    assert told["compartment", "03"]["door"] == "forced"
    assert told["event", f"{cabinet.epoch}-1"]["type"] == "DoorForced"
