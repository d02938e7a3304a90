"""Room that is kept for the day when the disk is full: a file that can be given back in one call."""

import os
from pathlib import Path

from controller.floor import sync_folder

BYTES = 8 << 20
"""Enough for some thousand changes with their events."""


class Ballast:
    """One file of zeros beside the database."""

    def __init__(self, path: Path, size: int = BYTES) -> None:
        self._path = path
        self._size = size

    @property
    def is_there(self) -> bool:
        return self._path.exists() and self._path.stat().st_size >= self._size

    def put_in(self) -> bool:
        """Take the room, when the disk has an eighth more to spare; whether the ballast is there."""
        if self.is_there:
            return True
        disk = os.statvfs(self._path.parent)
        held = self._path.stat().st_blocks * 512 if self._path.exists() else 0
        if disk.f_bavail * disk.f_frsize + held < self._size * 9 // 8:
            return False
        try:
            self._take()
        except OSError:
            self._path.unlink(missing_ok=True)
        return self.is_there

    def throw_out(self) -> bool:
        """Give the room back; False when there was none."""
        if not self._path.exists():
            return False
        self._path.unlink()
        sync_folder(self._path.parent)
        return True

    def _take(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
