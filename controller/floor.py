"""The floor: what the cabinet must never fall below, in two small files beside its database.

A database that is copied back, restored or rolled back would bring back spent tries, older documents and
numbers that were given out already. The floor does not go back with it: two files are written in turn, each
whole, with a checksum, and synced, so that one of them fits whenever the power goes.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

SIZE = 16384
"""Each file keeps this size, so that a full disk cannot keep the floor from being written."""
GUARDED = (
    "tries", "tries_strong", "tries_pin", "generations", "remote_opens", "orders", "floor_ms", "served_ms"
)  # fmt: skip
"""Values of the store that must not come back from an older copy of it."""


@dataclass(frozen=True, slots=True)
class Level:
    """How far the cabinet had come. ``kept`` are the guarded values as they lay in the store."""

    epoch: str
    seq: int
    versions: dict[str, int] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)


class Floor:
    """The two files of one cabinet."""

    def __init__(self, folder: Path) -> None:
        self._files = (folder / "floor.1", folder / "floor.2")

    def read(self) -> Level | None:
        """The newest level that fits its checksum; None when there is none."""
        found = self._newest()
        return None if found is None else found[1]

    def write(self, level: Level) -> None:
        """Durable on return. ``OSError`` when it could not be written; the level before it still stands."""
        newest = self._newest()
        count = 1 if newest is None else newest[0] + 1
        _write(self._files[count % 2], _sealed(count, level))

    def _newest(self) -> tuple[int, Level] | None:
        found = [read for file in self._files if (read := _read(file)) is not None]
        return max(found, key=lambda each: each[0], default=None)


def _sealed(count: int, level: Level) -> bytes:
    body = json.dumps({"count": count, **asdict(level)}, separators=(",", ":")).encode()
    text = _sum(body).encode() + b" " + body + b"\n"
    if len(text) > SIZE:
        raise OSError(f"a floor of {len(text)} bytes is larger than {SIZE}")
    return text.ljust(SIZE, b"\n")


def _sum(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def _read(file: Path) -> tuple[int, Level] | None:
    try:
        total, _, body = file.read_bytes().rstrip(b"\n").partition(b" ")
    except OSError:
        return None
    if not body or _sum(body).encode() != total:
        return None
    told = json.loads(body)
    return told.pop("count"), Level(**told)


def _write(file: Path, text: bytes) -> None:
    is_new = not file.exists()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, text, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Names made, renamed or removed in the folder are durable on return."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
