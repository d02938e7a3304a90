"""The log, kept within a size: two files in the edge's folder; the older goes when the newer is full."""

import contextlib
import os
import sys
from pathlib import Path
from typing import TextIO

FOLDER = "logs"
NAME = "edge.log"


def log_files(folder: Path) -> list[Path]:
    """What there is of the log, oldest first."""
    newest = folder / FOLDER / NAME
    return [file for file in (newest.with_name(NAME + ".1"), newest) if file.exists()]


class CappedLog:
    """Where lines are written: to ``also``, and to files that hold ``cap_bytes`` together at most.

    A disk that fails costs lines of the log and nothing else.
    """

    def __init__(self, folder: Path, cap_bytes: int, also: TextIO = sys.stderr) -> None:
        self._file = folder / FOLDER / NAME
        self._half = cap_bytes // 2
        self._also = also
        self._open_fd: int | None = None
        self._size = 0

    def write(self, text: str) -> int:
        self._also.write(text)
        with contextlib.suppress(OSError):
            self._append(text.encode(errors="replace")[: self._half])
        return len(text)

    def flush(self) -> None:
        self._also.flush()

    def close(self) -> None:
        if self._open_fd is not None:
            os.close(self._open_fd)
            self._open_fd = None

    def _append(self, line: bytes) -> None:
        if self._open_fd is None:
            self._open()
        if self._size + len(line) > self._half:
            self.close()
            self._file.replace(self._file.with_name(NAME + ".1"))
            self._open()
        assert self._open_fd is not None
        self._size += os.write(self._open_fd, line)

    def _open(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._open_fd = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._open_fd).st_size
