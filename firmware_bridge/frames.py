"""What is true of the frames of every protocol here: each can say in words what it means."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, ClassVar, Protocol


class Sender(StrEnum):
    """Who put a frame on the wire; some frames mean something else from the other side."""

    HOST = "host"
    BOARD = "board"


class Frame(Protocol):
    """A frozen dataclass with the fields of the frame."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def meaning(self) -> str:
        """One sentence for a technician, without a full stop."""
        ...


ReadFrame = Callable[[bytes, Sender | None], Frame]
"""The frame that these bytes are, from this sender or from either; ``ValueError`` says why they are none."""


def in_hex(frame: bytes) -> str:
    """As error messages show bytes."""
    return frame.hex(" ") or "nothing"


def within(field: str, number: int, first: int, last: int) -> int:
    """The number; ``ValueError`` names its field where it cannot be."""
    if not first <= number <= last:
        raise ValueError(f"{field} {number} is not between {first} and {last}")
    return number


def check_byte_error(frame: bytes, expected: int) -> ValueError:
    """The last byte is the check byte of a frame, and it is wrong."""
    return ValueError(
        f"wrong check byte in {in_hex(frame)}: it is {frame[-1]:02x}, the bytes before it make {expected:02x}"
    )
