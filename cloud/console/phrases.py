"""Events of the log, and who asked for a door, in plain words."""

import json
import re
from collections.abc import Callable
from typing import Any

from cloud.console.gate import AT_THIS_MACHINE
from cloud.console.words import WORDS, Words

Row = dict[str, Any]
Told = dict[str, Any]


def sentence(row: Row, words: Words) -> str:
    """What happened, in words; an event that cannot be read says so."""
    key = f"event.{row['type']}"
    if key not in WORDS:
        return words("event.unreadable")
    told = json.loads(row["line"])["data"]
    facts = {name: _said(name, value, words) for name, value in told.items()}
    facts["open_s"] = (told.get("open_ms") or 0) // 1000
    return words(key, **facts)


def asker(asked_by: str, words: Words) -> str:
    """Who is named so in the command ledger; a name of another form stays as it is."""
    if asked_by == AT_THIS_MACHINE:
        return words("asker.here")
    for form, key in _ASKERS:
        if found := form.fullmatch(asked_by):
            return words(key, **found.groupdict())
    return asked_by


def _said(name: str, value: Any, words: Words) -> Any:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    spoken = _SPOKEN.get(name)
    return spoken(str(value), words) if spoken else value


_ASKERS = (
    (re.compile(r"resident of (?P<order>\w+)"), "asker.resident"),
    (re.compile(r"order (?P<order>\w+), key (?P<name>.*)"), "asker.order"),
    (re.compile(r"key (?P<name>.*), console"), "asker.console"),
    (re.compile(r"key (?P<name>.*)"), "asker.key"),
)

_SPOKEN: dict[str, Callable[[str, Words], str]] = {
    "purpose": lambda value, words: words.or_else(f"purpose.{value}", value),
    "proof": lambda value, words: words.or_else(f"proof.{value}", value),
    "answer": lambda value, words: words.or_else(f"answer.{value}", value),
    "zone": lambda value, words: words.or_else(f"zone.{value}", value),
    "name": lambda value, words: words.or_else(f"document.{value}", value),
    "outcome": lambda value, words: words.or_else(f"command.{value}", value),
    "reason": lambda value, words: words.why(value),
    "goods": lambda value, words: words.or_else(f"goods.{value}", value),
    "fault": lambda value, words: words.fault(value),
}
