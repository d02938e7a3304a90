"""A courier's evening when it does not go smoothly: too small, dirty, dead, wrong, full, interrupted."""

import httpx


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


async def test_a_page_that_was_drawn_for_another_parcel_says_nothing_of_the_next_one(bench):
    first, door = await begun(bench)
    await put(bench, first, door)
    old_page = bench.box(door).occupancy
    await bench.edge.entrance.typed(first.code)
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    second = bench.cloud.expect()
    await bench.hand_over()
    assert await bench.opens((await bench.scan(second)).door) == door
    assert (await bench.say("does_not_fit", door, old_page)).refusal == "other_occupancy"
    await put(bench, second, door)
    for about in (old_page, ""):
        assert (await bench.say("not_in", door, about)).refusal == "other_occupancy"
    assert bench.boxes_with(second) == [door]


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


# --- another door than the one that was to open


async def another_door_moves(bench):
    """Door 01 is jammed, and door 03 springs open in its place: two cables are swapped."""
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.courier()
    answers = []
    bench.edge.entrance.show_to(answers.append)
    await bench.served.fault("latch_jammed", "01")
    assert (await bench.scan(order)).door == "01"
    bench.served.cabinet.force("03")
    await bench.until(lambda: any(answer.kind == "question" for answer in answers))
    return order, next(answer for answer in answers if answer.kind == "question")


async def test_a_wrong_door_is_asked_about_and_nothing_is_ready_before_the_answer(bench):
    order, question = await another_door_moves(bench)
    assert (question.door, question.other, question.asks) == ("01", "03", ("in_other", "not_in"))
    assert bench.boxes_with(order) == []
    assert not {"ParcelDeposited", "DepositAnswered"} & set(await bench.event_types())


async def test_a_parcel_that_went_behind_the_wrong_door_is_collected_there(bench):
    order, question = await another_door_moves(bench)
    await bench.served.put("03", order.parcel)
    assert (await bench.say("in_other", question.door)).refusal == "door_open"
    await bench.shut("03")
    await bench.until(lambda: bench.box("03").door.is_closed)
    assert (await bench.say("in_other", question.door)).kind == "noted"
    assert bench.boxes_with(order) == ["03"]
    assert "forced" in bench.box("03").sides
    assert (await bench.edge.entrance.typed(order.code)).door == "03"
    await bench.collect("03")
    await bench.becomes("03", "vacant")
    assert not bench.box("03").assignable


async def test_a_word_that_was_meant_for_an_earlier_question_is_answered_by_the_one_that_is_open(bench):
    _, question = await another_door_moves(bench)
    await bench.closed("03")
    again = await bench.say("in_other", question.door, "00000000000000aa-1")
    assert (again.kind, again.about) == ("question", question.about)
    assert (await bench.say("in_other", question.door, question.about)).kind == "noted"


async def test_a_parcel_still_in_hand_after_a_wrong_door_gets_another_one(bench):
    order, question = await another_door_moves(bench)
    await bench.shut("03")
    answer = await bench.say("not_in", question.door)
    assert answer.door not in ("01", "03")
    await put(bench, order, await bench.opens(answer.door))
    assert bench.boxes_with(order) == [answer.door]


async def test_a_door_that_opens_late_after_a_wrong_one_waits_for_the_answer(bench):
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.courier()
    await bench.served.fault("latch_jammed", "01")
    await bench.scan(order)
    bench.served.cabinet.force("03")
    await bench.until(lambda: bench.box("01").awaits_word)
    await bench.served.repair("latch_jammed", "01")
    await bench.opens("01")
    await bench.served.put("01", order.parcel)
    await bench.shut("01")
    await bench.becomes("01", "checking")
    assert "ParcelDeposited" not in await bench.event_types()
    assert (await bench.say("is_in", "01")).kind == "noted"
    assert bench.box("01").state == "occupied"
    assert (await bench.edge.entrance.typed(order.code)).door == "01"


async def killed(bench):
    """The process dies, and a courier comes to the one that follows."""
    await bench.is_killed()
    await bench.start()
    return await bench.edge.entrance.scanned(bench.cloud.badge())


async def test_the_question_outlives_the_program_and_ends_as_it_would_have(bench):
    order, question = await another_door_moves(bench)
    await bench.served.put("03", order.parcel)
    again = await killed(bench)
    assert (again.kind, again.door, again.other, again.asks) == (
        "question", question.door, question.other, question.asks
    )  # fmt: skip
    await bench.closed("03")
    assert (await bench.say("in_other", question.door)).kind == "noted"
    assert (await bench.edge.entrance.typed(order.code)).door == "03"
    await bench.collect("03")
    await bench.becomes("03", "vacant")
    assert (await killed(bench)).kind == "courier", "answered is answered"


async def test_a_parcel_still_in_hand_after_a_restart_gets_another_door_too(bench):
    order, question = await another_door_moves(bench)
    await killed(bench)
    await bench.closed("03")
    answer = await bench.say("not_in", question.door)
    assert answer.door not in ("01", "03")
    await put(bench, order, await bench.opens(answer.door))
    assert (await killed(bench)).kind == "courier"


async def test_a_question_that_was_open_at_a_restart_is_answered_by_nobody_without_a_badge(bench):
    _, question = await another_door_moves(bench)
    await bench.is_killed()
    await bench.start()
    for word in ("in_other", "is_in", "not_in"):
        assert (await bench.say(word, question.door)).refusal == "no_question"


async def test_killed_with_the_event_of_the_wrong_door_the_parcel_is_doubted_and_asked_about(bench):
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.courier()
    await bench.served.fault("latch_jammed", "01")
    await bench.scan(order)
    dead = bench.dies_after(1, carried_out=False)
    bench.served.cabinet.force("03")
    await bench.until(dead.is_set)
    await bench.stop()
    await bench.start()
    assert (await bench.event_types()).count("DoorForced") >= 1
    assert bench.box("01").awaits_word
    again = await bench.edge.entrance.scanned(bench.cloud.badge())
    assert (again.door, again.other, again.asks) == ("01", "03", ("in_other", "is_in", "not_in"))
    await bench.served.put("03", order.parcel)
    await bench.closed("03")
    assert (await bench.say("in_other", "01")).kind == "noted"
    assert bench.boxes_with(order) == ["03"]


async def test_a_parcel_that_is_scanned_again_and_deposited_is_asked_about_no_more(bench):
    order, _ = await another_door_moves(bench)
    await bench.closed("03")
    await put(bench, order, await bench.opens((await bench.scan(order)).door))
    assert (await killed(bench)).kind == "courier"


async def test_a_door_forced_while_the_asked_one_stands_open_is_no_question(bench):
    order, door = await begun(bench)
    bench.served.cabinet.force("05")
    await bench.until(lambda: "forced" in bench.box("05").sides)
    await put(bench, order, door)
    assert bench.boxes_with(order) == [door]


# --- full


async def test_a_full_cabinet_says_which_size_and_zone_is_missing_and_tells_the_cloud(bench):
    large = [bench.cloud.expect(size="L") for _ in range(3)]
    await bench.hand_over()
    for order in large[:2]:
        await bench.load(order)
    answer = await bench.scan(large[2])
    assert (answer.refusal, answer.size, answer.zone) == ("no_fit", "L", "ambient")
    (told,) = [event.data for event in await bench.events() if event.type == "CabinetFull"]
    assert (told["parcel"], told["size"], told["free"]) == (large[2].parcel, "L", {"S": 2, "M": 2, "L": 0})


async def test_a_zone_that_the_cabinet_does_not_have_is_full(bench):
    await bench.hand_over()
    await bench.courier()
    label = bench.cloud.label(zone="frozen")
    answer = await bench.edge.entrance.scanned(label.signed(bench.cloud.token))
    assert (answer.refusal, answer.zone) == ("no_fit", "frozen")


# --- the screen


async def test_buttons_on_the_screen_say_it(bench):
    order, door = await begun(bench)
    async with httpx.AsyncClient(base_url=bench.kiosk_url) as kiosk:
        said = {"word": "does_not_fit", "door": door, "about": bench.box(door).occupancy}
        answer = (await kiosk.post("say", json=said)).json()
        assert answer["kind"] == "opening"
        for word, named in (("open sesame", door), ("not_in", "99"), ("is_in", "")):
            refused = (await kiosk.post("say", json={"word": word, "door": named})).json()
            assert refused["refusal"] == "no_question"
        assert (await kiosk.post("say", json={"word": "x" * 100})).status_code == 422
    assert bench.boxes_with(order) == [answer["door"]]
