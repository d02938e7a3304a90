"""After a fall: the file was restored, rolled back, copied or lost, so nobody can say what lies where.

A new epoch begins. Goods are kept and held: every compartment comes back in quarantine, an opening that was
under way has to be looked at by a person, and what the floor still knows (tries, versions, time) stands.
"""

import structlog

from config.contract.events import Fact, FaultRaised
from controller import visit
from controller.clock import Clock
from controller.store import Change, Store
from controller.visit import Box

log = structlog.get_logger(__name__)


async def recover(boxes: dict[str, Box], store: Store, clock: Clock) -> dict[str, Box]:
    """The compartments to go on with; the same ones when the store has not fallen."""
    fallen = store.fallen
    if fallen is None:
        return boxes
    known = fallen.reason == "restored"
    steps = [visit.fallen_back(box, known=known) for box in boxes.values()]
    fault = FaultRaised(fault="records_restored", subject="store", detail=fallen.detail[:300])
    facts: tuple[Fact, ...] = (fault, *(fact for step in steps for fact in step.facts))
    change = Change(boxes=tuple(step.box for step in steps), facts=facts)
    told = await store.begin_epoch(fallen.reason, clock.stamp(), change)
    log.error("the records had fallen back", reason=fallen.detail, last=told.last, reached=told.reached)
    return {step.box.label: step.box for step in steps}
