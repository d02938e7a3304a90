"""The families of code and card readers: what a cabinet file may say about one."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReaderFamily:
    """One family; ``kind`` is its name in cabinet files, and its driver is ``firmware_bridge/<kind>.py``."""

    kind: str
    title: str
    """How a sentence names them, in the plural."""
    profiles: tuple[str, ...] = ()
    """Makes that differ in what they are told, the first one the default; none when all are alike."""
    is_serial: bool = True
    """Whether it has a baud rate."""
    can_be_triggered: bool = False
    """Whether this computer can tell it when to read."""


READERS: Mapping[str, ReaderFamily] = {
    family.kind: family
    for family in (
        ReaderFamily("scan_text", "readers that type lines"),
        ReaderFamily("scan_gm65", "GM65 scanners", can_be_triggered=True),
        ReaderFamily(
            "scan_trigger", "Honeywell and Newland scanners", ("honeywell", "newland"), can_be_triggered=True
        ),
        ReaderFamily("scan_ssi", "SSI scanners", can_be_triggered=True),
        ReaderFamily("scan_rdm6300", "125 kHz card readers"),
        ReaderFamily("scan_wedge", "scanners that are keyboards", is_serial=False),
    )
}
"""By kind."""
