"""Somebody tries codes at the keypad: what it costs, what it yields, and what residents still can do."""

import random

import pytest

from config.contract.codes import CODE_DIGITS, TAIL_DIGITS
from config.contract.messages import CabinetSettings, DocumentName
from controller import reservations
from controller.access import Tries, after_wrong, wait_ms
from controller.access.tries import CODE, DAY_MS, STRONG, TAIL_AFTER

CODES_IN_A_CABINET = 120
TAIL = "8000"


def busy_guesser(days, codes_in_cabinet=CODES_IN_A_CABINET):
    """Guesses whenever the keypad lets it, code alone first, for so many days: (when, whether alone)."""
    alone, strong, now, end = Tries(), Tries(), 0, days * DAY_MS
    while now < end:
        asks_for_tail = alone.within(DAY_MS, now) >= TAIL_AFTER
        waits = [wait_ms(strong, now, STRONG)] + ([] if asks_for_tail else [wait_ms(alone, now, CODE)])
        if min(waits) > 0:
            now += min(waits)
            continue
        by_code_alone = not asks_for_tail and wait_ms(alone, now, CODE) == 0
        if by_code_alone:
            alone = after_wrong(alone, now, CODE)
        else:
            strong = after_wrong(strong, now, STRONG)
        yield now, by_code_alone
        now += 1


@pytest.mark.row("S1")
def test_s1_thirty_days_of_guessing_hardly_ever_find_a_code(record_property):
    tries = list(busy_guesser(days=30))
    worst = 0.0
    for start in range(0, 29 * DAY_MS, DAY_MS // 8):
        within = [alone for at, alone in tries if start <= at < start + DAY_MS]
        codes_alone, with_tail = sum(within), len(within) - sum(within)
        # the worst guesser knows every resident's telephone: then a tail narrows a code down to one order
        chance = codes_alone * CODES_IN_A_CABINET / 10**CODE_DIGITS + with_tail / 10**CODE_DIGITS
        assert codes_alone <= TAIL_AFTER
        worst = max(worst, chance)
    record_property("chance a day", f"{worst:.2e}")
    assert 6e-5 < worst <= 1e-4


@pytest.mark.row("S1")
def test_s1_the_computed_chance_is_what_an_attack_on_short_codes_finds():
    """The same rules with codes of 4 digits: seldom enough to compute, often enough to count."""
    luck, digits, held = random.Random(7), 4, 12
    guesses = sum(alone for at, alone in busy_guesser(days=1) if at < DAY_MS)
    assert guesses == TAIL_AFTER
    found = sum(
        any(luck.randrange(10**digits) in codes for _ in range(guesses))
        for codes in (set(luck.sample(range(10**digits), held)) for _ in range(4000))
    )
    computed = 1 - (1 - held / 10**digits) ** guesses
    assert found / 4000 == pytest.approx(computed, rel=0.25)


@pytest.mark.row("S1")
def test_s1_a_leaked_code_without_the_phone_is_guessed_at_about_a_hundred_times_a_day():
    """All a leaked code of sensitive goods is worth: one day of tails at the pace of the second digest."""
    strong, now, count = Tries(), 0, 0
    while now < DAY_MS:
        strong = after_wrong(strong, now, STRONG)
        count, now = count + 1, now + 1 + wait_ms(strong, now, STRONG)
    assert count <= 110
    assert count / 10**TAIL_DIGITS < 0.012


async def guess(bench, times, first=0):
    """Wrong codes, each after the keypad has become free again; the last answer."""
    answer = None
    for n in range(first, first + times):
        wait_over(bench)
        answer = await bench.edge.entrance.typed(f"9{n:07d}")
    wait_over(bench)
    return answer


def wait_over(bench):
    """As if the wait had passed, and the day had not."""
    tries = bench.edge.access.tries
    bench.edge.access.tries = Tries(tries.wrong, tries.waits, 0)


@pytest.mark.row("S1")
async def test_s1_after_exactly_sixty_wrong_codes_in_a_day_the_phone_is_asked_for(bench):
    order, next_order = await bench.loaded(code="10000001"), await bench.loaded(code="10000002")
    assert (await guess(bench, TAIL_AFTER - 1)).refusal == "not_valid"
    answer = await bench.edge.entrance.typed(order.code)
    assert answer.kind == "opening", "the sixtieth try may still be the right one"
    await bench.collect(answer.door)
    assert (await guess(bench, 1, first=1000)).refusal == "not_valid"
    before = len(await bench.events())
    for code in (next_order.code, "00000000"):
        assert (await bench.edge.entrance.typed(code)).refusal == "tail_wanted"
    assert len(await bench.events()) == before, "a code that was not looked at is no try"
    answer = await bench.edge.entrance.typed(f"{next_order.code} {TAIL}")
    assert answer.kind == "opening"


async def test_the_next_day_a_code_alone_is_enough_again(bench):
    order = await bench.loaded()
    now = bench.edge.clock.served_ms()
    bench.edge.access.tries = Tries(tuple(now - DAY_MS + 400 + n for n in range(TAIL_AFTER)))
    assert (await bench.edge.entrance.typed(order.code)).refusal == "tail_wanted"
    await bench.until(lambda: not bench.edge.access.asks_for_tail)
    assert (await bench.edge.entrance.typed(order.code)).kind == "opening"


async def test_wrong_digits_of_the_phone_have_a_counter_of_their_own_that_survives(bench):
    order = await bench.loaded()
    for n in range(STRONG.free + 1):
        answer = await bench.edge.entrance.typed(f"{order.code}000{n}")
        assert answer.refusal == "not_valid"
    assert answer.wait_s == 30
    await bench.stop()
    await bench.start()
    answer = await bench.edge.entrance.typed(order.code + TAIL)
    assert (answer.refusal, answer.wait_s > 0) == ("wait", True)
    assert bench.edge.access.tries.wrong == ()
    assert (await bench.edge.entrance.typed(order.code)).kind == "opening", "the code alone has its own"


async def test_sensitive_goods_always_need_the_phones_digits_too(bench):
    order = await bench.loaded(sensitive=True)
    before = bench.openings_on_the_wire()
    assert (await bench.edge.entrance.typed(order.code)).refusal == "tail_wanted"
    assert (await bench.edge.entrance.scanned(bench.cloud.pickup_qr(order.order))).refusal == "tail_wanted"
    assert (await bench.edge.entrance.typed(order.code + "1234")).refusal == "not_valid"
    assert bench.openings_on_the_wire() == before
    assert (await bench.edge.entrance.typed(order.code + TAIL)).kind == "opening"


async def test_a_low_door_is_chosen_for_whoever_asked_for_one(bench):
    """Box 01, the small one, is the highest here; 06, a large one, the lowest."""
    turned = [box.model_copy(update={"row": 7 - box.row}) for box in bench.file.compartment]
    file = bench.file.model_copy(update={"compartment": tuple(turned)})
    any_door, low_door = bench.cloud.expect(size="S"), bench.cloud.expect(size="S", low=True)
    parcels = {parcel.parcel: parcel for parcel in bench.cloud.parcels}
    boxes = bench.edge.cabinet.boxes
    await bench.until(lambda: boxes["01"].assignable and boxes["06"].assignable)
    assert reservations.best_fit(parcels[any_door.parcel], boxes, file).label == "02"
    assert reservations.best_fit(parcels[low_door.parcel], boxes, file).label == "06"


# --- codes are guessed all over the fleet


async def all_over_the_fleet(bench, is_so):
    given = CabinetSettings(codes_guessed=is_so)
    document = bench.cloud.document(DocumentName.SETTINGS, given, bench.edge.store.epoch)
    await bench.until(lambda: not bench.edge.cabinet.is_visited())
    await bench.edge.documents.take(document)


@pytest.mark.parametrize("restart", [False, True])
async def test_under_an_alarm_of_the_fleet_the_keypad_wants_the_phones_digits_too(bench, restart):
    order = await bench.loaded()
    await all_over_the_fleet(bench, True)
    if restart:
        await bench.is_killed()
        await bench.start()
    assert bench.edge.entrance.asks == "tail"
    for code in (order.code, "00000000"):
        assert (await bench.edge.entrance.typed(code)).refusal == "tail_wanted"
    assert bench.edge.access.tries == Tries(), "and tells nobody whether a code alone was right"
    assert (await bench.edge.entrance.typed(order.code + TAIL)).kind == "opening"


async def test_the_qr_needs_no_digits_then_and_after_the_alarm_a_code_is_enough_again(bench):
    first, second = await bench.loaded(), await bench.loaded()
    await all_over_the_fleet(bench, True)
    assert (await bench.edge.entrance.scanned(bench.cloud.pickup_qr(first.order))).kind == "opening"
    await bench.collect(bench.door_of(first))
    await all_over_the_fleet(bench, False)
    assert (await bench.edge.entrance.typed(second.code)).kind == "opening"
