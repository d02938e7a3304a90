"""When the file lies behind what the cabinet had come to, and what the epoch that follows says of it."""

from dataclasses import dataclass
from typing import Literal

from config.contract.events import EpochBegan, EpochReason
from config.contract.signing import CHAIN_START
from controller.floor import Level
from controller.store.counters import Counters
from controller.store.journal import Head


@dataclass(frozen=True, slots=True)
class Fallen:
    """The file lies behind what the cabinet had come to: its compartments cannot be trusted.

    ``level`` is how far it had come at least, where the floor still tells.
    """

    reason: Literal["restored", "lost"]
    detail: str
    level: Level | None


def fallen(head: Head, counters: Counters, level: Level | None, wrong: str) -> Fallen | None:
    """Whether what was opened is behind the floor, or was marked so; ``wrong`` is what opening found."""
    marked = counters.get("fallen")
    if marked:
        return Fallen("lost" if marked == "lost" else "restored", wrong or "it was found damaged", level)
    if level is None or level.epoch == counters.get("epoch_before"):
        return None  # the power went between the new epoch and its floor
    if level.epoch == head.epoch and level.seq <= head.seq:
        return None
    return Fallen("restored", f"{head.epoch} {head.seq} is behind {level.epoch} {level.seq}", level)


def began(reason: EpochReason, head: Head, fall: Fallen | None) -> EpochBegan:
    """The first event of the epoch after ``head``."""
    level = fall.level if fall is not None else None
    if level is None:
        return EpochBegan(reason=reason, before=head.epoch, last=head.seq, reached=head.seq)
    last = head.seq if level.epoch == head.epoch else 0
    return EpochBegan(reason=reason, before=level.epoch, last=last, reached=max(last, level.seq))


def left_behind(told: EpochBegan, head: Head, through: int, fall: Fallen | None) -> dict[str, str]:
    """Counters: what is kept of the epoch that ends, and what the floor gives back."""
    kept = fall.level.kept if fall is not None and fall.level is not None else {}
    left = {**kept, "fallen": "", "epoch_before": told.before, "seq_before": str(told.last)}
    chain, through = (head.chain, through) if told.before == head.epoch else (CHAIN_START, 0)
    return {**left, "chain_before": chain, "through_before": str(through)}
