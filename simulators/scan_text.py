"""A code reader that types what it sees as one line of text."""

from simulators.code_reader import CodeReader
from simulators.faults import Cause, Faults
from simulators.wire import Wire


class TextReader(CodeReader):
    """``suffix`` ends each scan; some are shipped with none."""

    def __init__(self, name: str, wire: Wire, suffix: bytes = b"\r", faults: Faults | None = None) -> None:
        super().__init__(name, wire, faults)
        self.suffix = suffix

    def show(self, text: str) -> None:
        """Hold a code in front of the reader."""
        self.wire.send(text.encode() + (b"" if self.has(Cause.SUFFIX_MISSING) else self.suffix))
