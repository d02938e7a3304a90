"""A code reader that types what it sees as one line of text."""

from simulators.wire import Wire


class TextReader:
    """A reader on a wire of its own. ``suffix`` ends each scan; some are shipped with none."""

    def __init__(self, name: str, wire: Wire, suffix: bytes = b"\r") -> None:
        self.name, self.wire, self.suffix = name, wire, suffix

    def show(self, text: str) -> None:
        """Hold a code in front of the reader."""
        self.wire.send(text.encode() + self.suffix)

    def babble(self, noise: bytes) -> None:
        """Send bytes that are no scan."""
        self.wire.send(noise)
