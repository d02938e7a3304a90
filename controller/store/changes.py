"""What is kept, what is to become true in one transaction, and how the store fails."""

from dataclasses import dataclass, field
from pathlib import Path

from config.contract.events import Fact
from config.contract.messages import DocumentName
from controller.visit import Box


class StoreFailing(Exception):
    """The file could not be read or written; nothing of the change was kept."""

    def __init__(self, path: Path, error: Exception) -> None:
        self.path = path
        super().__init__(f"{path}: {error}")


class DamagedRow(Exception):
    """A row does not fit its checksum."""

    def __init__(self, table: str, key: str) -> None:
        self.table, self.key = table, key
        super().__init__(f"{table} {key}: the row does not fit its checksum")


@dataclass(frozen=True, slots=True)
class Document:
    """A document in force: the exact signed message that brought it."""

    name: DocumentName
    version: int
    hash: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become true in one transaction."""

    boxes: tuple[Box, ...] = ()
    facts: tuple[Fact, ...] = ()
    seen_command: tuple[str, int] | None = None
    document: Document | None = None
    used: tuple[str, ...] = ()
    """Parcels whose right to be collected has been used; for good."""
    meta: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows:
    """A contiguous run of events as they lie in the outbox."""

    epoch: str
    first: int
    chain: str
    lines: tuple[bytes, ...]
