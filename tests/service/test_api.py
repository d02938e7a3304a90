"""Who may ask, how refusals look, and how an identity is given out."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from cloud.auth import Scope, create_api_key
from cloud.enrolment import enrol
from config.cabinet import load
from config.contract.topics import Leaf
from tests.service.conftest import CABINETS, Service, until

to = asyncio.to_thread

PROBLEM = "application/problem+json"
ROUTES = [
    ("GET", "/v1/cabinets", {Scope.READ, Scope.OPERATOR}),
    ("GET", "/v1/cabinets/garden-east-1", {Scope.READ, Scope.OPERATOR}),
    ("PUT", "/v1/cabinets/garden-east-1/settings", {Scope.OPERATOR}),
    ("POST", "/v1/cabinets/garden-east-1/compartments/01/open", {Scope.OPERATOR}),
    ("POST", "/v1/cabinets/garden-east-1/open-all", {Scope.OPERATOR}),
    ("GET", "/v1/alarms", {Scope.READ, Scope.OPERATOR}),
    ("POST", "/v1/alarms/clear", {Scope.OPERATOR}),
    ("GET", "/v1/events", {Scope.READ}),
    ("GET", "/v1/ghosts", {Scope.READ, Scope.OPERATOR}),
    ("GET", "/v1/commands", {Scope.READ, Scope.OPERATOR}),
    ("GET", "/v1/commands/x", {Scope.READ, Scope.OPERATOR}),
    ("POST", "/v1/orders", {Scope.ORDERS}),
    ("GET", "/v1/orders", {Scope.READ, Scope.ORDERS}),
    ("GET", "/v1/orders/x", {Scope.READ, Scope.ORDERS}),
    ("GET", "/v1/orders/x/hand-in", {Scope.ORDERS}),
    ("POST", "/v1/orders/x/code", {Scope.ORDERS}),
    ("GET", "/v1/parcels/x", {Scope.READ, Scope.ORDERS}),
    ("POST", "/v1/badges", {Scope.COURIER}),
    ("DELETE", "/v1/badges/x", {Scope.COURIER}),
]


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert set(answer.json()) >= {"type", "title", "status", "detail", "code"}


async def test_every_route_asks_for_a_key_with_the_right_scope(service: Service) -> None:
    paths = (await service.http.get("/v1/openapi.json")).json()["paths"]
    under_v1 = {path for path in paths if path.startswith("/v1/")} - {"/v1/enrolments/exchange"}
    assert len(under_v1) == len({path for _, path, _ in ROUTES})
    keys = {s: await create_api_key(service.parts.store, s.value, [s]) for s in Scope}
    for method, path, scopes in ROUTES:
        none = await service.http.request(method, path, headers={"Authorization": ""})
        assert_problem(none, 401, "no_api_key")
        for scope, key in keys.items():
            answer = await service.http.request(method, path, headers={"Authorization": f"Bearer {key}"})
            refused = answer.status_code == 403
            assert refused == (scope not in scopes), (method, path, scope, answer.text)


async def test_a_revoked_key_is_refused(service: Service) -> None:
    from cloud.store import access

    key = await create_api_key(service.parts.store, "leaving", [Scope.READ])
    async with service.parts.store.writing() as db:
        await access.revoke_api_key(db, "leaving", 1)
    answer = await service.http.get("/v1/cabinets", headers={"Authorization": f"Bearer {key}"})
    assert_problem(answer, 401, "bad_api_key")


async def test_every_kind_of_error_is_a_problem_with_a_code(service: Service) -> None:
    http = service.http
    assert_problem(await http.get("/nowhere"), 404, "not_found")
    assert_problem(await http.put("/v1/orders"), 405, "method_not_allowed")
    assert_problem(await http.get("/v1/cabinets/nowhere-1"), 404, "unknown_cabinet")
    assert_problem(await http.get("/v1/orders/" + "ab" * 8), 404, "unknown_order")
    assert_problem(await http.get("/v1/parcels/" + "ab" * 8), 404, "unknown_parcel")
    assert_problem(await http.get("/v1/commands/" + "ab" * 8), 404, "unknown_command")
    assert_problem(await http.delete("/v1/badges/" + "ab" * 8), 404, "unknown_badge")
    assert_problem(await http.get("/v1/events?limit=0"), 422, "invalid_request")
    assert_problem(await http.get(f"/p/{'x' * 43}/state"), 404, "unknown_link")
    assert_problem(await http.post("/v1/badges", json={"cabinet": "nowhere-1"}), 404, "unknown_cabinet")
    unkeyed = await http.post(
        "/v1/orders", json={"cabinet": "abc", "parcels": [{"size": "S"}], "phone": "12345"}
    )
    assert_problem(unkeyed, 400, "no_idempotency_key")
    garbled = await http.post("/v1/badges", content=b"{", headers={"Content-Type": "application/json"})
    assert_problem(garbled, 400, "not_json")
    assert_problem(await http.post("/v1/badges", content=b"x" * 100_000), 413, "too_large")
    assert_problem(await http.post("/v1/badges", content=in_pieces()), 413, "too_large")


async def in_pieces() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield b"x" * 1024


async def test_a_failure_is_a_problem_that_tells_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr("cloud.fleet.Fleet.alarms", fail)
    answer = await service.http.get("/v1/alarms")
    assert_problem(answer, 500, "internal")
    assert "42" not in answer.text


async def test_a_token_is_exchanged_once(service: Service) -> None:
    token = await enrol(service.parts.store, load(CABINETS / "locker-8a80.toml"))
    first = await service.http.post("/v1/enrolments/exchange", json={"token": token})
    assert first.status_code == 200
    assert first.json()["cabinet"] == "garden-east-1"
    assert first.headers["cache-control"] == "no-store"
    second = await service.http.post("/v1/enrolments/exchange", json={"token": token})
    assert_problem(second, 403, "bad_token")


async def test_an_expired_or_invented_token_is_refused(service: Service) -> None:
    expired = await enrol(service.parts.store, load(CABINETS / "locker-8a80.toml"), valid_ms=-1)
    for token in (expired, "tge_" + "x" * 43):
        answer = await service.http.post("/v1/enrolments/exchange", json={"token": token})
        assert_problem(answer, 403, "bad_token")


async def test_events_are_read_page_by_page(service: Service) -> None:
    cabinet = await service.connected()
    await to(cabinet.tell, *[cabinet.event("CourierArrived", badge="ab" * 8) for _ in range(5)])
    seen, after = [], 0
    while page := (await service.http.get(f"/v1/events?limit=2&after={after}")).json():
        if not page["events"]:
            break
        seen += [event["event"]["seq"] for event in page["events"]]
        after = page["next"]
    assert seen == [1, 2, 3, 4, 5]


async def test_presence_follows_birth_last_will_and_silence(service: Service) -> None:
    async def state() -> str:
        told = (await service.http.get("/v1/cabinets")).json()["cabinets"][0]
        return str(told["presence"]["state"])

    cabinet = await service.enrolled()
    assert await state() == "never"
    await to(cabinet.connect)
    assert await state() == "online"
    old_will = cabinet.status("offline")
    cabinet.n = 2
    await to(cabinet.sync)
    await to(cabinet.say, Leaf.STATUS, old_will)
    await to(cabinet.sync)
    assert await state() == "online"
    await to(cabinet.say, Leaf.STATUS, cabinet.status("offline"))

    async def lost() -> bool:
        return await state() == "lost"

    await until(lost)
    service.parts.fleet._offline_after_ms = -1000

    async def offline() -> bool:
        return await state() == "offline"

    await until(offline)
    assert [a["fault"] for a in await service.parts.fleet.alarms()] == ["offline"]
    service.parts.fleet._offline_after_ms = 90_000
    await to(cabinet.sync)
    assert (await state(), await service.parts.fleet.alarms()) == ("online", [])


async def test_a_retained_birth_does_not_make_a_cabinet_present(service: Service) -> None:
    cabinet = await service.enrolled()
    await to(cabinet.connect, say_hello=False)
    await service.parts.downlink.stop()
    await to(cabinet.say, Leaf.STATUS, cabinet.status(), retain=True)
    fresh = type(service.parts.downlink)(service.parts.downlink._address)
    fresh.start()
    heard = await asyncio.wait_for(fresh.heard(10), 10)
    await fresh.stop()
    assert [message.retained for message in heard] == [True]
    from cloud.presence import Sighting, after_sighting

    told = Sighting("default", cabinet.id, cabinet.epoch, 1, 1, 5, True, cabinet.status())
    row = after_sighting(None, told)
    assert row is not None
    assert (row["state"], row["seen_ms"]) == ("lost", 0)


async def test_an_alarm_is_cleared_by_an_operator(service: Service) -> None:
    cabinet = await service.connected()
    fault = {"fault": "door_stuck", "subject": "03"}
    await to(cabinet.tell, cabinet.event("FaultRaised", "03", **fault))
    answer = await service.http.post("/v1/alarms/clear", json={"cabinet": cabinet.id, **fault})
    assert answer.status_code == 200
    again = await service.http.post("/v1/alarms/clear", json={"cabinet": cabinet.id, **fault})
    assert_problem(again, 404, "no_such_alarm")


async def test_health_readiness_and_counters_are_told(service: Service) -> None:
    cabinet = await service.connected()
    await to(cabinet.tell, cabinet.event("CourierArrived", badge="ab" * 8))
    assert (await service.http.get("/healthz")).json() == {"status": "ok"}
    assert (await service.http.get("/readyz")).status_code == 200
    text = (await service.http.get("/metrics")).text
    assert 'tuangui_events_total{fate="stored"} 1.0' in text
    assert 'tuangui_cabinets{state="online"} 1.0' in text
    await service.parts.downlink.stop()
    answer = await service.http.get("/readyz")
    assert (answer.status_code, answer.json()["broker"]) == (503, False)
    assert json.loads(answer.text)["database"] is True
