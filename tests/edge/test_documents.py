"""Documents that must become true: signed, sealed, for this cabinet, never going back."""

import pytest

from config.contract.messages import CabinetSettings, DocumentName, Grants, Keys
from config.contract.signing import BadProof


async def test_a_document_is_in_force_at_once_and_again_after_a_restart(bench):
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.stop()
    await bench.start()
    assert bench.edge.documents.reported["parcels"].version == 1
    assert (await bench.edge.entrance.typed(order.code)).refusal == "not_loaded"


async def test_an_older_version_and_the_same_version_with_other_content_are_refused(bench):
    await bench.hand_over()
    epoch, take = bench.edge.store.epoch, bench.edge.documents.take
    one = bench.cloud.document(DocumentName.SETTINGS, CabinetSettings(phone="1"), epoch, version=5)
    await take(one)
    await take(bench.cloud.document(DocumentName.SETTINGS, CabinetSettings(phone="2"), epoch, version=4))
    assert "older" in bench.edge.documents.reported["settings"].refused
    await take(bench.cloud.document(DocumentName.SETTINGS, CabinetSettings(phone="3"), epoch, version=5))
    assert "other content" in bench.edge.documents.reported["settings"].refused
    assert bench.edge.kiosk.phone == "1"
    assert bench.edge.documents.reported["settings"].version == 5


async def test_a_document_for_another_epoch_is_refused(bench):
    await bench.hand_over()
    other = bench.cloud.document(DocumentName.SETTINGS, CabinetSettings(), "00000000000000aa")
    await bench.edge.documents.take(other)
    assert "epoch" in bench.edge.documents.reported["settings"].refused


async def test_a_document_that_nobody_entitled_signed_is_not_looked_at(bench):
    await bench.hand_over()
    epoch, take = bench.edge.store.epoch, bench.edge.documents.take
    bench.cloud.desired = bench.cloud.token
    with pytest.raises(BadProof, match="not a key in force"):
        await take(bench.cloud.document(DocumentName.GRANTS, Grants(), epoch))
    bench.cloud.root = bench.cloud.token
    with pytest.raises(BadProof):
        await take(bench.cloud.document(DocumentName.KEYS, Keys(keys=()), epoch))


async def test_a_document_sealed_for_another_cabinet_is_not_looked_at(bench):
    await bench.hand_over()
    sealed = bench.cloud.document(DocumentName.GRANTS, Grants(), bench.edge.store.epoch)
    flipped = sealed[:-8] + (b"AAAAAAAA" if sealed[-8:] != b"AAAAAAAA" else b"BBBBBBBB")
    with pytest.raises(BadProof):
        await bench.edge.documents.take(flipped)
    for garbage in (b"", b"{}", b"\n", b"not json\nbody", b"\xff" * 2000, b'{"v":2}\n', b"[" * 100_000):
        with pytest.raises(BadProof):
            await bench.edge.documents.take(garbage)


async def test_bad_settings_are_refused_and_the_last_good_ones_stay(bench):
    await bench.hand_over()
    epoch, take = bench.edge.store.epoch, bench.edge.documents.take
    await take(bench.cloud.document(DocumentName.SETTINGS, CabinetSettings(left_open_alarm_s=77), epoch))

    class Bad:
        @staticmethod
        def model_dump(mode):
            return {"left_open_alarm_s": 5000}

    await take(bench.cloud.document(DocumentName.SETTINGS, Bad, epoch))
    assert "left_open_alarm_s" in bench.edge.documents.reported["settings"].refused
    assert bench.edge.cabinet.rules.left_open_alarm_s == 77


async def test_settings_wait_until_nobody_is_at_a_door(bench):
    order = await bench.loaded()
    answer = await bench.edge.entrance.typed(order.code)
    assert await bench.served.wait(answer.door, "open")
    settings = CabinetSettings(left_open_alarm_s=11, phone="5")
    epoch = bench.edge.store.epoch
    await bench.edge.documents.take(bench.cloud.document(DocumentName.SETTINGS, settings, epoch))
    await bench.edge.documents.catch_up()
    assert bench.edge.cabinet.rules.left_open_alarm_s == 60
    assert "settings" not in bench.edge.documents.reported
    await bench.collect(answer.door)
    await bench.until(lambda: bench.edge.cabinet.rules.left_open_alarm_s == 11)
    assert bench.edge.documents.reported["settings"].version == 1
    assert bench.edge.kiosk.phone == "5"


async def test_a_door_that_stays_open_does_not_hold_up_settings_for_ever(bench, monkeypatch):
    monkeypatch.setattr("controller.cabinet.LONGEST_VISIT_S", 0.5)
    order = await bench.loaded()
    answer = await bench.edge.entrance.typed(order.code)
    assert await bench.served.wait(answer.door, "open")
    settings, epoch = CabinetSettings(phone="5"), bench.edge.store.epoch
    await bench.edge.documents.take(bench.cloud.document(DocumentName.SETTINGS, settings, epoch))
    await bench.until(lambda: bench.edge.kiosk.phone == "5")
