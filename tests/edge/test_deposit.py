"""A courier's evening when it does not go smoothly: too small, dirty, dead, wrong, full, interrupted."""


async def begun(bench, size="S"):
    """A courier is here, one parcel is expected, its door stands open."""
    order = bench.cloud.expect(size=size)
    await bench.hand_over()
    await bench.courier()
    return order, await bench.opens((await bench.scan(order)).door)


async def put(bench, order, door):
    await bench.served.put(door, order.parcel)
    await bench.shut(door)
    await bench.becomes(door, "occupied")


# --- it does not fit


async def test_a_parcel_that_does_not_fit_gets_the_next_larger_box_and_has_only_that_one(bench):
    order, small = await begun(bench)
    answer = await bench.say("does_not_fit", small)
    large = await bench.opens(answer.door)
    assert {c.label: c.size for c in bench.file.compartment}[large] == "M"
    assert bench.boxes_with(order) == [large]
    await put(bench, order, large)
    assert bench.boxes_with(order) == [large]


async def test_the_box_that_was_too_small_is_given_to_nobody_before_it_was_closed(bench):
    order, small = await begun(bench)
    other = bench.cloud.expect()
    await bench.hand_over()
    large = await bench.opens((await bench.say("does_not_fit", small)).door)
    assert not bench.box(small).assignable
    await put(bench, order, large)
    answer = await bench.scan(other)
    assert answer.door not in (small, large)
    await bench.shut(small)
    await bench.becomes(small, "vacant")
    assert bench.box(small).assignable
    assert not bench.box(small).verified


async def test_the_box_that_was_too_small_is_still_nobodys_after_a_restart(bench):
    order, small = await begun(bench)
    large = await bench.opens((await bench.say("does_not_fit", small)).door)
    await bench.stop()
    await bench.start()
    assert bench.boxes_with(order) == [large]
    assert not bench.box(small).assignable
    await bench.shut(small)
    await bench.becomes(small, "vacant")


async def test_what_does_not_fit_into_the_largest_box_is_told_to_the_cloud(bench):
    _, door = await begun(bench, "L")
    answer = await bench.say("does_not_fit", door)
    assert (answer.kind, answer.refusal, answer.size, answer.zone) == ("refused", "no_fit", "XL", "ambient")
    told = next(event.data for event in await bench.events() if event.type == "CabinetFull")
    assert (told["size"], told["free"]) == ("XL", {"S": 2, "M": 2, "L": 1})


# --- the box is not empty, or not clean


async def test_a_box_that_is_reported_not_empty_is_set_aside_and_another_opens(bench):
    order, dirty = await begun(bench)
    clean = await bench.opens((await bench.say("not_empty", dirty)).door)
    await put(bench, order, clean)
    await bench.shut(dirty)
    await bench.becomes(dirty, "vacant")
    assert bench.box(dirty).sides == {"quarantine"}
    assert not bench.box(dirty).assignable
    faults = [event.data for event in await bench.events() if event.type == "FaultRaised"]
    assert {"fault": "compartment_unclear", "subject": dirty}.items() <= faults[-1].items()


async def test_a_box_set_aside_comes_back_after_somebody_looked(bench):
    _, dirty = await begun(bench)
    await bench.opens((await bench.say("not_empty", dirty)).door)
    await bench.shut(dirty)
    await bench.becomes(dirty, "vacant")
    await service(bench, dirty)
    await bench.until(lambda: bench.box(dirty).assignable)


async def service(bench, door):
    from controller.visit import Ask, Purpose

    number = bench.edge.store.next_opening()
    await bench.edge.cabinet.ask(door, Ask(number, Purpose.SERVICE, "remote", bench.box(door).occupancy))
    await bench.opens(door)
    await bench.shut(door)


# --- a dead door


async def test_a_door_that_does_not_open_is_set_aside_and_another_opens_by_itself(bench):
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.courier()
    await bench.served.fault("latch_jammed", "01")
    assert (await bench.scan(order)).door == "01"
    await bench.until(lambda: bench.boxes_with(order) not in ([], ["01"]))
    (other,) = bench.boxes_with(order)
    await put(bench, order, await bench.opens(other))
    assert bench.box("01").sides == {"out_of_service"}
    next_one = bench.cloud.expect()
    await bench.hand_over()
    assert (await bench.scan(next_one)).door != "01"


# --- nothing was put in


async def test_nothing_put_in_takes_a_deposit_back(bench):
    order, door = await begun(bench)
    await bench.shut(door)
    await bench.becomes(door, "occupied")
    assert (await bench.say("not_in", door)).kind == "noted"
    assert bench.boxes_with(order) == []
    assert bench.box(door).assignable
    assert "DepositAnswered" in await bench.event_types()
    assert (await bench.edge.entrance.typed(order.code)).refusal == "not_loaded"
    await put(bench, order, await bench.opens((await bench.scan(order)).door))


async def test_nobody_takes_back_a_deposit_once_the_courier_has_left(bench):
    order, door = await begun(bench)
    await put(bench, order, door)
    await bench.edge.entrance.scanned(bench.cloud.badge())
    assert (await bench.say("not_in", door)).refusal == "no_question"
    assert bench.boxes_with(order) == [door]


async def test_a_word_about_a_door_that_is_still_opening_waits(bench):
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.courier()
    await bench.served.fault("latch_jammed", "01")
    await bench.scan(order)
    assert (await bench.say("does_not_fit", "01")).refusal == "busy"
    await bench.served.repair("latch_jammed", "01")
    assert bench.boxes_with(order) == ["01"]
