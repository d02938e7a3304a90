"""The cloud's clock, in milliseconds since 1970."""

import time
from datetime import datetime


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def from_rfc3339(text: str) -> int | None:
    """None when the text is not a time."""
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
