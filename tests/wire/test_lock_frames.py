"""What the frames of KERONG, Dingchang and Winnsen boards mean, field by field, and what is refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import (
    lock_dingchang,
    lock_kerong_cu16,
    lock_kerong_cu24,
    lock_kerong_cu48,
    lock_winnsen,
)
from firmware_bridge.frames import Sender
from firmware_bridge.line import Refused
from firmware_bridge.ports import PulseAnswer
from simulators import lock_dingchang as far_dingchang
from simulators import lock_kerong_cu16 as far_cu16
from simulators import lock_kerong_cu24 as far_cu24
from simulators import lock_kerong_cu48 as far_cu48
from simulators import lock_winnsen as far_winnsen
from simulators.cabinet import Cabinet
from simulators.serve import Served
from tests.wire.test_every_lock_family import assemble, file_with

CU16, CU24, CU48 = lock_kerong_cu16, lock_kerong_cu24, lock_kerong_cu48
DC, WINNSEN = lock_dingchang, lock_winnsen
READ_BY = {
    "lock-kerong-cu16": CU16.read_frame,
    "lock-kerong-cu48": CU48.read_frame,
    "lock-kerong-cu48b": CU48.read_frame,
    "lock-kerong-cu12-24": CU24.read_frame,
    "lock-dingchang-dc": DC.read_frame,
    "lock-winnsen": WINNSEN.read_frame,
}
VECTORS = [
    vector
    for vector in json.loads((Path(__file__).parent / "vectors.json").read_text())
    if vector["protocol"] in READ_BY and vector["valid"]
]
MEANT = {
    "0200300335": CU16.ReadAll(0),
    "0200310336": CU16.OpenLock(0, 1),
    "0201310337": CU16.OpenLock(0, 2),
    "0210310346": CU16.OpenLock(1, 1),
    "02003500000000033a": CU16.AllStates(0, 0x35, 0, 0),
    "020000500355": CU48.ReadAll(0),
    "020000650700000000c00331": CU48.AllStates(0, 0xC00000000007),
    "020000510356": CU48.OpenLock(0, 1),
    "020030510386": CU48.NeverSent(0, 0x30, 0x51),
    "020000600365": CU48.ReadAll(0, is_b=True),
    "020000610366": CU48.OpenLock(0, 1, is_b=True),
    "020300610369": CU48.OpenLock(3, 1, is_b=True),
    "0200008000000385": CU24.ReadAll(0),
    "02000080100203990200": CU24.Answer(0, 1, 0x80, 0x10, b"\x02\x00"),
    "0200008100000386": CU24.OpenLock(0, 1),
    "0200018100000387": CU24.OpenLock(0, 2),
    "0200018110000397": CU24.Answer(0, 2, 0x81, 0x10, b""),
    "020002811200039a": CU24.Answer(0, 3, 0x81, 0x12, b""),
    "0200008f00000394": CU24.AskVersion(0),
    "dc0201010002": DC.AskVersion(1),
    "dcfe010102010005": DC.Done(1, 1, b"\x01\x00"),
    "dc020110010113": DC.OpenLock(1, 1),
    "dcfe0110010113": DC.LockState(1, 0x10, 1, None),
    "dc0201120013": DC.ReadAll(1),
    "dcfe011202000015": DC.AllStates(1, b"\x00\x00"),
    "dc0201140015": DC.NeverSent(1, 0x14, b""),
    "dc0201160201011b": DC.NeverSent(1, 0x16, b"\x01\x01"),
    "dcfe0116010119": DC.Done(1, 0x16, b"\x01"),
    "dc02011a02000724": DC.NeverSent(1, 0x1A, b"\x00\x07"),
    "900605000103": WINNSEN.OpenLock(0, 1),
    "90078500010103": WINNSEN.LockState(0, 1, 0x05, 1),
}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["hex"])
def test_every_frame_means_what_its_source_says(vector):
    frame = bytes.fromhex(vector["hex"])
    sender = Sender.HOST if vector["direction"] == "host->device" else Sender.BOARD
    other = Sender.BOARD if sender is Sender.HOST else Sender.HOST
    read = READ_BY[vector["protocol"]]
    told = read(frame)
    assert told == read(frame, sender) == MEANT[vector["hex"]]
    assert told.meaning
    with pytest.raises(ValueError, match="frame of a"):
        read(frame, other)
    never = type(told).__name__ == "NeverSent"
    assert never != hasattr(told, "to_bytes")
    assert never or told.to_bytes() == frame


@pytest.mark.parametrize(
    ("read", "frame", "reason"),
    [
        (CU16.read_frame, "021030033e", "it is 3e, the bytes before it make 45"),
        (CU16.read_frame, "0201300336", "names a lock"),
        (CU16.read_frame, "0200340339", "there is no command 34"),
        (CU16.read_frame, "02003700000000033c", "neither 35 nor 36"),
        (CU48.read_frame, "02000b50035f", "there is no|a reading names lock 12|0b"),
        (CU48.read_frame, "020b00500360", "board 11 is not 0 to 9"),
        (CU48.read_frame, "020031510387", "lock 50 is not between 1 and 48"),
        (CU24.read_frame, "02000081150003 9b", "outcome 15 is none of"),
        (CU24.read_frame, "0200008100000387", "it is 87, the other bytes make 86"),
        (CU24.read_frame, "0200008010010396", "wrong length"),
        (DC.read_frame, "dc020110010012", "lock 0 is not between 1 and 24"),
        (DC.read_frame, "dcfe01110201021" + "7", "state 02 is neither 00 nor 01"),
        (DC.read_frame, "dc020113001" + "4", "there is no command 13"),
        (CU16.read_frame, "02f03500000000032a", "board 15 is not between 0 and 14"),
        (CU16.read_frame, "02053500000000033f", "names a lock"),
        (CU16.read_frame, "02003300000338", "wrong length of command 33"),
        (CU16.read_frame, "020037033c", "wrong length of command 37"),
        (CU24.read_frame, "020018810000039e", "lock 25 is not between 1 and 24"),
        (CU24.read_frame, "0210c8810000035e", "lock 201 is not between 1 and 24"),
        (CU24.read_frame, "0200ff8110000395", "lock 256 is not between 1 and 24"),
        (DC.read_frame, "dc0201150016", "2 or 3 bytes of data are wanted, not 0"),
        (DC.read_frame, "dc0201160263017d", "lock 99 is not between 1 and 24"),
        (DC.read_frame, "dc02011602010721", "state 07 is neither 00 nor 01"),
        (DC.read_frame, "dc020116010119", "2 bytes of data are wanted, not 1"),
        (DC.read_frame, "dc02011801011b", "2 or 3 bytes of data"),
        (DC.read_frame, "dc02011a040000000726", "2 or 3 bytes of data"),
        (DC.read_frame, "dc020114010117", "0 bytes of data are wanted, not 1"),
        (DC.read_frame, "dcfe011601637b", "lock 99 is not between"),
        (DC.read_frame, "dcfe01010002", "2 bytes of data are wanted, not 0"),
        (WINNSEN.read_frame, "900605040103", "station 4 is not 0 to 3"),
        (WINNSEN.read_frame, "90078500010203", "status 02 is neither"),
        (WINNSEN.read_frame, "9006050001 04", "wrong beginning, end or length"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field(read, frame, reason):
    with pytest.raises(ValueError, match=reason):
        read(bytes.fromhex(frame))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: CU16.OpenLock(15, 1), "board 15 is not 0 to 14"),
        (lambda: CU16.OpenLock(0, 17), "lock 17"),
        (lambda: CU48.OpenLock(10, 1), "board 10"),
        (lambda: CU48.OpenLock(0, 49), "lock 49"),
        (lambda: CU24.OpenLock(16, 1), "board 16"),
        (lambda: CU24.OpenLock(0, 25), "lock 25"),
        (lambda: DC.OpenLock(1, 0), "lock 0"),
        (lambda: WINNSEN.OpenLock(0, 17), "lock 17"),
    ],
)
def test_an_opening_of_what_is_not_there_cannot_be_made(make, reason):
    with pytest.raises(ValueError, match=reason):
        make()


@given(
    st.sampled_from([CU16.LockKerongCu16, CU48.LockKerongCu48, CU24.LockKerongCu24, DC.LockDingchang]),
    st.integers(0, 20), st.integers(-5, 60),
)  # fmt: skip
def test_no_opening_that_a_driver_makes_is_for_more_than_one_lock(driver, address, channel):
    read = {
        CU16.LockKerongCu16: CU16,
        CU48.LockKerongCu48: CU48,
        CU24.LockKerongCu24: CU24,
        DC.LockDingchang: DC,
    }
    pulse = 150 if driver is DC.LockDingchang else 300
    try:
        board = driver("b", None, address, driver.FAMILY.most_channels, pulse)
        frame = board.opening(channel)
    except Exception:
        return
    told = read[driver].read_frame(frame, Sender.HOST)
    assert isinstance(told, read[driver].OpenLock)
    assert (told.board, told.lock) == (address, channel)


@given(st.lists(st.binary(max_size=30), max_size=6), st.sampled_from([b"\x02", b"\xdc\x02", b"\x90\x06"]))
def test_simulated_boards_survive_any_bytes_in_any_pieces(pieces, beginning):
    cabinet = Cabinet(lambda: 0.0)
    cabinet.build("a")
    for board in (
        far_cu16.LockKerongCu16("b", 1, 8, cabinet, {1: "a"}, {1: "a"}),
        far_cu24.LockKerongCu24("b", 1, 8, cabinet, {1: "a"}, {1: "a"}),
        far_cu48.LockKerongCu48("b", 1, 8, cabinet, {1: "a"}, {1: "a"}),
        far_dingchang.LockDingchang("b", 1, 8, cabinet, {1: "a"}, {1: "a"}),
        far_winnsen.LockWinnsen("b", 1, 8, cabinet, {1: "a"}, {1: "a"}),
    ):
        received = b""
        for piece in pieces:
            frames, received = board.split(received + beginning + piece)
            for frame in frames:
                board.hear(frame, 1)


def test_a_board_that_could_not_says_so():
    cu24 = CU24.LockKerongCu24("b", None, 1, 24)
    assert cu24.opened(CU24.Answer(1, 3, 0x81, 0x12, b"").to_bytes(), 3) is False
    assert cu24.opened(CU24.Answer(1, 3, 0x81, 0x10, b"").to_bytes(), 3) is True
    assert cu24.opened(CU24.Answer(1, 4, 0x81, 0x10, b"").to_bytes(), 3) is None
    (question,) = cu24.questions()
    assert question.take(CU24.Answer(1, 1, 0x80, 0x13, b"").to_bytes(), True) == Refused(0x13)
    winnsen = WINNSEN.LockWinnsen("b", None, 1, 16)
    assert winnsen.opened(WINNSEN.LockState(1, 3, 0x05, 1).to_bytes(), 3) is True
    for other in ((1, 4, 0x05, 1), (2, 3, 0x05, 1), (1, 3, 0x12, 1), (1, 3, 0x05, 0)):
        assert winnsen.opened(WINNSEN.LockState(*other).to_bytes(), 3) is None
    for question, lock in zip(winnsen.questions(), range(1, 17), strict=True):
        assert question.take(WINNSEN.LockState(1, lock, 0x12, 1).to_bytes(), False) == {lock: True}
        assert question.take(WINNSEN.LockState(1, lock % 16 + 1, 0x12, 1).to_bytes(), False) is None


@pytest.mark.parametrize("tells_state", [False, True])
async def test_a_dingchang_board_may_tell_the_state_in_its_answer_and_opens_all_the_same(
    tmp_path, tells_state
):
    file = file_with("lock_dingchang")
    served = Served(file, tmp_path)
    served.buses["bus"].boards[0].tells_state = tells_state
    async with assemble(file, await served.plug_in()) as hardware:
        pulse = await hardware.boards["a"].open(3, lambda: True)
        crossed = await served.crossed("bus")
    served.unplug()
    assert pulse.answer is PulseAnswer.ACCEPTED
    received = b"".join(bytes.fromhex(data) for _, to_host, data in crossed if to_host)
    *_, answer = DC.frames_in(received)
    assert answer == DC.LockState(1, DC.OPEN, 3, 0 if tells_state else None)
    assert answer.meaning == "board 1, answer to opening lock 3" + (
        ", its switch is 0" if tells_state else ""
    )
