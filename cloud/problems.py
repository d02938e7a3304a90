"""What the service refuses, as RFC 9457 has it: a stable code, a status, one plain sentence, a next step.

``Refused`` is the one exception that rooms raise for a request that cannot be met; the API turns it into
``application/problem+json``. Codes never change their meaning.
"""

from typing import Any


class Refused(Exception):
    """A request that is not met. ``facts`` go into the answer beside the sentence."""

    def __init__(self, status: int, code: str, sentence: str, **facts: Any) -> None:
        self.status = status
        self.code = code
        self.sentence = sentence
        self.facts = facts
        super().__init__(f"{code}: {sentence}")


def unknown_cabinet(cabinet: str) -> Refused:
    return Refused(404, "unknown_cabinet", f"there is no cabinet {cabinet!r}", cabinet=cabinet)


def cabinet_offline(cabinet: str) -> Refused:
    return Refused(
        409,
        "cabinet_offline",
        f"cabinet {cabinet} is offline; the code and the QR still work at the cabinet",
        cabinet=cabinet,
    )


def no_broker() -> Refused:
    return Refused(503, "broker_unreachable", "the message broker cannot be reached; try again in a moment")
