"""How an event lies in its row: the exact line, with each phrase that lines repeat written as one byte.

A line is JSON and holds no control characters, so each of those can stand for a phrase. SQLite puts the
phrases back by itself, in the computed column ``body``: an older controller, and whoever else opens the file,
reads and chains the line as it was. A line that was never packed reads as itself.

The phrases are part of the file's format; a change of them is a migration that rewrites the rows.
"""

PHRASES = (
    '{"specversion":"1.0","id":"\x01-', '","source":"/cabinets/', '","type":"', '","time":"', '","subject":"',
    '","data":{"box":{"label":"', '","state":"', '","door":"', '","sides":[', '],"occupancy":"\x01-',
    '","occupancy":"\x01-', '","order":"', '","parcel":"', '"verified":true},"opening":', ',"purpose":"',
    '","proof":"', '},"epoch":"\x01","seq":', ',"boot":"', '","mono_ms":', ',"clock":"',
)  # fmt: skip
"""``\\x01`` is the epoch of the row; the others follow it in their order, without the newline."""
_EPOCH = b"\x01"
_MARKS = [bytes([mark]) for mark in range(2, 32) if mark != ord("\n")]
_PAIRS = [(phrase.encode(), mark) for phrase, mark in zip(PHRASES, _MARKS, strict=False)]
_BACK = _PAIRS[::-1]


def packed(epoch: str, line: bytes) -> bytes:
    """What is written for this line into a row of this epoch."""
    line = line.replace(epoch.encode(), _EPOCH)
    for phrase, mark in _PAIRS:
        line = line.replace(phrase, mark)
    return line


def unpacked(epoch: str, row: bytes) -> bytes:
    """The line again. Ten times as fast as SQLite puts it together."""
    for phrase, mark in _BACK:
        row = row.replace(mark, phrase)
    return row.replace(_EPOCH, epoch.encode())


def _unpacked_sql() -> str:
    text = "cast(packed as text)"
    for phrase, mark in _BACK:
        parts = (f"'{part}'" for part in phrase.decode().split("\x01"))
        text = f"replace({text}, char({mark[0]}), {' || char(1) || '.join(parts)})"
    return f"cast(replace({text}, char(1), epoch) as blob)"


COMPUTED = _unpacked_sql()
"""The same as an expression of SQLite, over the columns ``packed`` and ``epoch``."""
