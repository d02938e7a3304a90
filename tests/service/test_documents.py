"""What must become true at a cabinet is signed, sealed, and sent until the cabinet reports it."""

import asyncio
import queue

import pytest

from cloud import documents
from config.contract import codes
from config.contract.messages import Desired, DocumentName, Keys, Parcels
from config.contract.signing import BadProof, CabinetKeys, unseal
from config.contract.topics import Leaf
from tests.service.conftest import Service, public_keys, until
from tests.service.fake_cabinet import FakeCabinet, Stay

to = asyncio.to_thread


async def heard(service: Service, cabinet: FakeCabinet, count: int = 4) -> dict[DocumentName, Desired]:
    public = public_keys(service, "desired")
    found = [await to(cabinet.desired, public) for _ in range(count)]
    return {document.name: document for document in found}


async def test_a_birth_brings_all_documents_keys_first(service: Service) -> None:
    cabinet = await service.connected()
    first = await to(cabinet.desired, {})  # signed by the root, or this fails
    assert (first.name, first.version, first.epoch) == (DocumentName.KEYS, 1, cabinet.epoch)
    keys = Keys.model_validate(first.content).keys
    assert {key.purpose for key in keys} == {"desired", "commands", "token"}
    assert all(1 <= int(key.kid) <= 255 for key in keys)
    rest = await heard(service, cabinet, 3)
    assert set(rest) == set(DocumentName) - {DocumentName.KEYS}


async def test_documents_come_again_until_they_are_reported(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "RESEND_S", 0.2)
    cabinet = await service.connected()
    first = await heard(service, cabinet)
    await asyncio.sleep(0.25)
    await to(cabinet.sync)
    again = await heard(service, cabinet)
    assert again == first
    await to(cabinet.report, *again.values())
    await asyncio.sleep(0.25)
    await to(cabinet.sync)
    with pytest.raises(queue.Empty):
        await to(cabinet.hear, Leaf.DESIRED, 0.4)
    papers = (await service.http.get("/v1/cabinets/garden-east-1")).json()["documents"]
    assert [paper["applied"] for paper in papers] == [True] * 4


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "RESEND_S", 0.3)


@pytest.mark.usefixtures("impatient")
async def test_a_document_that_got_lost_comes_again_without_a_sign_of_life(service: Service) -> None:
    cabinet = await service.connected()
    first = await heard(service, cabinet)
    assert await heard(service, cabinet) == first


async def test_a_document_is_not_sent_on_every_heartbeat(service: Service) -> None:
    cabinet = await service.connected()
    await heard(service, cabinet)
    for _ in range(3):
        await to(cabinet.sync)
    with pytest.raises(queue.Empty):
        await to(cabinet.hear, Leaf.DESIRED, 0.3)


async def test_an_order_raises_the_version_of_parcels_and_is_sent_at_once(service: Service) -> None:
    cabinet = await service.connected()
    await to(cabinet.report, *(await heard(service, cabinet)).values())
    order = (await service.order(parcels=[{"size": "S"}, {"size": "M"}])).json()
    document = await to(cabinet.desired, public_keys(service, "desired"))
    assert (document.name, document.version) == (DocumentName.PARCELS, 2)
    parcels: Parcels = document.document()
    assert {p.parcel for p in parcels.parcels} == {p["parcel"] for p in order["parcels"]}
    digest = codes.code_digest(order["code"], bytes.fromhex(parcels.salt), parcels.scrypt_log2_n)
    assert {p.digest for p in parcels.parcels} == {digest.hex()}


async def test_a_new_epoch_gets_documents_that_name_it(service: Service) -> None:
    cabinet = await service.connected()
    await to(cabinet.report, *(await heard(service, cabinet)).values())
    anew = service.as_cabinet(cabinet.identity, cabinet.file)
    await to(anew.connect)
    await to(anew.report)
    assert {d.epoch for d in [await to(anew.desired, public_keys(service, "desired"))]} == {anew.epoch}


async def test_versions_rise_above_what_a_cabinet_has_reported(service: Service) -> None:
    cabinet = await service.connected()
    documents = await heard(service, cabinet)
    later = documents[DocumentName.SETTINGS].model_copy(update={"version": 9})
    await to(cabinet.report, later)
    assert (await to(cabinet.desired, public_keys(service, "desired"))).version == 10


async def test_settings_reach_the_cabinet(service: Service) -> None:
    cabinet = await service.connected()
    await to(cabinet.report, *(await heard(service, cabinet)).values())
    answer = await service.http.put("/v1/cabinets/garden-east-1/settings", json={"left_open_alarm_s": 30})
    assert answer.status_code == 200
    document = await to(cabinet.desired, public_keys(service, "desired"))
    assert document.document().left_open_alarm_s == 30


async def test_a_revoked_badge_is_in_the_grants(service: Service) -> None:
    cabinet = await service.connected()
    await to(cabinet.report, *(await heard(service, cabinet)).values())
    badge = (await service.http.post("/v1/badges", json={"cabinet": "garden-east-1"})).json()
    token = codes.read_token(badge["token"])
    assert token.holds(next(iter(public_keys(service, "token").values())))
    assert (token.token.purpose, token.token.right) == (codes.Purpose.BADGE, codes.BadgeRight.LOAD)
    assert token.token.cabinet == codes.cabinet_hash("garden-east-1")
    assert (await service.http.delete(f"/v1/badges/{badge['badge']}")).status_code == 204
    document = await to(cabinet.desired, public_keys(service, "desired"))
    assert document.document().revoked_badges == (badge["badge"],)


async def test_nobody_else_can_read_a_document(service: Service) -> None:
    cabinet = await service.connected()
    sealed = await to(cabinet.hear, Leaf.DESIRED)
    with pytest.raises(BadProof):
        unseal(CabinetKeys.derive(cabinet.id, bytes(32)), "desired", sealed)


async def test_collected_parcels_stay_known_for_the_time_of_a_second_opening(service: Service) -> None:
    cabinet = await service.connected()
    order = (await service.order()).json()
    stay = Stay("03", f"{cabinet.epoch}-1", order["order"], order["parcels"][0]["parcel"])
    await to(cabinet.tell, stay.deposited(cabinet), stay.collected(cabinet))

    async def content() -> dict[str, object]:
        from cloud.store import documents as stored

        async with service.parts.store.reading() as db:
            row = (await stored.documents_of(db, cabinet.id))["parcels"]
        return row["content"]  # type: ignore[no-any-return]

    async def is_there() -> bool:
        return len((await content())["parcels"]) == 1  # type: ignore[arg-type]

    await until(is_there)


async def test_a_badge_for_service_comes_with_a_pin_unless_it_ends_today(service: Service) -> None:
    await service.enrolled()
    asked = {"cabinet": "garden-east-1", "rights": ["load", "service"]}
    short = (await service.http.post("/v1/badges", json={**asked, "valid_hours": 12})).json()
    long = (await service.http.post("/v1/badges", json={**asked, "valid_hours": 13})).json()
    assert short["pin"] is None
    right = codes.BadgeRight(codes.read_token(long["token"]).token.right)
    assert right == codes.BadgeRight.LOAD | codes.BadgeRight.SERVICE
    grants = await service.document("grants")
    digest = codes.pin_digest(long["badge"], long["pin"], bytes.fromhex(grants["salt"])).hex()
    assert grants["pins"] == [{"badge": long["badge"], "digest": digest}]
    await service.http.delete(f"/v1/badges/{long['badge']}")
    grants = await service.document("grants")
    assert (grants["pins"], grants["revoked_badges"]) == ([], [long["badge"]])
