"""Doors that are wired otherwise than before open for nobody until somebody has seen the right one move.

A board that was replaced, or a door that hangs on another channel, may open its neighbour. What the cabinet
file says of the wires is therefore remembered; where it says something else at the next start the compartment
is *unproven* until a technician has opened it and says that it was this door. The first file of a cabinet
counts as proven: whoever wrote it opened every door.
"""

import json

import structlog

from config.cabinet import Cabinet as CabinetFile
from controller import visit
from controller.cabinet import Cabinet
from controller.store import Change, Store

log = structlog.get_logger(__name__)

KEY = "wiring"


async def compare(file: CabinetFile, cabinet: Cabinet, store: Store) -> None:
    """Bar every door whose wires are not those of the last start. Before anybody is served."""
    wired = file.wiring()
    kept = await store.meta(KEY)
    before: dict[str, str] = wired if kept is None else json.loads(kept)
    if before == wired and kept is not None:
        return
    changed = [label for label, wires in wired.items() if before.get(label) != wires]
    if changed:
        log.warning("wired anew, to be proven by a technician", doors=changed)
    await cabinet.change_together(lambda: _barred(cabinet, changed, wired))


def _barred(cabinet: Cabinet, changed: list[str], wired: dict[str, str]) -> Change:
    """The file is remembered together with what it means for its doors."""
    steps = [visit.rewired(cabinet.boxes[label]) for label in changed]
    boxes = tuple(step.box for step in steps)
    return Change(
        boxes=boxes, facts=tuple(f for step in steps for f in step.facts), meta={KEY: json.dumps(wired)}
    )
