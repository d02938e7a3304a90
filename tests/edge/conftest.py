import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

_spec = importlib.util.spec_from_file_location("edge_bench", Path(__file__).with_name("bench.py"))
assert _spec is not None
assert _spec.loader is not None
edge_bench: Any = importlib.util.module_from_spec(_spec)
sys.modules["edge_bench"] = edge_bench
_spec.loader.exec_module(edge_bench)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Any]:
    bench = edge_bench.Bench(tmp_path, edge_bench.cabinet_file())
    await bench.plug_in()
    await bench.start()
    yield bench
    await bench.stop()
    bench.served.unplug()
