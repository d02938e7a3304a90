"""Which faults are open: the sum of what was raised and cleared, kept in the transactions that tell of it."""

import json
from collections.abc import Iterable

from config.contract.events import Fact, FaultCleared, FaultRaised

KEY = "faults"
MOST_DETAIL = 300

OpenFaults = dict[tuple[str, str], str]
"""(fault, subject) → detail."""


def read(kept: str | None) -> OpenFaults:
    return {(fault, subject): detail for fault, subject, detail in json.loads(kept or "[]")}


def after(kept: str | None, facts: Iterable[Fact]) -> dict[str, str]:
    """What is to be kept after these facts; nothing when none of them is about a fault."""
    told = [fact for fact in facts if isinstance(fact, FaultRaised | FaultCleared)]
    if not told:
        return {}
    faults = read(kept)
    for fact in told:
        key = fact.fault, fact.subject
        if isinstance(fact, FaultRaised):
            faults[key] = fact.detail[:MOST_DETAIL]
        else:
            faults.pop(key, None)
    return {KEY: json.dumps([[*key, detail] for key, detail in faults.items()], ensure_ascii=False)}
