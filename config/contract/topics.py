"""Where each message goes: ``tg/v1/{shard}/{cabinet}/{leaf}``."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

CABINET_ID = re.compile(r"[a-z0-9-]{3,32}")
"""Dots and slashes change meaning in some brokers, so an id has neither."""

SHARDS = 64


class Leaf(StrEnum):
    """The last part of a topic; the comment says who speaks."""

    STATUS = "status"  # cabinet, retained: birth, heartbeat, last will
    SYNC = "sync"  # cabinet: asks for the time and for how far the cloud has its events
    EVENTS = "events"  # cabinet: a contiguous batch
    TELEMETRY = "telemetry"  # cabinet: samples that may be dropped
    REPORTED = "reported"  # cabinet: which documents it has applied
    ACK = "ack"  # cloud: what it has stored, and the time
    DESIRED = "desired"  # cloud: a document that must become true
    COMMANDS = "commands"  # cloud: something that is only true now


FROM_CABINET = frozenset({Leaf.STATUS, Leaf.SYNC, Leaf.EVENTS, Leaf.TELEMETRY, Leaf.REPORTED})
TO_CABINET = frozenset({Leaf.ACK, Leaf.DESIRED, Leaf.COMMANDS})


class BadTopic(ValueError):
    """A topic outside the contract; says which part and why."""


@dataclass(frozen=True, slots=True)
class Address:
    """One cabinet's place in the topic tree."""

    cabinet: str
    leaf: Leaf


def is_cabinet_id(text: str) -> bool:
    return CABINET_ID.fullmatch(text) is not None


def shard_of(cabinet: str) -> int:
    """First byte of SHA-256 of the id, mod 64."""
    return hashlib.sha256(cabinet.encode()).digest()[0] % SHARDS


def prefix(cabinet: str) -> str:
    """``tg/v1/07/garden-east``: all that a cabinet's login may touch."""
    if not is_cabinet_id(cabinet):
        raise BadTopic(f"cabinet id {cabinet!r} does not have the form {CABINET_ID.pattern}")
    return f"tg/v1/{shard_of(cabinet):02d}/{cabinet}"


def topic(cabinet: str, leaf: Leaf) -> str:
    return f"{prefix(cabinet)}/{leaf}"


def parse(text: str) -> Address:
    """The cabinet and leaf of a topic; ``BadTopic`` for another version, shard, form or leaf."""
    parts = text.split("/")
    if len(parts) != 5 or parts[0] != "tg":
        raise BadTopic(f"topic {text!r} is not tg/v1/{{shard}}/{{cabinet}}/{{leaf}}")
    _, version, shard, cabinet, leaf = parts
    if version != "v1":
        raise BadTopic(f"topic {text!r} speaks contract {version}, this side speaks v1")
    if prefix(cabinet) != f"tg/v1/{shard}/{cabinet}":
        raise BadTopic(
            f"topic {text!r} is on shard {shard}, cabinet {cabinet} belongs on {shard_of(cabinet):02d}"
        )
    if leaf not in set(Leaf):
        raise BadTopic(f"topic {text!r} ends in {leaf!r}, which the contract does not have")
    return Address(cabinet, Leaf(leaf))
