"""A code has leaked and the cloud has made a new one: the old code and the old QR open nothing any more."""

import pytest

from controller import visit


async def test_when_the_cabinet_knows_of_the_new_code_the_old_code_and_qr_open_nothing(bench):
    old = await bench.loaded()
    new = bench.cloud.reissued(old)
    await bench.hand_over()
    before = bench.openings_on_the_wire()
    assert (await bench.edge.entrance.typed(old.code)).refusal == "not_valid"
    assert (await bench.edge.entrance.scanned(bench.cloud.pickup_qr(old.order))).refusal == "not_valid"
    assert bench.openings_on_the_wire() == before
    assert (await bench.edge.entrance.typed(new.code)).kind == "opening"


@pytest.mark.parametrize("ending", ["tidy", "restored"])
@pytest.mark.row("S5")
async def test_s5_the_new_qr_makes_the_old_ones_void_offline_and_for_good(bench, tmp_path, ending):
    """The cabinet has not heard of the new code; somebody shows it the new QR while the box is held."""
    old = await bench.loaded()
    door = bench.door_of(old)
    older = {file.name: file.read_bytes() for file in bench.settings.folder.glob("edge.db*")}
    held = bench.box(door)
    bench.edge.cabinet.boxes[door] = type(held)(
        door, held.state, frozenset({visit.Side.COLD_HOLD}), held.occupancy, held.order, held.parcel
    )
    answer = await bench.edge.entrance.scanned(bench.cloud.pickup_qr(old.order, generation=1))
    assert answer.refusal == "held"
    bench.edge.cabinet.boxes[door] = held
    await bench.stop()
    if ending == "restored":
        for file in bench.settings.folder.glob("edge.db*"):
            file.unlink()
        for name, body in older.items():
            (bench.settings.folder / name).write_bytes(body)
    await bench.start()
    await bench.hand_over()
    before = bench.openings_on_the_wire()
    assert (await bench.edge.entrance.typed(old.code)).refusal == "not_valid"
    assert (await bench.edge.entrance.scanned(bench.cloud.pickup_qr(old.order))).refusal == "not_valid"
    assert bench.openings_on_the_wire() == before
    bench.cloud.reissued(old)
    await bench.hand_over()
    assert bench.edge.access.kept.generations == (), "what the cloud has told need not be remembered"


async def test_the_new_qr_opens_before_the_cabinet_has_heard_of_it(bench):
    old = await bench.loaded()
    answer = await bench.edge.entrance.scanned(bench.cloud.pickup_qr(old.order, generation=1))
    assert answer.kind == "opening"


async def test_a_shared_right_that_was_taken_back_opens_nothing_and_the_owners_still_does(bench):
    order = await bench.loaded()
    bench.cloud.parcels = [p.model_copy(update={"void_rights": (1,)}) for p in bench.cloud.parcels]
    await bench.hand_over()
    before = bench.openings_on_the_wire()
    assert (await bench.edge.entrance.scanned(bench.cloud.pickup_qr(order.order, right=1))).kind == "refused"
    assert bench.openings_on_the_wire() == before
    assert (await bench.edge.entrance.scanned(bench.cloud.pickup_qr(order.order, right=2))).kind == "opening"
