"""Whatever the settings or the cabinet file say: they hold as a whole, or the last good ones do."""

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.cabinet import Cabinet, load
from config.contract.messages import CabinetSettings, DocumentName
from config.contract.signing import seal, sign
from config.problems import BadFile
from tests.edge.bench import CABINET, Bench, cabinet_file

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
