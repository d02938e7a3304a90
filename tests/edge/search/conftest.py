import importlib.util
import sys
from pathlib import Path
from typing import Any


def _load(name: str, file: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(file))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_load("search_machine", "machine.py")
for part in ("situation", "rules", "passing", "happening", "search"):
    _load(f"search_{part}", f"{part}.py")
