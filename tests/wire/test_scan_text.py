import pytest

from firmware_bridge.errors import UnreadableScan
from firmware_bridge.scan_text import LONGEST_CODE, read_text


@pytest.mark.parametrize("suffix", [b"\r", b"\n", b"\r\n", b""])
async def test_a_scan_ends_with_a_line_end_or_with_silence(counter, suffix):
    counter.there.suffix = suffix
    counter.there.show("TG:82640193")
    assert await counter.next() == "TG:82640193"


async def test_scans_that_arrive_in_one_read_are_told_apart(counter):
    counter.there.wire.merged = True
    counter.there.wire.send(b"first\r\nsecond\r")
    assert [await counter.next(), await counter.next()] == ["first", "second"]


async def test_a_scan_is_announced_with_its_first_byte_and_only_once(counter, wait_until):
    announced = []
    counter.reader.begins = lambda: announced.append(True)
    for number in (1, 2):
        counter.there.wire.send(b"TG:")
        await wait_until(lambda: counter.there.wire.bytes_out % 13 == 3)
        await wait_until(lambda number=number: len(announced) == number)
        counter.there.wire.send(b"82640193\r")
        assert await counter.next() == "TG:82640193"
        counter.there.wire.send(b"\n")
        await wait_until(lambda: counter.there.wire.bytes_out % 13 == 0)
    assert len(announced) == 2


async def test_chinese_text_arrives_whole(counter):
    counter.there.show("团柜 12345678")
    assert await counter.next() == "团柜 12345678"


@pytest.mark.parametrize("babble", [b"\xff\xfe\x80\r", b"code\x00\x07\r", b"\x81\x82\x83"])
async def test_bytes_that_are_no_text_are_refused_counted_and_forgotten(counter, wait_until, babble):
    counter.there.babble(babble)
    await wait_until(lambda: counter.reader.refused == 1)
    assert "qr: not text" in str(counter.reader.last_refusal)
    counter.there.show("good")
    assert await counter.next() == "good"


async def test_an_endless_scan_is_refused_and_its_end_is_not_taken_for_a_code(counter, wait_until):
    counter.there.show("9" * (LONGEST_CODE + 400))
    await wait_until(lambda: counter.reader.refused == 1)
    counter.there.show("good")
    assert await counter.next() == "good"
    assert counter.reader.refused == 1


async def test_half_a_scan_is_forgotten_when_the_reader_is_unplugged(counter, wait_until):
    counter.there.wire.send(b"1234")
    await wait_until(lambda: counter.reader._received == b"1234")
    counter.there.wire.cut()
    await wait_until(lambda: not counter.reader.wire.is_open)
    await counter.there.wire.restore()
    await wait_until(lambda: counter.reader.wire.is_open, seconds=3)
    counter.there.show("5678")
    assert await counter.next() == "5678"


async def test_only_the_last_scans_wait(counter, wait_until):
    for number in range(20):
        counter.there.show(f"code {number}")
    await wait_until(lambda: counter.there.wire.bytes_out == sum(len(f"code {n}\r") for n in range(20)))
    await wait_until(lambda: counter.reader._scans.full())
    assert await counter.next() in {"code 3", "code 4"}


@pytest.mark.parametrize(
    ("line", "reason"), [(b"   ", "not text"), (b"a\x1bb", "not text"), (b"x" * 513, "longer than 512 bytes")]
)
def test_what_is_no_code_says_why(line, reason):
    with pytest.raises(UnreadableScan, match=reason):
        read_text("qr", line)


@pytest.mark.parametrize(
    ("line", "text"),
    [(b"]E08711218972875", "8711218972875"), (b"]Q1 12 ", "12"), (b"]-12", "]-12"), (b"a]E0", "a]E0")],
)
def test_the_prefix_that_names_a_symbology_is_taken_off_and_nothing_like_it(line, text):
    assert read_text("qr", line) == text


def test_a_prefix_alone_is_no_code():
    with pytest.raises(UnreadableScan, match="not text"):
        read_text("qr", b"]E0")
