"""Orders: taken once, with codes that only their resident, the shop and the cabinet can tell."""

import asyncio
from pathlib import Path

import pytest

from cloud.orders import order_state
from config.contract import codes, labels
from tests.service.conftest import Service, public_keys, started
from tests.service.fake_cabinet import Stay, box

to = asyncio.to_thread


async def test_an_order_brings_parcels_code_qr_and_link(service: Service) -> None:
    await service.enrolled()
    answer = await service.order(parcels=[{"size": "S"}, {"size": "L"}], reference="shop-7")
    order = answer.json()
    assert (answer.status_code, order["state"], order["reference"]) == (201, "expected", "shop-7")
    assert order["phone"] == "138****8000"
    assert [codes.read_parcel_label(p["label"]) for p in order["parcels"]] == [
        p["parcel"] for p in order["parcels"]
    ]
    assert codes.typed_code(order["code"]) == order["code"]
    token = codes.read_token(order["qr"])
    assert token.holds(public_keys(service, "token")[str(token.token.kid)])
    assert (token.token.holder, token.token.purpose) == (order["order"], codes.Purpose.PICKUP)
    state = (await service.http.get(order["link"] + "/state")).json()
    assert (state["order"], state["code"]) == (order["order"], order["code"])


async def test_the_same_key_gives_the_same_order(service: Service) -> None:
    await service.enrolled()
    first, second = [await service.order(key="evening-1") for _ in range(2)]
    assert first.json() == second.json()
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len((await service.http.get("/v1/orders")).json()["orders"]) == 1


async def test_the_same_key_twice_at_once_takes_one_order(service: Service) -> None:
    await service.enrolled()
    answers = await asyncio.gather(*(service.order(key="evening-1") for _ in range(5)))
    assert len({answer.json()["order"] for answer in answers}) == 1


async def test_a_closed_cabinet_takes_no_orders_until_it_is_open_again(service: Service) -> None:
    await service.enrolled()
    settings = "/v1/cabinets/garden-east-1/settings"
    for closed in ({"closed_for": "new"}, {"closed_for": "all", "closed_because": "repair"}):
        assert (await service.http.put(settings, json=closed)).status_code == 200
        answer = await service.order()
        assert (answer.status_code, answer.json()["code"]) == (409, "cabinet_closed")
    assert (await service.http.put(settings, json={"closed_for": "all"})).status_code == 422
    assert (await service.http.put(settings, json={})).status_code == 200
    assert (await service.order()).status_code == 201


async def test_the_same_key_for_another_request_is_refused(service: Service) -> None:
    await service.enrolled()
    await service.order(key="evening-1")
    answer = await service.order(key="evening-1", parcels=[{"size": "M"}])
    assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")


@pytest.mark.parametrize(
    ("changed", "status", "code", "names"),
    [
        ({"cabinet": "nowhere-1"}, 404, "unknown_cabinet", "nowhere-1"),
        ({"parcels": [{"size": "S"}, {"size": "XL"}]}, 422, "no_such_size", "parcels[1]"),
        ({"parcels": [{"size": "S", "zone": "frozen"}]}, 422, "no_such_zone", "frozen"),
        ({"parcels": [{"size": "XXL"}]}, 422, "invalid_request", "parcels[0].size"),
        ({"parcels": []}, 422, "invalid_request", "parcels"),
        ({"phone": "call me"}, 422, "invalid_request", "phone"),
        ({"cabinet": "../etc"}, 422, "invalid_request", "cabinet"),
        ({"colour": "red"}, 422, "invalid_request", "colour"),
        ({"keep_hours": 0}, 422, "invalid_request", "keep_hours"),
    ],
)
async def test_an_order_that_cannot_be_met_is_refused_by_name(
    service: Service, changed: dict[str, object], status: int, code: str, names: str
) -> None:
    await service.enrolled()
    answer = await service.order(**changed)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert names in problem["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await service.http.get("/v1/orders")).json()["orders"] == []


async def test_a_refused_order_leaves_its_key_free(service: Service) -> None:
    await service.enrolled()
    await service.order(key="k", cabinet="nowhere-1")
    assert (await service.order(key="k")).status_code == 201


async def test_no_code_phone_or_link_is_in_the_database_in_clear(tmp_path: Path) -> None:
    async with started(tmp_path / "cloud") as service:
        cabinet = await service.enrolled()
        order = (await service.order()).json()
        told = [
            order["code"],
            "13800138000",
            order["link"].rsplit("/", 1)[1],
            cabinet.identity.broker_password,
        ]
        key = service.http.headers["Authorization"].removeprefix("Bearer ")
        files = [path for path in (tmp_path / "cloud").glob("cloud.sqlite*") if path.is_file()]
        assert files
        kept = b"".join(path.read_bytes() for path in files)
        assert [secret for secret in [*told, key] if secret.encode() in kept] == []
        assert cabinet.identity.cabinet_key not in kept
        assert order["order"].encode() in kept  # or the search would prove nothing
    secrets = [path for path in (tmp_path / "cloud").rglob("*") if path.suffix in {".key", ".conf"}]
    assert len(secrets) == 6
    assert {oct(path.stat().st_mode & 0o777) for path in secrets} == {"0o600"}


async def test_a_code_is_erased_when_the_last_parcel_is_collected(service: Service) -> None:
    cabinet = await service.connected()
    order = (await service.order(parcels=[{"size": "S"}, {"size": "S"}])).json()
    stays = [
        Stay(label, f"{cabinet.epoch}-{n}", order["order"], parcel["parcel"])
        for label, n, parcel in zip(("01", "02"), (1, 2), order["parcels"], strict=True)
    ]
    await to(cabinet.tell, *[stay.deposited(cabinet) for stay in stays])
    await to(cabinet.tell, stays[0].collected(cabinet))
    seen = (await service.http.get(f"/v1/orders/{order['order']}")).json()
    assert (seen["state"], seen["code"]) == ("ready", order["code"])
    await to(cabinet.tell, stays[1].collected(cabinet))
    seen = (await service.http.get(f"/v1/orders/{order['order']}")).json()
    assert (seen["state"], seen["code"]) == ("collected", None)


async def test_a_code_is_erased_when_its_order_has_expired(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.enrolled()
    order = (await service.order(keep_hours=1)).json()
    monkeypatch.setattr("cloud.orders.now_ms", lambda: order["expires_ms"] + 1)
    await service.parts.orders.forget_expired()
    seen = (await service.http.get(f"/v1/orders/{order['order']}")).json()
    assert (seen["state"], seen["code"]) == ("expired", None)


async def test_a_key_that_only_reads_sees_no_code(service: Service) -> None:
    from cloud.auth import Scope, create_api_key

    await service.enrolled()
    order = (await service.order()).json()["order"]
    reader = await create_api_key(service.parts.store, "reader", [Scope.READ])
    seen = await service.http.get(f"/v1/orders/{order}", headers={"Authorization": f"Bearer {reader}"})
    assert seen.status_code == 200
    assert not {"code", "qr", "link"} & set(seen.json())


@pytest.mark.parametrize(
    ("states", "expires_ms", "state"),
    [
        (["expected"], 9, "expected"),
        (["ready", "expected"], 9, "ready"),
        (["collected", "ready"], 9, "ready"),
        (["collected", "expected"], 9, "expected"),
        (["collected", "collected"], 1, "collected"),
        (["ready"], 1, "expired"),
        (["collected", "unclear"], 9, "unclear"),
    ],
)
def test_the_state_of_an_order_is_what_its_parcels_say(
    states: list[str], expires_ms: int, state: str
) -> None:
    assert order_state([{"state": each} for each in states], expires_ms, now=5) == state


# --- labels that need no network


async def test_each_parcel_has_a_signed_label_that_tells_the_cabinet_all_it_needs(service: Service) -> None:
    await service.enrolled()
    order = (await service.order(parcels=[{"size": "L", "zone": "ambient"}])).json()
    (parcel,) = order["parcels"]
    read = labels.read_label(parcel["signed_label"])
    assert read.holds(public_keys(service, "token")[str(read.label.kid)])
    told = (read.label.purpose, read.label.order, read.label.parcel, read.label.size, read.label.zone)
    assert told == (labels.LabelPurpose.DELIVERY, order["order"], parcel["parcel"], "L", "ambient")
    assert read.label.cabinet == codes.cabinet_hash(order["cabinet"])
    assert read.label.exp * 1000 <= order["expires_ms"]


async def test_whoever_brings_something_gets_a_label_of_their_own_for_each_parcel_to_come(
    service: Service,
) -> None:
    await service.enrolled()
    order = (await service.order(parcels=[{"size": "S"}, {"size": "M"}])).json()
    told = (await service.http.get(f"/v1/orders/{order['order']}/hand-in")).json()
    read = {each["parcel"]: labels.read_label(each["label"]).label for each in told["parcels"]}
    assert set(read) == {parcel["parcel"] for parcel in order["parcels"]}
    assert {label.purpose for label in read.values()} == {labels.LabelPurpose.HAND_IN}
    assert (await service.http.get("/v1/orders/" + "ab" * 8 + "/hand-in")).json()["code"] == "unknown_order"


async def test_a_badge_that_may_remove_says_so(service: Service) -> None:
    await service.enrolled()
    asked = {"cabinet": "garden-east-1", "rights": ["load", "remove"], "valid_hours": 12}
    token = codes.read_token((await service.http.post("/v1/badges", json=asked)).json()["token"]).token
    assert codes.BadgeRight(token.right) == codes.BadgeRight.LOAD | codes.BadgeRight.REMOVE


def test_an_order_whose_parcels_were_taken_out_says_so() -> None:
    rows = [{"state": "collected"}, {"state": "removed"}]
    assert order_state(rows, 10, 5) == "removed"


async def test_the_cabinet_is_told_a_second_digest_of_code_and_phone_and_what_the_order_asks_for(
    service: Service,
) -> None:
    await service.enrolled()
    asked = [{"size": "S", "sensitive": True}]
    order = (await service.order(parcels=asked, low_door=True)).json()
    told = await service.document("parcels")
    (parcel,) = told["parcels"]
    salt = bytes.fromhex(told["salt"])
    assert parcel["digest"] == codes.code_digest(order["code"], salt).hex()
    assert parcel["strong_digest"] == codes.code_digest(order["code"] + "8000", salt).hex()
    assert (parcel["sensitive"], parcel["low"]) == (True, True)


async def test_a_phone_number_without_four_digits_is_refused(service: Service) -> None:
    await service.enrolled()
    answer = await service.order(phone="- - - 12")
    assert answer.status_code == 422
    assert "at least 4 digits" in answer.text


async def test_a_leaked_code_is_replaced_and_the_cabinet_is_told(service: Service) -> None:
    await service.enrolled()
    old = (await service.order()).json()
    answer = await service.http.post(f"/v1/orders/{old['order']}/code")
    new = answer.json()
    assert (answer.status_code, new["order"], new["link"]) == (200, old["order"], old["link"])
    assert new["code"] != old["code"]
    assert codes.read_token(new["qr"]).token.generation == 1
    told = await service.document("parcels")
    salt = bytes.fromhex(told["salt"])
    assert [(p["digest"], p["generation"]) for p in told["parcels"]] == [
        (codes.code_digest(new["code"], salt).hex(), 1)
    ]


async def test_a_resident_gets_a_new_code_on_the_page(service: Service) -> None:
    await service.enrolled()
    order = (await service.order()).json()
    page = await service.http.get(order["link"])
    assert "/code" in page.text
    answer = await service.http.post(order["link"] + "/code")
    assert (answer.status_code, answer.headers["location"]) == (303, "/p/" + order["link"].rsplit("/", 1)[1])
    state = (await service.http.get(order["link"] + "/state")).json()
    assert state["code"] not in (None, order["code"])


async def test_an_order_that_is_over_gets_no_new_code(service: Service) -> None:
    cabinet = await service.connected()
    order = (await service.order()).json()
    stay = Stay("03", f"{cabinet.epoch}-1", order["order"], order["parcels"][0]["parcel"])
    await to(cabinet.tell, stay.deposited(cabinet), stay.collected(cabinet))
    answer = await service.http.post(f"/v1/orders/{order['order']}/code")
    assert (answer.status_code, answer.json()["code"]) == (409, "used")
    assert (await service.http.post("/v1/orders/00/code")).status_code == 404


async def test_a_shared_right_has_a_qr_of_its_own_shows_no_code_and_is_taken_back(service: Service) -> None:
    await service.enrolled()
    order = (await service.order()).json()
    assert (await service.http.post(order["link"] + "/shares")).status_code == 303
    (share,) = (await service.http.get(order["link"] + "/state")).json()["shares"]
    theirs = (await service.http.get(share["link"] + "/state")).json()
    assert theirs["order"] == order["order"]
    assert (theirs["code"], theirs["phone"], theirs["shares"]) == (None, "", [])
    assert codes.read_token(theirs["qr"]).token.right == share["number"] == 1
    page = (await service.http.get(share["link"])).text
    assert order["code"][:4] not in page.replace(theirs["order"], "")
    await service.http.post(f"{order['link']}/shares/1/back")
    assert (await service.http.get(share["link"] + "/state")).status_code == 404
    assert (await service.document("parcels"))["parcels"][0]["void_rights"] == [1]
    await service.http.post(order["link"] + "/shares")
    (again,) = (await service.http.get(order["link"] + "/state")).json()["shares"]
    assert again["number"] == 2, "a number that was taken back does not come back"


async def test_whoever_was_let_in_cannot_change_the_code_or_let_others_in(service: Service) -> None:
    await service.enrolled()
    order = (await service.order()).json()
    await service.http.post(order["link"] + "/shares")
    (share,) = (await service.http.get(order["link"] + "/state")).json()["shares"]
    for deed in ("/code", "/shares", "/shares/1/back"):
        await service.http.post(share["link"] + deed)
    state = (await service.http.get(order["link"] + "/state")).json()
    assert (state["code"], len(state["shares"])) == (order["code"], 1)


async def test_sensitive_goods_are_not_shared_and_the_page_does_not_tell_the_phones_digits(
    service: Service,
) -> None:
    await service.enrolled()
    order = (await service.order(parcels=[{"size": "S", "sensitive": True}])).json()
    await service.http.post(order["link"] + "/shares")
    state = (await service.http.get(order["link"] + "/state")).json()
    assert (state["shares"], state["needs_tail"], state["phone"]) == ([], True, "")
    page = await service.http.get(order["link"])
    assert "8000" not in page.text.replace(order["code"], "")
    assert "手机号后四位" in page.text


async def test_whoever_left_something_behind_is_told_on_the_page_until_it_is_gone(service: Service) -> None:
    cabinet = await service.connected()
    order = (await service.order()).json()
    stay = Stay("03", f"{cabinet.epoch}-1", order["order"], order["parcels"][0]["parcel"])
    told = {"opening": 2, "purpose": "collect", "proof": "code", "parcel": stay.parcel, "again": True}
    told |= {"occupancy": stay.occupancy, "order": stay.order}

    async def step() -> str:
        (parcel,) = (await service.http.get(order["link"] + "/state")).json()["parcels"]
        return str(parcel["step"])

    await to(cabinet.tell, stay.deposited(cabinet), stay.collected(cabinet))
    assert await step() == "collected"
    await to(cabinet.tell, cabinet.event("LeftBehind", "03", box=box("03", "checking"), **told))
    assert await step() == "left_behind"
    assert "Something still lies there" in (await service.http.get(order["link"] + "?lang=en")).text
    await to(cabinet.tell, cabinet.event("Surveyed", boxes=[box("03")]))
    assert await step() == "collected"
