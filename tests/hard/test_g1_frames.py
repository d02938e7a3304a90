"""A million frames of garbage per codec, and ten thousand answers with garbage around them through a pty."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.cabinet import load
from config.cabinet.relays import RELAY_CARDS
from firmware_bridge import lock_8a80, modbus, scan_gm65, scan_rdm6300, scan_ssi, scan_trigger
from firmware_bridge.assemble import assemble
from firmware_bridge.errors import BoardError, PortError, UnreadableScan
from firmware_bridge.lock_8a80 import AllStates, Lock8A80, LockState, OpenLock, ReadAll
from firmware_bridge.modbus.frames import NeverSent
from firmware_bridge.scan_text import read_text
from simulators.serve import Served

pytestmark = [pytest.mark.hard, pytest.mark.row("G1"), pytest.mark.timeout(900)]

FRAMES = 1_000_000
GOOD = [
    OpenLock(1, 3).to_bytes(),
    ReadAll(1).to_bytes(),
    LockState(0x8A, 1, 3, 0x11).to_bytes(),
    AllStates(1, bytes(3)).to_bytes(),
    modbus.opening(RELAY_CARDS["waveshare"], 1, 3, 300),
    modbus.read_inputs(1, 8),
    modbus.tcp.sealed(9, modbus.read_inputs(1, 8)),
    modbus.with_crc(bytes.fromhex("010201ff")),
    "团柜12345678\r".encode(),
]

OF_READERS = [
    scan_gm65.Command(scan_gm65.Does.READ, 0x2A, b"\x02").to_bytes(),
    scan_gm65.Answer(0, b"\x00").to_bytes(),
    scan_gm65.Scanned("8711218972875", counted=True).to_bytes(),
    scan_trigger.Command("newland", "trigger").to_bytes(),
    scan_trigger.Command("honeywell", "trigger").to_bytes(),
    scan_ssi.START_READING,
    scan_ssi.Packet(scan_ssi.DECODED, scan_ssi.DECODER, 0, b"\x1c12345678").to_bytes(),
    scan_rdm6300.Card("62E3086CED").to_bytes(),
    scan_rdm6300.Card("000012D687", line_end=True).to_bytes(),
]


def garbage(luck: random.Random, number: int, good: list[bytes] = GOOD) -> Iterator[bytes]:
    """Random bytes, and good frames cut, doubled, joined or with bytes changed."""
    for _ in range(number):
        frame = luck.choice(good)
        match luck.randrange(4):
            case 0:
                yield luck.randbytes(luck.randrange(24))
            case 1:
                yield frame[: luck.randrange(len(frame) + 1)] + luck.choice(good)
            case 2:
                at = luck.randrange(len(frame))
                yield frame[:at] + luck.randbytes(1) + frame[at + 1 :]
            case _:
                yield luck.randbytes(luck.randrange(5)) + frame


def judge_8a80(received: bytes) -> None:
    frame = lock_8a80.read_frame(received)
    assert isinstance(frame, lock_8a80.NeverSent) or frame.to_bytes() == received


def judge_modbus(received: bytes) -> None:
    frame = modbus.read_frame(received)
    assert isinstance(frame, NeverSent) or frame.to_bytes() == received


def judge_modbus_tcp(received: bytes) -> None:
    frame = modbus.read_tcp_frame(received)
    assert isinstance(frame, NeverSent) or frame.to_bytes() == received


def judge_scan(received: bytes) -> None:
    assert read_text("qr", received).strip()


def judge_acknowledgement(received: bytes) -> None:
    told = Lock8A80("b", None, 1, 24).acknowledgement(received, 3)
    assert told is None or (told.board, told.lock, told.to_bytes() in received) == (1, 3, True)


def judge_states(received: bytes) -> None:
    told = Lock8A80("b", None, 1, 24).states(received, True)
    assert told is None or (told.board, told.to_bytes() in received) == (1, True)


def judge_inputs(received: bytes) -> None:
    take = modbus._expect(1, 2, 6, lambda frame: modbus._bits(frame, 8))
    told = take(received, True)
    assert told is None or isinstance(told, modbus.Refused) or len(told) == 8


def judge_gm65(received: bytes) -> None:
    frame = scan_gm65.read_frame(received)
    assert isinstance(frame, scan_gm65.Scanned) or frame.to_bytes() == received


def judge_gm65_line(received: bytes) -> None:
    pieces, rest = scan_gm65.separate(received, True)
    answers = [piece for piece in pieces if isinstance(piece, scan_gm65.Answer | scan_gm65.Heartbeat)]
    assert rest == b""
    assert all(answer.to_bytes() in received for answer in answers)


def judge_trigger(received: bytes) -> None:
    frame = scan_trigger.read_frame(received)
    assert not isinstance(frame, scan_trigger.Command) or frame.to_bytes() == received


def judge_ssi(received: bytes) -> None:
    assert scan_ssi.read_frame(received).to_bytes() == received


def judge_ssi_line(received: bytes) -> None:
    found, rest = scan_ssi.packets(received, True)
    assert rest == b""
    assert all(piece.to_bytes() in received for piece in found if isinstance(piece, scan_ssi.Packet))


def judge_card(received: bytes) -> None:
    assert scan_rdm6300.read_frame(received).to_bytes() == received


def judge_card_line(received: bytes) -> None:
    found, rest = scan_rdm6300.cards(received, True)
    assert rest == b""
    assert all(card.to_bytes() in received for card in found if isinstance(card, scan_rdm6300.Card))


JUDGES = [
    judge_8a80,
    judge_modbus,
    judge_modbus_tcp,
    judge_scan,
    judge_acknowledgement,
    judge_states,
    judge_inputs,
]
JUDGES += [judge_gm65, judge_gm65_line, judge_trigger, judge_ssi, judge_ssi_line, judge_card, judge_card_line]


@pytest.mark.parametrize("judge", JUDGES)
def test_g1_a_million_frames_crash_no_codec(judge: Callable[[bytes], None], reached):
    luck = random.Random(judge.__name__)
    spent, refused = 0.0, 0
    for received in garbage(luck, FRAMES, GOOD + OF_READERS):
        began = time.perf_counter()
        try:
            judge(received)
        except (ValueError, UnreadableScan):
            refused += 1
        spent += time.perf_counter() - began
    reached("G1", goal="1,000,000 frames, ≥ 50,000/s", figure=f"{FRAMES / spent:.0f}/s", seed=judge.__name__)
    assert refused < FRAMES
    assert FRAMES / spent > 50_000


async def test_g1_garbage_around_ten_thousand_answers_changes_no_door(tmp_path: Path, reached):
    luck = random.Random(1)
    file = load("config/cabinets/locker-8a80.toml")
    served = Served(file, tmp_path, turn_round_seconds=0.0)
    ports = await served.plug_in()
    wire = served.buses["rs485"].wire
    wire.byte_seconds /= 100
    truth = wire.heard

    others = [frame for frame in GOOD if frame != AllStates(1, bytes(3)).to_bytes()]  # that one is an answer
    noise = garbage(luck, 20_000, [*others, AllStates(2, bytes(3)).to_bytes()])

    def surrounded(data: bytes) -> None:
        wire.send(next(noise))
        truth(data)
        wire.send(next(noise))

    try:
        async with assemble(file, ports) as hardware:
            board = hardware.boards["locks"]
            wire.heard = surrounded
            answered = 0
            for _ in range(10_000):
                try:
                    readings = await board.doors()
                except (BoardError, PortError):
                    hardware.lines["rs485"]._silent["locks"].ask_again_at = 0.0
                    await asyncio.sleep(0.01)
                else:
                    answered += 1
                    assert not any(readings.doors.values())
            reached("G1", goal="> 9,900 answers found in garbage", figure=f"{answered} of 10,000", seed=1)
            assert answered > 9_900
            assert not any(frame[0] == 0x8A for _, frame in served.buses["rs485"].requests)
            wire.heard = truth
            began = asyncio.get_running_loop().time()
            await board.doors()
            assert asyncio.get_running_loop().time() - began < 0.1
    finally:
        served.unplug()
