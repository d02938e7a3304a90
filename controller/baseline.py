"""How everything is now, in as few events as hold it: from here a cloud that has lost history folds on."""

from typing import Any

from config.contract.events import MOST_BOXES, MOST_USED, Baseline, BoxNow


def baseline(
    boxes: tuple[BoxNow, ...], used: tuple[str, ...], openings: int, occupancies: int
) -> tuple[Baseline, ...]:
    """At least one part, each within the size of an event; ``used`` are parcels collected for good."""
    chunks: list[dict[str, Any]] = [
        {"boxes": boxes[at : at + MOST_BOXES]} for at in range(0, max(len(boxes), 1), MOST_BOXES)
    ]
    chunks += [{"used": used[at : at + MOST_USED]} for at in range(0, len(used), MOST_USED)]
    counted = {"parts": len(chunks), "openings": openings, "occupancies": occupancies}
    return tuple(
        Baseline.model_validate({"part": part, **chunk, **counted}) for part, chunk in enumerate(chunks, 1)
    )
