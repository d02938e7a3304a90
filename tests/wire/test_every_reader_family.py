"""What is true of every family of readers, between a cabinet file and its codes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.cabinet import Reader, load
from config.cabinet.readers import READERS
from firmware_bridge.assemble import SCANNERS, Hardware, assemble
from firmware_bridge.line import Wire
from firmware_bridge.serial_reader import Unreadable
from simulators import serve
from simulators import wire as far
from simulators.faults import Faults

KINDS = sorted(READERS)
CODES = dict.fromkeys(KINDS, ("12345678", "87654321"))
SHOWN = CODES | {"scan_rdm6300": ("62E3086CED", "000012D687")}
READ = CODES | {"scan_rdm6300": ("CARD:62E3086CED", "CARD:000012D687")}


@asynccontextmanager
async def cabinet_with(kind: str, links: Path) -> AsyncIterator[tuple[serve.Served, Hardware]]:
    file = load("config/cabinets/locker-8a80.toml")
    file = file.model_copy(update={"reader": [Reader(name="qr", kind=kind, port="none")]})
    served = serve.Served(file, links)
    ports = await served.plug_in()
    try:
        async with assemble(file, ports) as hardware:
            yield served, hardware
    finally:
        served.unplug()


async def next_of(hardware: Hardware) -> str:
    async with asyncio.timeout(3):
        return (await anext(aiter(hardware.readers["qr"]))).text


def test_every_family_has_a_driver_and_a_simulated_reader():
    assert set(SCANNERS) == set(serve.READERS) == set(READERS)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_shown_to_the_reader_of_a_cabinet_file_arrives(kind, tmp_path):
    async with cabinet_with(kind, tmp_path) as (served, hardware):
        for shown, read in zip(SHOWN[kind], READ[kind], strict=True):
            await served.scan("qr", shown)
            assert await next_of(hardware) == read
        assert hardware.readers["qr"].refused == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_a_reader_is_back_in_step_a_moment_after_noise(kind, tmp_path):
    async with cabinet_with(kind, tmp_path) as (served, hardware):
        await served.babble("qr", "ff0002f3047e030a81")
        wire = served.readers["qr"].wire
        async with asyncio.timeout(2):
            while wire.bytes_out < 9:  # noqa: ASYNC110 (the far end of a wire tells nobody)
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.25)  # silence is what ends a scan
        await served.scan("qr", SHOWN[kind][0])
        assert await next_of(hardware) == READ[kind][0]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_reader_that_was_pulled_out_reads_again_when_it_is_back(kind, tmp_path, wait_until):
    async with cabinet_with(kind, tmp_path) as (served, hardware):
        await served.cut("qr")
        await wait_until(lambda: not hardware.wires["qr"].is_open)
        await served.restore("qr")
        await wait_until(lambda: hardware.wires["qr"].is_open)
        await served.scan("qr", SHOWN[kind][0])
        assert await next_of(hardware) == READ[kind][0]


@given(st.lists(st.binary(max_size=24), max_size=6), st.sampled_from(KINDS))
def test_a_driver_survives_any_bytes_in_any_pieces_and_keeps_nothing_after_silence(chunks, kind):
    reader = SCANNERS[kind].drive(Reader(name="qr", kind=kind, port="none"), Wire("nowhere"))
    rest = b""
    for chunk in chunks:
        found, rest = reader.part(rest + chunk, False)
        assert all(isinstance(each, bytes | Unreadable) for each in found)
    found, rest = reader.part(rest, True)
    assert rest == b""


@given(st.lists(st.binary(max_size=24), max_size=6), st.sampled_from(KINDS))
async def test_a_simulated_reader_survives_any_bytes_in_any_pieces(chunks, kind):
    far_wire = far.Wire(far.TcpEnd())
    reader = serve.READERS[kind](Reader(name="qr", kind=kind, port="none"), far_wire, Faults())
    for chunk in chunks:
        reader.hear(chunk)
    assert reader.told == b"".join(chunks)
