"""Writing a cabinet file, with what a walk has found as comments at its head."""

import os
from pathlib import Path

import tomli_w

from firmware_bridge.commission.wiring import Wiring


def text(wiring: Wiring) -> str:
    """The cabinet file as TOML."""
    told = [f"# {'set here' if each.repaired else 'TO DO'}: {each}\n" for each in wiring.findings]
    missing = f"# Left out until repaired: {', '.join(wiring.left_out)}\n" if wiring.left_out else ""
    head = "# Written when the cabinet was commissioned: each door was opened once.\n"
    return head + "".join(told) + missing + "\n" + tomli_w.dumps(wiring.cabinet)


def write(wiring: Wiring, path: Path) -> None:
    """Write the file whole or not at all. ``OSError``."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text(wiring))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
