"""Two officers, each with a command line of their own; a real cloud and broker; a real cabinet opens."""

import asyncio
import sys
import tomllib
from pathlib import Path
from typing import Any

from config.cabinet import Officer
from tests.edge.bench import CABINET
from tests.hard.both_sides import Both

REASON = "大厅冒烟"


async def typed(folder: Path, *words: str, key: str = "") -> str:
    """One command in a process of its own; what it prints."""
    where = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path.cwd()), "TUANGUI_API_KEY": key}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words,
        cwd=folder, env=where, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def officers(folder: Path) -> tuple[Officer, ...]:
    told = [
        await typed(folder, "config.officer", "key", who, "--out", f"{who}.key") for who in ("lin", "wang")
    ]
    lines = "\n".join(each[each.index("[[officer]]") :] for each in told)
    return tuple(Officer(**each) for each in tomllib.loads(lines)["officer"])


async def test_two_officers_open_every_door_of_a_cabinet_from_afar(tmp_path: Path) -> None:
    both = Both(tmp_path, "nats")
    both.bench.file = both.bench.file.model_copy(update={"officer": await officers(tmp_path)})
    try:
        await both.start()
        at_cloud = ("cloud", "key", "create", "desk", "--scope", "operator")
        key = (await typed(tmp_path, *at_cloud, "--folder", str(both.cloud.folder))).strip()
        ordering = ("config.officer", "order", CABINET, "--reason", REASON, "--key", "lin.key")
        await typed(tmp_path, *ordering, "--out", "order.json")
        await typed(tmp_path, "config.officer", "sign", "order.json", "--key", "wang.key", "--yes")
        handing = ("cloud", "open-all", "order.json", "--url", both.cloud.told["url"])
        assert "opens every door" in await typed(tmp_path, *handing, key=key)
        for label in both.edge.cabinet.boxes:
            assert await both.bench.served.wait(label, "open")
            await both.bench.shut(label)
        await both.bench.until(lambda: all(box.opening is None for box in both.edge.cabinet.boxes.values()))
        await both.drained()
        assert "opened_by_order" in both.cloud.faults()
        ledger: list[Any] = both.cloud.rows("select compartment, purpose, state, reason from commands")
        assert ledger == [("*", "open_all", "succeeded", REASON)]
        (ordered,) = [event.data for event in await both.bench.events() if event.type == "OpenAllOrdered"]
        assert ordered["officers"] == ["lin", "wang"]
    finally:
        await both.stop()
