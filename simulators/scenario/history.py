"""All events that the simulated cloud has ever heard, on disk.

It forgets nothing, and the program is watched for growth while it runs: what stays in memory of an event is
where it stands in the file.
"""

import os
import tempfile
import weakref
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import overload


class Archive:
    """One file for all histories; it is gone with the run."""

    def __init__(self) -> None:
        self._file, name = tempfile.mkstemp(prefix="tuangui-history-")
        Path(name).unlink()
        weakref.finalize(self, os.close, self._file)
        self._end = 0

    def put(self, line: bytes) -> int:
        """Where it stands from now on."""
        os.pwrite(self._file, line, self._end)
        self._end += len(line)
        return self._end - len(line)

    def read(self, at: int, length: int) -> bytes:
        return os.pread(self._file, length, at)


class Lines:
    """The events of one history, by place: the first one is 0."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._at = array("Q")
        self._lengths = array("I")

    def append(self, line: bytes) -> None:
        self._at.append(self._archive.put(line))
        self._lengths.append(len(line))

    def cut(self, length: int) -> None:
        """Forget all events but the first so many."""
        del self._at[length:], self._lengths[length:]

    def __len__(self) -> int:
        return len(self._at)

    def __iter__(self) -> Iterator[bytes]:
        return (self[place] for place in range(len(self)))

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        return self._archive.read(self._at[place], self._lengths[place])
