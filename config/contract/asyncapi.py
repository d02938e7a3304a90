"""The contract as AsyncAPI 3 and JSON Schema, generated from the models that both sides use."""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from config.contract import VERSION
from config.contract.events import EVENT_TYPES, Event
from config.contract.messages import (
    DOCUMENTS,
    Ack,
    BatchHead,
    Command,
    Desired,
    Reported,
    Status,
    Sync,
    Telemetry,
)
from config.contract.officers import OpenAllOrder
from config.contract.topics import CABINET_ID, FROM_CABINET, SHARDS, Leaf

FILE = Path(__file__).with_name("asyncapi.json")

_BODIES: dict[Leaf, type] = {
    Leaf.STATUS: Status,
    Leaf.SYNC: Sync,
    Leaf.EVENTS: BatchHead,
    Leaf.TELEMETRY: Telemetry,
    Leaf.REPORTED: Reported,
    Leaf.ACK: Ack,
    Leaf.DESIRED: Desired,
    Leaf.COMMANDS: Command,
}

_SAYS: dict[Leaf, str] = {
    Leaf.STATUS: "Birth and heartbeat, retained; the last will says offline for the session that ended. MAC.",
    Leaf.SYNC: "Asks for the time and for how far the cloud has the events. MAC.",
    Leaf.EVENTS: "A contiguous batch: this head, then one event a line (schema Event). MAC.",
    Leaf.TELEMETRY: "Samples that may be dropped. MAC.",
    Leaf.REPORTED: "Which documents are in force, or why one was refused, and the cabinet map. MAC.",
    Leaf.ACK: "Answers a sync or a batch after the cloud's commit. MAC.",
    Leaf.DESIRED: "One document, signed (keys: by the root), then sealed for this cabinet.",
    Leaf.COMMANDS: "One command, signed; for one session and occupancy or officers' order, with a deadline.",
}

_HEAD = {
    "type": "object",
    "description": "The head line: JSON before the first newline. The proof covers tg1|purpose|cabinet|body.",
    "properties": {
        "v": {"const": VERSION},
        "purpose": {"type": "string"},
        "kid": {"type": "string"},
        "nonce": {"type": "string"},
        "proof": {"type": "string"},
    },
    "required": ["v", "purpose", "proof"],
}


def document() -> dict[str, Any]:
    """The whole AsyncAPI document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "tuangui: what cabinet and cloud say to each other",
            "version": f"{VERSION}.0.0",
            "description": "MQTT 3.1.1, QoS 1, clean sessions. A message: a head line, a newline, a body.",
        },
        "defaultContentType": "application/octet-stream",
        "channels": {leaf.value: _channel(leaf) for leaf in Leaf},
        "operations": {leaf.value: _operation(leaf) for leaf in Leaf},
        "components": {"messages": {leaf.value: _message(leaf) for leaf in Leaf}, "schemas": schemas()},
    }


def _channel(leaf: Leaf) -> dict[str, Any]:
    return {
        "address": f"tg/v{VERSION}/{{shard}}/{{cabinet}}/{leaf}",
        "parameters": {
            "shard": {"description": f"two digits: first byte of SHA-256 of the id, mod {SHARDS}"},
            "cabinet": {"description": f"id of the form {CABINET_ID.pattern}"},
        },
        "messages": {leaf.value: {"$ref": f"#/components/messages/{leaf}"}},
        "bindings": {"mqtt": {"bindingVersion": "0.2.0"}},
    }


def _operation(leaf: Leaf) -> dict[str, Any]:
    """From the cabinet's point of view."""
    return {
        "action": "send" if leaf in FROM_CABINET else "receive",
        "channel": {"$ref": f"#/channels/{leaf}"},
        "summary": _SAYS[leaf],
        "bindings": {"mqtt": {"qos": 1, "retain": leaf is Leaf.STATUS, "bindingVersion": "0.2.0"}},
    }


def _message(leaf: Leaf) -> dict[str, Any]:
    return {
        "name": leaf.value,
        "summary": _SAYS[leaf],
        "headers": _HEAD,
        "payload": {"$ref": f"#/components/schemas/{_BODIES[leaf].__name__}"},
    }


def schemas() -> dict[str, Any]:
    """JSON Schema of every body, document and event, by name."""
    models = [*_BODIES.values(), OpenAllOrder, *DOCUMENTS.values(), Event, *EVENT_TYPES.values()]
    _, defined = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    found: dict[str, Any] = defined["$defs"]
    return dict(sorted(found.items()))


def as_text() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=False) + "\n"
