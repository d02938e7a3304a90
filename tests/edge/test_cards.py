"""A staff card at the entrance: told from every code, and good for nothing here."""

from config.contract.codes import card_text


async def test_a_card_is_refused_with_its_own_reason_opens_nothing_and_is_no_wrong_try(bench):
    await bench.loaded()
    before, tries = bench.openings_on_the_wire(), bench.edge.access.tries
    answer = await bench.edge.entrance.scanned(card_text("62E3086CED"))
    assert (answer.kind, answer.refusal) == ("refused", "card")
    assert bench.openings_on_the_wire() == before
    assert bench.edge.access.tries == tries


async def test_digits_on_a_card_that_are_a_pickup_code_open_nothing(bench):
    order = await bench.loaded()
    before = bench.openings_on_the_wire()
    for text in (card_text(order.code), card_text("00" + order.code), f" card:{order.code} "):
        assert (await bench.edge.entrance.scanned(text)).refusal == "card"
    assert bench.openings_on_the_wire() == before
