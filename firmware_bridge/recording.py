"""What crossed the ports of a cabinet, with times, in a file of JSON lines that a colleague can replay.

The first line says what was done; each further one is a piece of bytes as this side wrote or read it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from config.problems import one
from firmware_bridge.line import Direction, Trace

Doing = Literal["doors", "open", "listen"]
Told = TypeVar("Told", bound=BaseModel)


class About(BaseModel):
    """The first line: what was done, at which cabinet, on which ports."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trace: Literal[1] = 1
    cabinet: str
    began: str = Field(description="when, in UTC")
    doing: Doing
    label: str = Field(default="", description="of what was opened")
    ports: dict[str, str] = Field(description="address by name of bus or reader")


class Piece(BaseModel):
    """One piece of bytes. ``at`` counts seconds from the beginning; ``port`` is the name in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: float = Field(ge=0, le=1e6)
    port: str
    direction: Direction
    hex: str

    @property
    def data(self) -> bytes:
        return bytes.fromhex(self.hex)


@dataclass(frozen=True, slots=True)
class Line:
    """A piece and where it stands in its file."""

    number: int
    piece: Piece


class Recorder:
    """Writes a trace; each line is in the file before the next byte is looked at.

    ``OSError`` when not even the first line can be written; ``fault`` says why a later one could not, and
    ``lines`` how many pieces are in the file.
    """

    def __init__(self, file: TextIO, about: About, began: float) -> None:
        self.lines = 0
        self.fault: OSError | None = None
        self._file, self._began = file, began
        self._write(about.model_dump())

    def port(self, name: str) -> Trace:
        """What writes down the bytes of this bus or reader."""

        def heard(at: float, direction: Direction, data: bytes) -> None:
            passed = round(max(0.0, at - self._began), 6)
            self._add({"at": passed, "port": name, "direction": direction.value, "hex": data.hex()})

        return heard

    def _add(self, told: dict[str, Any]) -> None:
        if self.fault is not None:
            return
        try:
            self._write(told)
        except OSError as error:
            self.fault = error  # the driver in whose turn this happens must not stop for a full disk
        else:
            self.lines += 1

    def _write(self, told: dict[str, Any]) -> None:
        self._file.write(json.dumps(told, ensure_ascii=False) + "\n")
        self._file.flush()


def read_trace(path: Path) -> tuple[About, list[Line]]:
    """A whole trace; ``BadFile`` names the first line that is none, and why."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise one(path, "-", f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise one(path, "-", "is not text") from error
    if not lines:
        raise one(path, "line 1", "is missing: it says what was done")
    about = _read(path, 1, lines[0], TypeAdapter(About))
    pieces = [_piece(path, number, line, about) for number, line in enumerate(lines[1:], start=2)]
    return about, pieces


def _piece(path: Path, number: int, line: str, about: About) -> Line:
    piece = _read(path, number, line, TypeAdapter(Piece))
    if piece.port not in about.ports:
        raise one(path, f"line {number}", f"port {piece.port} is not one of line 1")
    try:
        piece.data  # noqa: B018 (read for its error)
    except ValueError as error:
        raise one(path, f"line {number}", f"{piece.hex[:40]} is not written in hexadecimal digits") from error
    return Line(number, piece)


def _read(path: Path, number: int, line: str, sort: TypeAdapter[Told]) -> Told:
    try:
        return sort.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise one(path, f"line {number}", f"{key + ': ' if key else ''}{first['msg']}") from error
