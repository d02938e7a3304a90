"""What can go wrong between this computer and a board.

    BridgeError
    ├── PortError             the wire itself, on this side
    │   ├── PortUnavailable       it cannot be opened
    │   └── PortGone              it was open and vanished
    ├── BoardError            the board, or the wire behind it
    │   ├── BoardSilent           nothing came back in its reply time
    │   ├── BadFrame              something came back that is no answer to what was asked
    │   ├── BoardRefused          it understood and said no
    │   ├── BoardFailed           its guard could not do what was asked
    │   ├── StillMoving           what lies on a scale does not rest
    │   └── ImpossibleReading     it answered with a value that cannot be
    │       └── SwappedWords          and that could be with its two halves in the other order
    ├── AddressKept           a device was not given another address
    ├── UnreadableScan        a reader sent what is no text
    └── WrongUse              a mistake of the caller, or of the cabinet file

Each carries its facts as attributes and writes its own sentence.
"""


class BridgeError(Exception):
    """Base of everything that firmware_bridge raises."""


class PortError(BridgeError):
    """The wire itself; ``port`` is its address as the cabinet file writes it."""

    def __init__(self, port: str, reason: str) -> None:
        self.port, self.reason = port, reason
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        return f"port {self.port}: {self.reason}"


class PortUnavailable(PortError):
    """The port cannot be opened: it does not exist, is not ours, or another program has it."""

    def _sentence(self) -> str:
        return f"port {self.port} cannot be opened: {self.reason}"


class PortGone(PortError):
    """The port vanished while it was open: an adapter pulled out, a gateway that closed."""

    def _sentence(self) -> str:
        return f"port {self.port} vanished: {self.reason}"


class BoardError(BridgeError):
    """A board on a port, and the bytes received, if any."""

    def __init__(self, port: str, board: str, frame: bytes = b"") -> None:
        self.port, self.board, self.frame = port, board, frame
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        return f"board {self.board} on {self.port} failed"


class BoardSilent(BoardError):
    """No answer within the reply time; worth asking again after ``retry_after`` seconds."""

    def __init__(self, port: str, board: str, retry_after: float = 0.0) -> None:
        self.retry_after = retry_after
        super().__init__(port, board)

    def _sentence(self) -> str:
        return f"board {self.board} on {self.port} does not answer"


class BadFrame(BoardError):
    """Bytes came that are no answer to what was asked: a wrong check byte, another board, noise.

    ``doubt`` says what this looks like, where more than these bytes is known.
    """

    def __init__(self, port: str, board: str, frame: bytes = b"", doubt: str = "") -> None:
        self.doubt = doubt
        super().__init__(port, board, frame)

    def _sentence(self) -> str:
        came = self.frame.hex(" ") or "nothing"
        doubt = f"; {self.doubt}" if self.doubt else ""
        return f"board {self.board} on {self.port} sent what is no answer: {came}{doubt}"


class BoardRefused(BoardError):
    """The board understood the request and refused it; ``code`` is its own error code."""

    def __init__(self, port: str, board: str, frame: bytes, code: int) -> None:
        self.code = code
        super().__init__(port, board, frame)

    def _sentence(self) -> str:
        return f"board {self.board} on {self.port} refused, with code {self.code}"


class BoardFailed(BoardError):
    """The guard that owns its outputs could not do what was asked; ``reason`` is the guard's."""

    def __init__(self, port: str, board: str, reason: str) -> None:
        self.reason = reason
        super().__init__(port, board)

    def _sentence(self) -> str:
        return f"the guard of board {self.board} on {self.port} says: {self.reason}"


class ImpossibleReading(BoardError):
    """A whole and proven frame that says what cannot be; ``reading`` is what it said."""

    def __init__(self, port: str, board: str, frame: bytes, reading: str) -> None:
        self.reading = reading
        super().__init__(port, board, frame)

    def _sentence(self) -> str:
        return f"board {self.board} on {self.port} says {self.reading}, which cannot be"


class SwappedWords(ImpossibleReading):
    """``reading`` cannot be, ``swapped`` can: with ``word_order``, which is not the map's own."""

    def __init__(
        self, port: str, board: str, frame: bytes, reading: str, *, swapped: str, word_order: str
    ) -> None:
        self.swapped, self.word_order = swapped, word_order
        super().__init__(port, board, frame, reading)

    @property
    def own_order(self) -> str:
        """The register map's."""
        return "low" if self.word_order == "high" else "high"

    def _sentence(self) -> str:
        hint = f'the words seem swapped: word_order = "{self.word_order}" makes it {self.swapped}'
        return f"{ImpossibleReading._sentence(self)}; {hint}"


class StillMoving(BoardError):
    """A scale whose load does not rest was told to take it for nothing."""

    def _sentence(self) -> str:
        return f"board {self.board} on {self.port}: what lies on it is still moving"


class AddressKept(BridgeError):
    """A device at ``address`` was not given another one, for a ``reason``."""

    def __init__(self, port: str, address: int, reason: str) -> None:
        self.port, self.address, self.reason = port, address, reason
        super().__init__(f"address {address} on {port}: {reason}")


class UnreadableScan(BridgeError):
    """A code reader sent bytes that are no text, or more than a code can be."""

    def __init__(self, reader: str, scanned: bytes, reason: str) -> None:
        self.reader, self.scanned, self.reason = reader, scanned, reason
        super().__init__(f"reader {reader}: {reason}: {scanned[:32].hex(' ')}")


class WrongUse(BridgeError):
    """The caller asked ``thing`` for something it cannot do."""

    def __init__(self, thing: str, reason: str) -> None:
        self.thing, self.reason = thing, reason
        super().__init__(f"{thing}: {reason}")
