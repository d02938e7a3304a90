"""What is measured on, and what one fsync costs there."""

import os
import platform
import sqlite3
import time
from pathlib import Path

PAGE = 4096
NOT_TOLD = "file system not told"


def described(folder: Path) -> str:
    """One line: processor, cores, kernel, Python, SQLite, file system."""
    cores = os.cpu_count()
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    kernel = f"{platform.system()} {platform.release()}"
    return f"{_processor()}, {cores} cores, {kernel}, {versions}, {_disk(folder)}"


class Fsync:
    """One page appended to a file and synced: the least a durable commit can cost on this file system."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "fsync.probe", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def seconds(self) -> float:
        """Of one."""
        began = time.perf_counter()
        os.write(self._file, bytes(PAGE))
        os.fsync(self._file)
        return time.perf_counter() - began

    def close(self) -> None:
        os.close(self._file)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _disk(folder: Path) -> str:
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8")
    except OSError:
        return NOT_TOLD
    return file_system(folder.resolve(), mounts)


def file_system(folder: Path, mounts: str) -> str:
    """Of the longest mount point above the folder; in a chroot there may be none."""
    above = {str(parent) for parent in (folder, *folder.parents)}
    mounted = [(where, kind) for _, where, kind, *_ in map(str.split, mounts.splitlines()) if where in above]
    return max(mounted, key=lambda mount: len(mount[0]), default=("", NOT_TOLD))[1]
