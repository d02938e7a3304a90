"""A bundle shows a technician what happened and gives away nothing that opens a door."""

import asyncio
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import structlog

from controller.__main__ import _log_to
from controller.bundle import NothingToPack, pack, without_secrets
from controller.identity import _keep
from controller.log_file import CappedLog

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def busy(bench):
    """An edge that logs everything into its folder, and has its secrets there, as a real one has."""
    before = structlog.get_config()
    log = CappedLog(bench.settings.folder, 1 << 20)
    _log_to(log, "debug")
    _keep(bench.cloud.identity(), bench.settings.folder / "identity.toml")
    yield bench
    structlog.configure(**before)
    log.close()


def packed(out: Path) -> dict[str, bytes]:
    with tarfile.open(out) as files:
        return {member.name: files.extractfile(member).read() for member in files.getmembers()}


async def bundle(bench, out: Path) -> dict[str, bytes]:
    await asyncio.to_thread(pack, bench.settings.folder, out)
    return packed(out)


async def test_it_holds_states_events_log_and_the_frames_of_the_running_edge(busy, tmp_path):
    order = await busy.loaded()
    door = busy.door_of(order)
    found = await bundle(busy, tmp_path / "bundle.tar.gz")
    assert set(found) == {"about.json", "states.json", "events.jsonl", "logs/edge.log", "bus-trace.jsonl"}
    states = json.loads(found["states.json"])
    assert states["compartments"][door]["state"] == "occupied"
    assert set(states["documents"]) == {"keys", "grants", "parcels"}
    assert json.loads(found["events.jsonl"].splitlines()[0])["type"] == "Booted"
    assert b"ParcelDeposited" in found["logs/edge.log"]
    frames = [json.loads(line) for line in found["bus-trace.jsonl"].splitlines()]
    assert {frame["bus"] for frame in frames} == {"rs485"}
    assert any(frame["hex"].startswith("8a01") and frame["way"] == "sent" for frame in frames)


async def test_no_secret_is_in_it_wherever_it_was(busy, tmp_path):
    order = await busy.loaded()
    other, qr, badge = busy.cloud.expect(), busy.cloud.pickup_qr(order.order), busy.cloud.badge()
    await busy.hand_over()
    token = "tge_" + "k3yOfAFirstStart" * 3
    for said in (qr, order.code, "12345678", badge, other.code):
        await busy.edge.entrance.scanned(said)
    log = structlog.get_logger("careless")
    for secret in (order.code, qr, badge, token, busy.cloud.cabinet_key.hex(), "mqtt://me:pass@broker:1"):
        log.error("a careless line", text=secret)
    identity = busy.cloud.identity()
    log.error("a careless line", text=[identity.cabinet_key, identity.broker_password, "1234 5678"])
    found = b"".join((await bundle(busy, tmp_path / "bundle.tar.gz")).values()).lower()
    digests = [parcel.digest for parcel in busy.cloud.parcels]
    canaries = [
        order.code, other.code, "12345678", "1234 5678", qr, badge, token, "me:pass@", identity.cabinet_key,
        '"secret"', busy.cloud.cabinet_key.hex(), busy.cloud.salt.hex(), *digests,
    ]  # fmt: skip
    assert [canary for canary in canaries if canary.lower().encode() in found] == []
    assert b"a careless line" in found


async def test_an_edge_that_has_ended_left_its_last_frames(busy, tmp_path, monkeypatch):
    await busy.stop()
    monkeypatch.setattr("controller.bundle.TRACE_WITHIN_S", 0.1)
    found = await bundle(busy, tmp_path / "bundle.tar.gz")
    assert b"rs485" in found["bus-trace.jsonl"]
    assert list(busy.settings.folder.glob("*.wanted")) == []


def test_a_folder_without_records_is_named(tmp_path):
    with pytest.raises(NothingToPack, match=r"edge\.db"):
        pack(tmp_path, tmp_path / "out.tar.gz")
    done = subprocess.run(
        [sys.executable, "-m", "controller", "bundle", str(tmp_path / "o"), "--folder", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "holds no records" in done.stderr


def test_what_is_not_secret_stays():
    line = '{"opening": 17, "order": "96dec8382e9b6786", "boot": "bae0faf8-c299-4818-b060-2b4298ddfe22"}'
    assert without_secrets(line) == line
