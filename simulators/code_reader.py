"""What all simulated readers have in common: a wire of their own, and somebody who shows them something."""

from abc import ABC, abstractmethod

from simulators.faults import Cause, Faults
from simulators.wire import Wire


class CodeReader(ABC):
    """One reader."""

    def __init__(self, name: str, wire: Wire, faults: Faults | None = None) -> None:
        self.name, self.wire = name, wire
        self.faults = Faults() if faults is None else faults
        self.told = b""
        """All that the host has ever said to it."""
        wire.heard = self.hear

    @abstractmethod
    def show(self, text: str) -> None:
        """Hold a code or card in front of the reader."""

    def hear(self, data: bytes) -> None:
        """The host sends something; a reader that only types takes no notice."""
        self.told += data

    def babble(self, noise: bytes) -> None:
        """Send bytes that are no scan."""
        self.wire.send(noise)

    def has(self, cause: Cause) -> bool:
        """Whether this is wrong with it."""
        return self.faults.at(cause, self.name) is not None
