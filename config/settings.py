"""Settings of the edge and of the cloud: a TOML file, then the environment, each value bounded and described.

``TUANGUI_EDGE_KIOSK_PORT=8081`` overrides ``kiosk_port`` of the edge. Unknown keys in the file are errors;
``BadFile`` names the file, the key and the reason, all at once.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.problems import BadFile, Problem, one


class EdgeSettings(BaseSettings):
    """What one edge needs to know besides its cabinet file."""

    model_config = SettingsConfigDict(env_prefix="TUANGUI_EDGE_", extra="forbid", frozen=True)

    folder: Path = Field(default=Path("data/edge"), description="database, identity and floor; mode 0700")
    cloud_url: str = Field(
        default="http://127.0.0.1:8080", description="where a token is exchanged at first start"
    )
    kiosk_host: Literal["127.0.0.1", "::1"] = Field(
        default="127.0.0.1", description="the kiosk is for this machine only"
    )
    kiosk_port: int = Field(
        default=8090, ge=0, le=65535, description="port of the kiosk page; 0 takes a free one"
    )
    pulses_per_opening: int = Field(default=3, ge=1, le=3, description="K: pulses at most for one opening")
    pulse_window_s: float = Field(
        default=60, ge=5, le=60, description="W: all pulses of an opening within this"
    )
    pulses_a_minute: int = Field(
        default=3,
        ge=3,
        le=60,
        description="a coil is energised at most so often in 60 s; its rating says how often",
    )
    release_wait_s: float = Field(
        default=3, ge=0.5, le=10, description="from pulse to 'the door did not open'"
    )
    poll_s: float = Field(
        default=0.15, ge=0.02, le=5, description="rest between two readings of a board's doors"
    )
    tick_s: float = Field(default=0.1, ge=0.02, le=1, description="rest between two looks at the clock")
    sync_s: float = Field(default=30, ge=1, le=60, description="rest between two syncs with the cloud")
    no_time_after_s: float = Field(
        default=120, ge=5, le=120, description="a command needs a sync younger than this"
    )
    keepalive_s: int = Field(
        default=30, ge=3, le=120, description="MQTT keepalive; a dead connection is found in 4/3 of it"
    )
    connect_timeout_s: float = Field(default=2, ge=0.5, le=10, description="wait for CONNACK")
    reconnect_s: float = Field(default=1.5, ge=0.5, le=60, description="least wait before connecting again")
    batch_events: int = Field(default=500, ge=1, le=500, description="events in one batch at most")
    keep_acked_rows: int = Field(default=200_000, ge=0, description="acknowledged events kept for a rewind")
    keep_acked_days: int = Field(default=14, ge=0, le=90, description="and for how long")
    log_mib: float = Field(
        default=16, ge=0.1, le=1024, description="size of the log under the folder, at most"
    )
    safe_after_ends: int = Field(
        default=5, ge=0, le=100, description="abnormal ends that begin safe mode; 0: never"
    )
    safe_within_min: float = Field(
        default=10, gt=0, le=1440, description="when they come within this; as long without one ends it"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="how much is logged"
    )


class CloudSettings(BaseSettings):
    """What the cloud service needs to know."""

    model_config = SettingsConfigDict(env_prefix="TUANGUI_CLOUD_", extra="forbid", frozen=True)

    folder: Path = Field(default=Path("data/cloud"), description="database, keys and broker files; mode 0700")
    database_url: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in the folder")
    host: str = Field(default="127.0.0.1", description="address of the API and the pages")
    port: int = Field(
        default=8080, ge=0, le=65535, description="port of the API and the pages; 0 takes a free one"
    )
    public_url: str = Field(default="", description="what links and QR codes point to; empty: host and port")
    broker: Literal["nats", "mosquitto", "external"] = Field(
        default="nats", description="embedded NATS, a mosquitto of this machine, or one that runs elsewhere"
    )
    broker_url: str = Field(default="", description="external broker: mqtt://user:password@host:port")
    broker_host: str = Field(default="127.0.0.1", description="address of the embedded broker")
    broker_port: int = Field(
        default=0, ge=0, le=65535, description="MQTT port of the embedded broker; 0 takes a free one"
    )
    broker_public_url: str = Field(
        default="", description="where cabinets are told to find the broker; empty: where it listens"
    )
    offline_after_s: float = Field(
        default=90, ge=5, le=3600, description="no heartbeat for this long: confirmed offline"
    )
    command_deadline_s: float = Field(
        default=10, ge=1, le=30, description="a remote command is good for this long"
    )
    command_final_s: float = Field(
        default=30, ge=5, le=300, description="after the deadline, until 'timed out'"
    )
    group_commit_rows: int = Field(
        default=2000, ge=1, le=20_000, description="events in one ingest transaction at most"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="how much is logged"
    )


S = TypeVar("S", EdgeSettings, CloudSettings)


def load_settings(kind: type[S], file: Path | None = None, **given: Any) -> S:
    """Settings from the environment over ``file``; ``given`` (the command line) over both.

    A given value of None counts as not given.
    """
    from_file = _table(file) if file is not None else {}
    told = {key: value for key, value in given.items() if value is not None}
    beneath = {key: value for key, value in from_file.items() if key not in _in_environment(kind)}
    try:
        return kind(**{**beneath, **told})
    except ValidationError as error:
        where = str(file) if file is not None else "settings"
        raise BadFile([_problem(kind, where, from_file, e) for e in error.errors()]) from error


def _in_environment(kind: type[S]) -> set[str]:
    prefix = kind.model_config.get("env_prefix", "")
    return {name[len(prefix) :].lower() for name in os.environ if name.startswith(prefix)}


def _problem(kind: type[S], where: str, from_file: dict[str, Any], error: Any) -> Problem:
    key = ".".join(map(str, error["loc"]))
    prefix = kind.model_config.get("env_prefix", "")
    source = where if key in from_file else f"environment or command line ({prefix}{key.upper()})"
    if error["type"] == "extra_forbidden":
        return Problem(source, key, "unknown key")
    return Problem(source, key, f"{error['msg']} (given: {error.get('input')!r})")


def _table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise one(file, "-", f"cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise one(file, "-", f"is not TOML: {error}") from error
