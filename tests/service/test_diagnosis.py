"""What an operator can see before it breaks: doors in the metrics, goods and orders that do not fit."""

import asyncio
from typing import Any

import pytest

from config.contract.messages import Telemetry
from config.contract.topics import Leaf
from tests.service.conftest import Service, until
from tests.service.fake_cabinet import FakeCabinet, Stay, box

to = asyncio.to_thread


async def ghosts(service: Service, **asked: Any) -> list[dict[str, Any]]:
    answer = await service.http.get("/v1/ghosts", params=asked)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["ghosts"])


async def a_stay(service: Service, cabinet: FakeCabinet, label: str = "01") -> Stay:
    """A parcel of an order taken here, lying in that compartment."""
    order = (await service.order()).json()
    parcel = order["parcels"][0]["parcel"]
    stay = Stay(label, f"{cabinet.epoch}-1", order["order"], parcel)
    await to(cabinet.tell, stay.deposited(cabinet))
    return stay


async def test_goods_that_lie_where_their_order_says_are_no_ghost(service: Service) -> None:
    cabinet = await service.connected()
    stay = await a_stay(service, cabinet)
    assert await ghosts(service) == []
    await to(cabinet.tell, stay.collected(cabinet))
    assert await ghosts(service) == []


async def test_goods_without_an_order_are_listed(service: Service) -> None:
    cabinet = await service.connected()
    stranger = Stay("02", f"{cabinet.epoch}-2", "a" * 16, "b" * 16)
    await to(cabinet.tell, stranger.deposited(cabinet))
    await to(cabinet.tell, cabinet.event("Surveyed", boxes=[box("03", "checking")]))
    found = {one["compartment"]: one["kind"] for one in await ghosts(service)}
    assert found == {"02": "unknown_goods", "03": "nameless_goods"}
    assert await ghosts(service, cabinet="another-1") == []


async def test_an_order_whose_goods_no_compartment_holds_is_listed(service: Service) -> None:
    cabinet = await service.connected()
    stay = await a_stay(service, cabinet)
    await to(cabinet.tell, cabinet.event("Surveyed", boxes=[box("01")]))
    [ghost] = await ghosts(service)
    assert (ghost["kind"], ghost["order"], ghost["parcel"]) == ("missing_goods", stay.order, stay.parcel)


async def test_an_order_whose_goods_nobody_is_sure_of_is_listed(service: Service) -> None:
    cabinet = await service.connected()
    stay = await a_stay(service, cabinet)
    named = {"occupancy": stay.occupancy, "order": stay.order, "parcel": stay.parcel}
    told = {"opening": 9, "purpose": "collect", "proof": "code", "reason": "door not seen"}
    unclear = cabinet.event("CheckNeeded", "01", box=box("01", "checking", **named), **told)
    await to(cabinet.tell, unclear)
    assert [one["kind"] for one in await ghosts(service)] == ["unsure_goods"]


async def test_an_order_whose_goods_a_beam_does_not_see_any_more_is_listed_until_it_does(
    service: Service,
) -> None:
    cabinet = await service.connected()
    stay = await a_stay(service, cabinet)
    named = {"occupancy": stay.occupancy, "order": stay.order, "parcel": stay.parcel}
    there = box("01", "occupied", **named)
    await to(cabinet.tell, cabinet.event("SeenInside", "01", box=there, goods=False))
    assert [one["kind"] for one in await ghosts(service)] == ["unsure_goods"]
    await to(cabinet.tell, cabinet.event("SeenInside", "01", box=there, goods=True))
    assert await ghosts(service) == []


async def test_goods_that_lie_there_after_they_were_collected_are_listed(service: Service) -> None:
    cabinet = await service.connected()
    stay = await a_stay(service, cabinet)
    await to(cabinet.tell, stay.collected(cabinet))
    named = {"occupancy": stay.occupancy, "order": stay.order, "parcel": stay.parcel}
    await to(cabinet.tell, cabinet.event("Surveyed", boxes=[box("01", "occupied", **named)]))
    assert [one["kind"] for one in await ghosts(service)] == ["collected_goods"]


@pytest.mark.parametrize("extra", [{}, {"doors.rubbish": 1.0, "x" * 50: 2.0}])
async def test_what_a_cabinet_tells_of_its_doors_is_in_the_metrics_and_nothing_else_is(
    service: Service, extra: dict[str, float]
) -> None:
    cabinet = await service.connected()
    samples = {"doors.retries": 3.0, "doors.slowest_ms": 410.0, **extra}
    await to(cabinet.say, Leaf.TELEMETRY, Telemetry(session=cabinet.session, at_ms=1, samples=samples))
    wanted = 'tuangui_doors{cabinet="garden-east-1",figure="retries"} 3.0'

    async def told() -> bool:
        return wanted in (await service.http.get("/metrics")).text

    await until(told)
    page = (await service.http.get("/metrics")).text
    assert page.count("tuangui_doors{") == 2
