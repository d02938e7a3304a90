"""Packs what a technician far away needs to see, and nothing that opens a door: logs, states, frames.

Two fences: only named columns and counters leave the store (no document, no digest, no identity), and every
text is gone through for what looks like a code, a token or a key before it is packed.
"""

import io
import json
import platform
import re
import shutil
import sqlite3
import tarfile
import time
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

from controller.bus_trace import NAME as TRACE
from controller.bus_trace import WANTED
from controller.identity import FILE as IDENTITY
from controller.log_file import log_files

COUNTERS = (
    "epoch", "seq", "through", "opening", "occupancy", "session", "boot", "running", "floor_ms", "served_ms",
    "safe_mode", "fallen",
)  # fmt: skip
LAST_EVENTS = 2000
TRACE_WITHIN_S = 3.0
GONE = "[left out]"
SECRETS = re.compile(
    r"tg[a-z]{1,2}_[A-Za-z0-9_-]{8,}"  # tokens of enrolment and of the interface
    r"|[A-Z2-7]{60,}"  # what QR codes and badges say
    r"|[0-9a-fA-F]{32,}"  # digests, salts
    r"|[A-Za-z0-9+/_-]{42,}={0,2}"  # keys, signatures
    r"|(?<=://)[^/\s@]+@"  # login and password in an address
)
CODE = re.compile(r"(?<![\d.])[\d０-９](?:[ \-]?[\d０-９]){7}(?![\d.])")
"""Eight digits, as people type a pickup code."""


class NothingToPack(Exception):
    """The folder holds no edge's records."""


def pack(folder: Path, out: Path) -> list[str]:
    """Write a .tar.gz of what is known; the names in it. ``NothingToPack`` when there is nothing."""
    if not (folder / "edge.db").exists():
        raise NothingToPack(f"{folder} holds no records of an edge: there is no edge.db in it")
    secrets = _own_secrets(folder)
    texts = {"about.json": _json(_about(folder)), **_states(folder / "edge.db")}
    texts |= {f"logs/{file.name}": CODE.sub(GONE, _read(file)) for file in log_files(folder)}
    trace = _trace(folder)
    with tarfile.open(out, "w:gz") as packed:
        for name, text in texts.items():
            _add(packed, name, without_secrets(text, secrets))
        if trace:
            _add(packed, TRACE, trace)  # frames of lock boards and probes: bytes that carry no secret
    return [*texts, *([TRACE] if trace else [])]


def without_secrets(text: str, known: tuple[str, ...] = ()) -> str:
    """The text with everything left out that is known as, or looks like, a secret."""
    for secret in known:
        text = text.replace(secret, GONE)
    return SECRETS.sub(GONE, text)


def _own_secrets(folder: Path) -> tuple[str, ...]:
    try:
        identity = tomllib.loads((folder / IDENTITY).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return ()
    return tuple(str(identity[key]) for key in ("broker_password", "cabinet_key") if identity.get(key))


def _about(folder: Path) -> dict[str, Any]:
    disk = shutil.disk_usage(folder)
    sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir()) if file.is_file()}
    return {
        "packed_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "python": platform.python_version(),
        "machine": platform.platform(), "disk_free": disk.free, "disk_size": disk.total, "files": sizes,
    }  # fmt: skip


def _states(path: Path) -> dict[str, str]:
    """Compartments, counters, documents in force by name and version, the last events."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            meta = dict(db.execute("select key, value from meta"))
            boxes = {label: json.loads(body) for label, body in db.execute("select label, body from boxes")}
            versions = dict(db.execute("select name, version from documents"))
            last = "select body from outbox where epoch = ? order by seq desc limit ?"
            events = [body.decode() for (body,) in db.execute(last, (meta.get("epoch"), LAST_EVENTS))]
    except sqlite3.Error as error:
        return {"states.json": _json({"cannot be read": str(error)})}
    counters = {key: meta[key] for key in COUNTERS if key in meta}
    states = {"compartments": boxes, "counters": counters, "documents": versions}
    return {"states.json": _json(states), "events.jsonl": "\n".join(reversed(events)) + "\n"}


def _trace(folder: Path) -> str:
    """The last frames, from the running edge if there is one; otherwise what it wrote when it ended."""
    wanted, file = folder / WANTED, folder / TRACE
    wanted.touch()
    end = time.monotonic() + TRACE_WITHIN_S
    while wanted.exists() and time.monotonic() < end:
        time.sleep(0.05)
    wanted.unlink(missing_ok=True)
    return _read(file) if file.exists() else ""


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _json(told: Any) -> str:
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _add(packed: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o600
    packed.addfile(entry, io.BytesIO(data))
