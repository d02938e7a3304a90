"""125 kHz readers of staff cards: a number with its check, once for each time a card is held there."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.contract import codes
from firmware_bridge.line import Wire
from firmware_bridge.scan_rdm6300 import AGAIN_AFTER_SECONDS, Card, CardReader, cards, read_frame
from firmware_bridge.serial_reader import Unreadable
from simulators.faults import Cause

MINE, YOURS = "62E3086CED", "000012D687"
numbers = st.binary(min_size=5, max_size=5).map(lambda raw: raw.hex().upper())
held = st.builds(Card, numbers, st.booleans())


@settings(max_examples=200)
@given(st.lists(held, max_size=5), st.lists(st.integers(0, 80), max_size=10))
def test_cards_are_found_however_reads_cut_them(sent, cuts):
    received = b"".join(card.to_bytes() for card in sent)
    found, rest = [], b""
    edges = sorted({0, len(received), *(at for at in cuts if at < len(received))})
    for begin, end in pairwise(edges):
        more, rest = cards(rest + received[begin:end], False)
        found += more
    assert found + cards(rest, True)[0] == sent


@given(st.binary(max_size=12).filter(lambda noise: b"\x02" not in noise), held)
def test_a_card_is_found_behind_noise(noise, card):
    found, _ = cards(noise + card.to_bytes(), False)
    assert found[-1] == card
    assert all(isinstance(each, Unreadable) for each in found[:-1])


@given(held, st.data())
def test_a_card_with_one_byte_changed_is_no_card(card, data):
    frame = bytearray(card.to_bytes())
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="wrong"):
        read_frame(bytes(frame))


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"\x0262E3086CED09\x03", "it is 09, the number makes 08"),
        (b"\x0262e3086ced08\x03", "wrong digit in a card"),
        (b"\x0262E3086CED0\x03", "it has 14 or 16 bytes"),
        (b"\x0262E3086CED08\r\r\x03", "wrong beginning or end"),
        (b"\x0362E3086CED08\x03", "wrong beginning or end"),
        (b"", "wrong length of a card"),
    ],
)
def test_a_bad_card_is_refused_with_the_reason(frame, reason):
    with pytest.raises(ValueError, match=reason):
        read_frame(frame)


@given(numbers)
def test_the_text_of_a_card_is_no_code_no_token_and_no_label(number):
    text = codes.card_text(number)
    assert codes.is_card(text)
    for read in (codes.typed_code, codes.typed_pin, codes.read_token, codes.read_parcel_label):
        with pytest.raises(codes.BadCode):
            read(text)


@given(numbers)
def test_a_card_whose_number_is_all_digits_is_no_code_either(number):
    digits = "".join(str(int(digit, 16) % 10) for digit in number)
    with pytest.raises(codes.BadCode):
        codes.typed_code(codes.card_text(digits))


def scans_at(*moments: float) -> list[str | None]:
    wire = Wire("nowhere")
    reader, texts = CardReader("qr", wire), []
    for wire.last_received_at in moments:
        texts.append(reader.text_of(MINE.encode()))
    return texts


def test_a_card_that_stays_is_one_scan_however_long_and_comes_again_when_it_was_away():
    stays = [0.1 * n for n in range(1, 100)]
    card = codes.card_text(MINE)
    assert scans_at(*stays) == [card, *[None] * 98]
    assert scans_at(5.0, 5.0 + AGAIN_AFTER_SECONDS + 0.1) == [card, card]


async def test_a_card_held_there_is_one_scan_and_the_next_card_another(stands_there, wait_until):
    counter = await stands_there("scan_rdm6300")
    counter.there.show(MINE)
    assert await counter.next() == codes.card_text(MINE)
    await wait_until(lambda: counter.there.wire.bytes_out == 6 * 14)
    counter.there.show(YOURS)
    assert await counter.next() == codes.card_text(YOURS)
    assert counter.reader.refused == 0


async def test_an_id_12_says_a_card_once_with_a_line_end(stands_there, wait_until):
    counter = await stands_there("scan_rdm6300")
    counter.there.line_end = True
    counter.there.show(YOURS)
    assert await counter.next() == codes.card_text(YOURS)
    assert counter.there.wire.bytes_out == 16


async def test_a_card_with_a_wrong_check_byte_is_refused_and_counted(stands_there, wait_until):
    counter = await stands_there("scan_rdm6300")
    counter.breaks(Cause.WRONG_CHECK)
    counter.there.hold(MINE, 0.0)
    await wait_until(lambda: counter.reader.refused == 1)
    assert "wrong check byte" in str(counter.reader.last_refusal)
    counter.works_again(Cause.WRONG_CHECK)
    counter.there.show(MINE)
    assert await counter.next() == codes.card_text(MINE)


async def test_a_thing_that_is_no_card_cannot_be_held_there(stands_there):
    counter = await stands_there("scan_rdm6300")
    with pytest.raises(ValueError, match="a card has 10 hexadecimal digits, not 12345678"):
        counter.there.show("12345678")
