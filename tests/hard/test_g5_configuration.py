"""Whatever the settings or the cabinet file say: they hold as a whole, or the last good ones do."""

import asyncio
import contextlib
import dataclasses
import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.cabinet import Cabinet, load
from config.contract.messages import CabinetSettings, DocumentName
from config.contract.signing import seal, sign
from config.problems import BadFile
from controller import last_good
from controller.identity import _keep
from tests.edge.bench import CABINET, Bench, CloudKeys, as_toml, cabinet_file

ROOT = Path(__file__).parents[2]
SAMPLE = (ROOT / "config" / "cabinets" / "locker-8a80.toml").read_text(encoding="utf-8")

BOUNDS = CabinetSettings.model_fields
VALUES = st.one_of(
    st.integers(-10, 2000), st.floats(allow_nan=False), st.text(max_size=40), st.none(), st.booleans(),
    st.lists(st.integers(), max_size=3),
)  # fmt: skip
CONTENTS = st.dictionaries(st.sampled_from([*BOUNDS, "unknown"]), VALUES, max_size=5)


def in_force(bench: Bench) -> tuple[Any, ...]:
    """Everything of the settings that anybody in the edge goes by."""
    edge = bench.edge
    rules = dataclasses.asdict(edge.cabinet.rules)
    return edge.commands.settings, rules, edge.kiosk.phone, edge.safe_mode._forgiven


def message(bench: Bench, content: dict[str, Any], version: int) -> bytes:
    """Signed and sealed as a cloud would that has lost its mind about the content."""
    told = {"cabinet": CABINET, "name": "settings", "version": version, "epoch": bench.edge.store.epoch}
    body = json.dumps({**told, "content": content}).encode()
    return seal(bench.cloud.cabinet, "desired", sign(bench.cloud.desired, "desired", CABINET, body))


async def taken(bench: Bench, contents: list[dict[str, Any]]) -> tuple[int, int]:
    """How many were applied and refused; each one wholly, with a reason, or not at all."""
    applied = refused = 0
    for content in contents:
        before, version = in_force(bench), bench.cloud.versions.get(DocumentName.SETTINGS, 0) + 1
        bench.cloud.versions[DocumentName.SETTINGS] = version
        await bench.edge.documents.take(message(bench, content, version))
        told = bench.edge.documents.reported["settings"]
        if told.version == version:
            applied += 1
            want = CabinetSettings.model_validate(content)
            assert in_force(bench)[0] == want
            assert in_force(bench)[2] == (want.phone or bench.file.cabinet.phone)
            assert in_force(bench)[1]["left_open_alarm_s"] == want.left_open_alarm_s
        else:
            refused += 1
            assert told.refused_version == version
            assert told.refused, "refused without a reason"
            assert in_force(bench) == before
    return applied, refused


async def any_settings(folder: Path, examples: int) -> tuple[int, int]:
    bench, sums = Bench(folder, cabinet_file()), [0, 0]
    await bench.plug_in()
    await bench.start()
    await bench.hand_over()
    loop = asyncio.get_running_loop()

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(CONTENTS, min_size=1, max_size=6))
    def tried(contents: list[dict[str, Any]]) -> None:
        told = asyncio.run_coroutine_threadsafe(taken(bench, contents), loop).result(30)
        sums[0] += told[0]
        sums[1] += told[1]

    try:
        await asyncio.to_thread(tried)
        kept = in_force(bench)
        await bench.stop()
        await bench.start()
        assert in_force(bench) == kept, "a restart goes by the last good ones"
    finally:
        await bench.stop()
        bench.served.unplug()
    return sums[0], sums[1]


async def test_settings_hold_as_a_whole_or_not_at_all(tmp_path):
    applied, refused = await any_settings(tmp_path, 40)
    assert applied > 0
    assert refused > 0


@pytest.mark.hard
@pytest.mark.row("G5")
@pytest.mark.timeout(900)
async def test_g5_thousands_of_settings_hold_as_a_whole_or_not_at_all(tmp_path, reached):
    applied, refused = await any_settings(tmp_path, 1500)
    figure = f"0 of {applied + refused}, {refused} of them refused"
    reached("G5", goal="0 half applied", figure=figure)


def any_file(folder: Path, examples: int) -> int:
    """Sample files with bytes cut out, doubled or changed: a cabinet, or an error that names the file."""
    refused: list[str] = []

    @settings(max_examples=examples, deadline=None, database=None)
    @given(st.integers(0, len(SAMPLE) - 1), st.integers(0, 60), st.text(max_size=12))
    def tried(at: int, cut: int, put: str) -> None:
        file = folder / "cabinet.toml"
        file.write_text(SAMPLE[:at] + put + SAMPLE[at + cut :], encoding="utf-8", errors="replace")
        try:
            assert isinstance(load(file), Cabinet)
        except BadFile as error:
            refused.append(str(error))

    tried()
    assert [said for said in refused if "cabinet.toml" not in said] == []
    return len(refused)


def test_a_cabinet_file_is_a_cabinet_or_an_error_that_names_it(tmp_path):
    assert any_file(tmp_path, 100) > 0


@pytest.mark.hard
@pytest.mark.row("G5")
def test_g5_thousands_of_cabinet_files_are_cabinets_or_errors(tmp_path, reached):
    refused = any_file(tmp_path, 3000)
    reached("G5", goal="every bad file is named", figure=f"{refused} of 3,000 refused")
    assert refused > 0


# --- the last good cabinet file


def text_of(*changes: tuple[str, str]) -> str:
    """A cabinet of six doors as a file, with some text of it changed."""
    text = as_toml(cabinet_file())
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


WRONG: dict[str, str | bytes | None] = {
    "missing": None,
    "empty after a power cut": b"\0" * 512,
    "cut short": text_of()[:700],
    "not text": b"\xff\xfe" + text_of().encode(),
    "an unknown key": text_of(("[cabinet]", "[cabinet]\ncolour = 'red'")),
    "a pulse that would burn the coil": text_of(("pulse_ms = 100", "pulse_ms = 5000")),
    "a door in a zone that is not there": text_of(("row = 3", "row = 3\nzone = 'cold'")),
}
REWIRED = {
    "a door on another output, which two doors now share": text_of(("channel = 3", "channel = 4")),
    "an address that cannot be": text_of(("address = 1", "address = 300")),
    "another wire, and a slip of the pen": text_of(("/dev/none", "/dev/other"), ("row = 3", "row = 'x'")),
    "a door that is gone": text_of(('label = "06"', "")),
    "a file of another cabinet": text_of((CABINET, "test-cabinet-2"), ("row = 3", "row = 'x'")),
}


def accepted(folder: Path) -> Path:
    """A good file that an edge has gone by."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "cabinet.toml"
    file.write_text(text_of(), encoding="utf-8")
    last_good.keep(file, load(file), folder)
    return file


def broken(file: Path, how: str | bytes | None) -> Path:
    if how is None:
        file.unlink()
    else:
        file.write_bytes(how if isinstance(how, bytes) else how.encode())
    return file


@pytest.mark.row("G5")
@pytest.mark.parametrize("how", WRONG)
def test_g5_a_file_that_is_no_good_leaves_the_last_good_one_in_force(tmp_path, how):
    file = broken(accepted(tmp_path), WRONG[how])
    settled = last_good.settle(file, tmp_path)
    assert settled.cabinet == cabinet_file()
    assert settled.refused
    assert {problem.file for problem in settled.refused} == {str(file)}


@pytest.mark.row("G5")
@pytest.mark.parametrize("how", REWIRED)
def test_g5_nothing_is_gone_by_where_the_wiring_was_changed(tmp_path, how):
    """The copy could open a door that is another one now."""
    file = broken(accepted(tmp_path), REWIRED[how])
    with pytest.raises(BadFile, match="wired otherwise") as refused:
        last_good.settle(file, tmp_path)
    assert len(refused.value.problems) > 1


@pytest.mark.parametrize("how", WRONG)
def test_without_a_copy_the_error_is_that_of_the_file(tmp_path, how):
    file = tmp_path / "cabinet.toml"
    file.touch()
    with pytest.raises(BadFile) as alone:
        load(broken(file, WRONG[how]))
    with pytest.raises(BadFile) as settled:
        last_good.settle(file, tmp_path)
    assert settled.value.problems == alone.value.problems


def test_a_copy_that_is_damaged_is_not_gone_by(tmp_path):
    file = broken(accepted(tmp_path), None)
    copy = tmp_path / last_good.NAME
    copy.write_text(copy.read_text().replace("row = 3", "row = 4"))
    with pytest.raises(BadFile, match="does not fit its digest"):
        last_good.settle(file, tmp_path)


def test_a_good_file_takes_the_place_of_the_copy_also_with_other_wiring(tmp_path):
    file = accepted(tmp_path)
    file.write_text(text_of(("channel = 6", "channel = 9")), encoding="utf-8")
    settled = last_good.settle(file, tmp_path)
    assert (settled.cabinet.compartment[5].channel, settled.refused) == (9, ())
    last_good.keep(file, settled.cabinet, tmp_path)
    assert last_good.settle(broken(file, None), tmp_path).cabinet.compartment[5].channel == 9


async def test_residents_are_served_on_the_last_good_file_and_the_cloud_is_told(tmp_path):
    bench = Bench(tmp_path, cabinet_file())
    file = accepted(tmp_path)
    await bench.plug_in()
    try:
        await bench.start()
        order = await bench.loaded()
        await bench.is_killed()
        settled = last_good.settle(broken(file, WRONG["an unknown key"]), tmp_path)
        bench.file, bench.refused = settled.cabinet, settled.refused
        await bench.start()
        answer = await bench.edge.entrance.typed(order.code)
        assert (answer.kind, answer.door) == ("opening", bench.door_of(order))
        await bench.collect(answer.door)
        (told,) = [event.data for event in await bench.events() if event.data.get("fault") == "file_refused"]
        assert "cabinet.colour: unknown key" in told["detail"]
        async with httpx.AsyncClient(base_url=bench.kiosk_url) as kiosk:
            assert (await kiosk.get("state")).json()["last_good"] is True
        await bench.is_killed()
        bench.refused = ()
        await bench.start()
        assert not bench.edge.health.has("file_refused", "cabinet"), "it is put right, and that is told"
    finally:
        await bench.stop()
        bench.served.unplug()


@contextlib.contextmanager
def program(file: Path, folder: Path) -> Iterator[str]:
    """The real program, from its start until it is killed; the address of its kiosk."""
    given = [str(file), "--folder", str(folder), "--kiosk-port", "0", "--json"]
    command = [sys.executable, "-m", "controller", "run", *given]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        assert running.stdout is not None
        try:
            yield json.loads(running.stdout.readline())["kiosk_url"]
        finally:
            running.send_signal(signal.SIGKILL)


def test_the_program_itself_keeps_its_file_and_starts_on_it_when_that_is_gone(tmp_path):
    folder = tmp_path / "edge"
    file = tmp_path / "cabinet.toml"
    file.write_text(text_of(), encoding="utf-8")
    _keep(CloudKeys().identity(), folder / "identity.toml")
    with program(file, folder) as kiosk:
        assert httpx.get(f"{kiosk}state").json()["last_good"] is False
    file.unlink()
    with program(file, folder) as kiosk:
        state = httpx.get(f"{kiosk}state").json()
    assert (state["last_good"], sorted(state["doors"])) == (True, [f"0{n}" for n in range(1, 7)])
    log = (folder / "logs" / "edge.log").read_text(encoding="utf-8")
    assert str(file) in log
    assert "cannot be read" in log


def any_damage(folder: Path, examples: int, seed: int) -> tuple[int, int]:
    """A kept file, and another one with bytes changed anywhere: that one, the kept one, or nothing at all."""
    file, chance = accepted(folder), random.Random(seed)
    good, kept, stopped = text_of(), 0, []
    for _ in range(examples):
        at, cut = chance.randrange(len(good)), chance.randrange(40)
        put = "".join(chance.choice('0123456789\n"[]=xé') for _ in range(chance.randrange(6)))
        file.write_text(good[:at] + put + good[at + cut :], encoding="utf-8")
        try:
            settled = last_good.settle(file, folder)
        except BadFile as error:
            stopped.append(str(error))
            continue
        kept += bool(settled.refused)
        assert settled.cabinet == (cabinet_file() if settled.refused else load(file))
    assert [said for said in stopped if "wired otherwise" not in said] == []
    return examples, kept


@pytest.mark.row("G5")
def test_g5_a_damaged_file_is_wholly_in_force_or_the_last_good_one_is(tmp_path):
    _, kept = any_damage(tmp_path, 150, 5)
    assert kept > 0


@pytest.mark.hard
@pytest.mark.row("G5")
@pytest.mark.timeout(900)
def test_g5_thousands_of_damaged_files_are_wholly_in_force_or_the_last_good_one_is(tmp_path, reached):
    tried, kept = any_damage(tmp_path, 4000, 5)
    reached(
        "G5", goal="no file half applied", figure=f"0 of {tried:,}, last good one in force {kept:,} times"
    )
