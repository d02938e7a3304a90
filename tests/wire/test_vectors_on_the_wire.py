"""Makers' frames of lock boards on a real wire: simulated boards hear them, drivers are answered by them.

What a frame does stands in the tables here, as the makers' documents say it; whatever is not in them must do
nothing.
"""

import asyncio
import json
import os
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.cabinet import Cabinet, parse
from config.cabinet.relays import UNTIMED_CARDS
from firmware_bridge import modbus
from firmware_bridge.assemble import DEVICES, assemble
from firmware_bridge.decode import PROTOCOLS, read, read_line
from firmware_bridge.errors import BoardError
from firmware_bridge.line import Wire
from firmware_bridge.ports import PulseAnswer
from simulators.serve import Served

CHANNELS = range(1, 9)
ALL_OFF = 0x0F
"""The function by which a Modbus card is told so, before anything else."""
ALL = set(CHANNELS)
VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
LOCKS = [each for each in VECTORS if PROTOCOLS.get(each["protocol"], "").startswith("lock_")]
NOT_DRIVEN = {"lock-kerong-cu48b", "modbus-misc"}
"""Explained only: no driver asks like that."""
HEARD = [v for v in LOCKS if v["direction"] == "host->device" and v["protocol"] not in NOT_DRIVEN]
TOLD = [v for v in LOCKS if v["direction"] != "host->device" and v["protocol"] not in NOT_DRIVEN]

RELEASED = {
    # one pulse on one lock: what drivers ask for
    "8a0101119b": {1},
    "574b4c590900820183": {1},
    "574b4c590901820182": {1},
    "0200310336": {1},
    "0201310337": {2},
    "0210310346": {1},
    "020000510356": {1},
    "0200008100000386": {1},
    "0200018100000387": {2},
    "dc020110010113": {1},
    "900605000103": {1},
    "0105020000078db0": {1},
    # many at once, or a coil that stays on: what no driver asks for
    "8a0100119a": ALL,
    "9a0101118b": {1},
    "574b4c5908008687": ALL,
    "574b4c590c00800301020386": {1, 2, 3},
    "574b4c590900810180": {1},
    "020030510386": ALL,
    "dc0201140015": ALL,
    "dc0201160201011b": {1},
    "dc02011a02000724": {1, 2, 3},
    "01050000ff008c3a": {1},
    "010f0000000801ffbed5": ALL,
    "0105000101009d9a": {2},
    "0105000201006d9a": {3},
    "010600000001480a": {1},
    "ff050000ff0099e4": {1},
    "ff0f0000000801ff301d": ALL,
}
"""Which locks a frame to a board releases; any other one releases none."""
OPENED = {
    "8a0101008a": (1, PulseAnswer.ACCEPTED),
    "574b4c590b008200010081": (1, PulseAnswer.ACCEPTED),
    "0200018110000397": (2, PulseAnswer.ACCEPTED),
    "020002811200039a": (3, PulseAnswer.REFUSED),
    "dcfe0110010113": (1, PulseAnswer.ACCEPTED),
    "90078500010103": (1, PulseAnswer.ACCEPTED),
    "0185030291": (1, PulseAnswer.REFUSED),
}
"""What a frame from a board says to whoever has asked for this lock."""
CLOSED = {
    "800100000133b3": {1},
    "574b4c592200840018000000000000000000000000000000000000000000000000b7": set(),
    "02003500000000033a": set(),
    "020000650700000000c00331": {1, 2, 3},
    "02000080100203990200": {2},
    "dcfe011202000015": ALL,
    "01020100a188": set(),
    "010402000178f0": {1},
}
"""Which doors a frame from a board calls closed; any other one says nothing of all doors."""
GREETED = {"modbus-lctech-relay": "ff02000000086c12"}
"""Its greeting at power-up destroys the first answer, to whatever."""
PROFILES = {
    "modbus-relay-generic": {"0105": "value-0100", "0106": "fc06", "0104": "fc06"},
    "modbus-lctech-relay": {"": "lctech"},
    "lock-kerong-cu12-24": {"": "cu12"},
}


def named(vector: dict) -> str:
    return f"{vector['protocol']}-{vector['hex']}"


def board_for(vector: dict) -> dict[str, object]:
    """A board of this family, with the address that the frame is sent to or comes from."""
    kind, frame = PROTOCOLS[vector["protocol"]], vector["hex"]
    family = DEVICES[kind].family
    told = read(kind, frame) if vector["valid"] else {}
    address = told.get("board", told.get("card", family.addresses[0]))
    dialects = PROFILES.get(vector["protocol"], {})
    profile = next((name for start, name in dialects.items() if frame.startswith(start)), "")
    pulse = {"pulse_ms": family.fixed_pulse_ms or 200}
    made = {"name": "b", "kind": kind, "bus": "bus", "channels": len(CHANNELS), **pulse}
    if profile:
        made["profile"] = profile
    if profile in UNTIMED_CARDS:
        made["cut_off"] = "a fuse in each coil's wire"
    return made | {"address": address if family.has_address(address) else family.addresses[0]}


def cabinet_with(board: dict[str, object], port: str = "/dev/null") -> Cabinet:
    about = {"id": "bench-1", "number": "B1", "name_zh": "台", "name_en": "Bench", "phone": "400-000-0000"}
    bus = {"name": "bus", "kind": DEVICES[str(board["kind"])].family.bus, "port": port, "baud": 57600}
    doors = [{"label": str(n), "size": "M", "board": "b", "channel": n} for n in CHANNELS]
    zone = {"name": "ambient", "class": "ambient"}
    return parse({"cabinet": about, "bus": [bus], "board": [board], "zone": [zone], "compartment": doors})


# --- decode


def test_decode_tells_the_good_frames_of_every_family_from_the_bad_ones():
    ours = [vector for vector in VECTORS if vector["protocol"] in PROTOCOLS]
    told = {named(vector): (vector["valid"], read_line(json.dumps(vector))) for vector in ours}
    assert len(told) > 100
    assert [name for name, (valid, said) in told.items() if ("meaning" in said) != valid] == []
    assert [name for name, (valid, said) in told.items() if ("error" in said) == valid] == []


# --- simulated boards


def answers_in(heard: bytes, kind: str) -> list[bytes]:
    """The frames among these bytes: only WKLY boards say more than one, of doors that have moved."""
    if kind != "lock_wkly":
        return [heard] if heard else []
    start = bytes.fromhex("574b4c59")
    return [start + piece for piece in heard.split(start)[1:]]


@pytest.mark.parametrize("protocol", sorted({vector["protocol"] for vector in HEARD}))
async def test_a_simulated_board_does_what_the_frame_says_and_nothing_after_a_wrong_one(protocol, tmp_path):
    broken: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
    vectors = [vector for vector in HEARD if vector["protocol"] == protocol]
    told = await asyncio.gather(*(told_to_a_board(vector, tmp_path / vector["hex"]) for vector in vectors))
    released = {vector["hex"]: labels for vector, (labels, _) in zip(vectors, told, strict=True)}
    right = {v["hex"]: RELEASED.get(v["hex"], set()) if v["valid"] else set() for v in vectors}
    assert released == right
    assert broken == []
    for vector, (_, heard) in zip(vectors, told, strict=True):
        assert not heard or vector["valid"], f"{vector['hex']}: a board is silent on a wrong check"
        for answer in answers_in(heard, PROTOCOLS[protocol]):
            assert read(PROTOCOLS[protocol], answer.hex())["meaning"]


async def told_to_a_board(vector: dict, links: Path) -> tuple[set[int], bytes]:
    """Which locks it releases at this frame, and what it answers."""
    links.mkdir()
    served = Served(cabinet_with(board_for(vector)), links)
    (there,) = served.buses["bus"].boards
    wire = Wire((await served.plug_in())["bus"], baud=57600)
    heard = bytearray()
    wire.heard = heard.extend
    await wire.open()
    try:
        if before := GREETED.get(vector["protocol"]):
            there.address = 0xFF  # as it is delivered; no cabinet file names it so
            wire.write(bytes.fromhex(before))
            await asyncio.sleep(0.1)
            heard.clear()
        wire.write(bytes.fromhex(vector["hex"]))
        await asyncio.sleep(0.4)  # whatever is to move has moved
        return {int(label) for label in served.cabinet.standing_open()}, bytes(heard)
    finally:
        await wire.close()
        served.unplug()


# --- drivers


@contextmanager
def board_that_always_says(frame: bytes) -> Iterator[str]:
    """A pty behind which something answers every request with the same bytes; its name."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    loop = asyncio.get_running_loop()

    def asked() -> None:
        request = os.read(ours, 100)
        os.write(ours, modbus.with_crc(request[:6]) if request[1] == ALL_OFF else frame)

    loop.add_reader(ours, asked)
    try:
        yield os.ttyname(theirs)
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)


def read_by(board: dict[str, object], frame: bytes) -> dict[str, object]:
    """The same without a guard, which only opens: inputs are read from all relay cards in one of two ways."""
    if board["kind"] != "lock_modbus":
        return board
    kept = {key: value for key, value in board.items() if key not in ("profile", "cut_off")}
    return kept | {"inputs_function": 4 if frame[1] == 4 else 2}


async def heard_by_a_driver(vector: dict, frame: bytes) -> tuple[PulseAnswer, set[int] | None]:
    """What the driver makes of these bytes: as the answer to an opening, and to asking for all doors."""
    channel, _ = OPENED.get(vector["hex"], (1, None))
    with board_that_always_says(frame) as port:
        async with assemble(cabinet_with(read_by(board_for(vector), frame), port)) as hardware:
            board = hardware.boards["b"]
            pulse = await board.open(channel, lambda: True)
            try:
                doors = (await board.doors()).doors
            except BoardError:
                return pulse.answer, None
            return pulse.answer, {channel for channel, is_open in doors.items() if not is_open}


@pytest.mark.parametrize("protocol", sorted({vector["protocol"] for vector in TOLD}))
async def test_a_driver_takes_a_frame_for_what_it_says_and_a_damaged_one_for_nothing(protocol):
    vectors = [vector for vector in TOLD if vector["protocol"] == protocol]
    await asyncio.gather(*(assert_taken_for_what_it_says(vector) for vector in vectors))


async def assert_taken_for_what_it_says(vector: dict) -> None:
    frame = bytes.fromhex(vector["hex"])
    unheard = (PulseAnswer.NO_ANSWER, PulseAnswer.NEVER_ANSWERS)
    answer, closed = await heard_by_a_driver(vector, frame)
    if vector["hex"] in OPENED:
        assert answer is OPENED[vector["hex"]][1], vector["hex"]
    else:
        assert answer in unheard, vector["hex"]
    assert closed == CLOSED.get(vector["hex"]), vector["hex"]
    if vector["check"] not in ("none", "winnsen"):
        damaged = frame[:-3] + bytes([frame[-3] ^ 0x10]) + frame[-2:]
        answer, closed = await heard_by_a_driver(vector, damaged)
        assert (answer in unheard, closed) == (True, None), vector["hex"]
