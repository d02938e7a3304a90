"""The tables, one schema for SQLite and PostgreSQL. Every row names its tenant.

What is *physical* (``events cursors compartments whereabouts``, and ``alarms`` from cabinets) is written by
ingest alone, as a fold of the events; what is *agreed* (``orders parcels badges documents commands``) is
written by the room of that name. Times are milliseconds since 1970 by the cloud's clock.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
)

DEFAULT_TENANT = "default"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _tenant() -> Column[Any]:
    return Column("tenant", String(32), nullable=False, server_default=DEFAULT_TENANT)


def _id(name: str = "id", length: int = 32) -> Column[Any]:
    return Column(name, String(length), primary_key=True)


def _text(name: str, length: int = 64, *, null: bool = False, default: str | None = None) -> Column[Any]:
    return Column(name, String(length), nullable=null, server_default=default)


def _ms(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, BigInteger, nullable=null)


def _count(name: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, server_default="0")


cabinets = Table(
    "cabinets",
    metadata,
    _id(),
    _tenant(),
    _text("number", 12),
    _text("name_zh"),
    _text("name_en"),
    _text("address", 200, default=""),
    _text("phone", 30),
    Column("shard", Integer, nullable=False),
    Column("map", JSON, nullable=False),
    _text("map_version"),
    _text("salt", 32),
    Column("settings", JSON, nullable=False),
    _ms("created_ms"),
    _ms("enrolled_ms", null=True),
    Column("key_sealed", LargeBinary),
    _text("broker_login", 32, null=True),
    Column("broker_password_sealed", LargeBinary),
)

enrolments = Table(
    "enrolments",
    metadata,
    _id("token_hash", 64),
    _tenant(),
    _text("cabinet", 32),
    _ms("created_ms"),
    _ms("expires_ms"),
    _ms("used_ms", null=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id("hash", 64),
    _tenant(),
    _text("name"),
    _text("scopes", 200),
    _ms("created_ms"),
    _ms("revoked_ms", null=True),
    UniqueConstraint("tenant", "name"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    _id("kid", 4),
    _tenant(),
    _text("purpose", 16),
    _text("public", 64),
    _ms("not_before_ms"),
    _ms("not_after_ms"),
)

cursors = Table(
    "cursors",
    metadata,
    _id("cabinet"),
    _id("epoch", 16),
    _tenant(),
    Column("ordinal", Integer, nullable=False),
    _count("through"),
    _text("chain"),
    _count("undecodable"),
)

events = Table(
    "events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _tenant(),
    _text("cabinet", 32),
    _text("epoch", 16),
    Column("seq", BigInteger, nullable=False),
    _text("type", 40),
    _text("subject", 40, default=""),
    _ms("at_ms"),
    _ms("received_ms"),
    Column("line", LargeBinary, nullable=False),
    UniqueConstraint("cabinet", "epoch", "seq"),
)
UNDECODABLE = ""
"""The ``type`` of an event that this version cannot read; its line is kept as it came."""

quarantine = Table(
    "quarantine",
    metadata,
    _id("hash", 64),
    _tenant(),
    _text("cabinet", 32),
    _text("epoch", 16),
    Column("first", BigInteger, nullable=False),
    _text("reason", 200),
    _ms("received_ms"),
    Column("body", LargeBinary, nullable=False),
)

presence = Table(
    "presence",
    metadata,
    _id("cabinet"),
    _tenant(),
    _text("epoch", 16),
    Column("ordinal", Integer, nullable=False),
    Column("n", BigInteger, nullable=False),
    _text("state", 8),
    _text("software", 40),
    _text("map_version"),
    _text("clock", 8),
    _ms("seen_ms"),
    _ms("changed_ms"),
)

compartments = Table(
    "compartments",
    metadata,
    _id("cabinet"),
    _id("label", 8),
    _tenant(),
    _text("state", 12),
    _text("door", 12),
    _text("sides", 80),
    _text("occupancy", 40, null=True),
    _text("order_id", 16, null=True),
    _text("parcel", 16, null=True),
    Column("verified", Boolean, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    _ms("at_ms"),
)

whereabouts = Table(
    "whereabouts",
    metadata,
    _id("cabinet"),
    _id("parcel", 16),
    _tenant(),
    _text("state", 12),
    _text("compartment", 8, null=True),
    _text("occupancy", 40, null=True),
    _ms("deposited_ms", null=True),
    _ms("collected_ms", null=True),
    _text("note", 64, default=""),
    Column("ordinal", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
)

alarms = Table(
    "alarms",
    metadata,
    _id("cabinet"),
    _id("fault", 40),
    _id("subject", 64),
    _tenant(),
    _text("detail", 300, default=""),
    _ms("raised_ms"),
    _ms("cleared_ms", null=True),
    Column("ordinal", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Index("ix_alarms_cleared_ms", "cleared_ms"),
)

orders = Table(
    "orders",
    metadata,
    _id("id", 16),
    _tenant(),
    _text("cabinet", 32),
    _text("reference", default=""),
    _text("phone_masked", 20),
    Column("phone_sealed", LargeBinary, nullable=False),
    Column("code_sealed", LargeBinary),
    _text("code_lookup", null=True),
    Column("generation", Integer, nullable=False, server_default="0"),
    _text("link_hash"),
    Column("link_sealed", LargeBinary, nullable=False),
    _ms("created_ms"),
    _ms("expires_ms"),
    _ms("closed_ms", null=True),
    Column("low_door", Boolean, nullable=False, server_default=false()),
    Column("shares", Integer, nullable=False, server_default="0"),
    UniqueConstraint("cabinet", "code_lookup"),
    UniqueConstraint("link_hash"),
    Index("ix_orders_cabinet_created_ms", "cabinet", "created_ms"),
    Index("ix_orders_expires_ms", "expires_ms"),
)

parcels = Table(
    "parcels",
    metadata,
    _id("id", 16),
    _tenant(),
    _text("order_id", 16),
    _text("cabinet", 32),
    _text("size", 4),
    _text("zone", 12),
    _text("digest"),
    _text("strong_digest", null=True),
    Column("sensitive", Boolean, nullable=False, server_default=false()),
    Index("ix_parcels_order_id", "order_id"),
    Index("ix_parcels_cabinet", "cabinet"),
)

shares = Table(
    "shares",
    metadata,
    _id("link_hash", 64),
    _tenant(),
    _text("order_id", 16),
    Column("number", Integer, nullable=False),
    Column("link_sealed", LargeBinary, nullable=False),
    _ms("created_ms"),
    _ms("taken_back_ms", null=True),
    UniqueConstraint("order_id", "number"),
)
"""Links by which a resident lets others collect; ``number`` is the ``right`` in their QR."""

badges = Table(
    "badges",
    metadata,
    _id("id", 16),
    _tenant(),
    _text("cabinet", 32),
    _text("name", default=""),
    _ms("created_ms"),
    _ms("expires_ms"),
    _ms("revoked_ms", null=True),
    Column("rights", Integer, nullable=False, server_default="1"),
    _text("pin_digest", null=True),
    Index("ix_badges_cabinet", "cabinet"),
)

commands = Table(
    "commands",
    metadata,
    _id("id", 16),
    _tenant(),
    _text("cabinet", 32),
    _text("compartment", 8),
    _text("occupancy", 40, null=True),
    _text("purpose", 8),
    _text("asked_by", 80),
    _text("reason", 120, default=""),
    _text("epoch", 16),
    Column("n", BigInteger, nullable=False),
    _text("state", 10),
    _text("why", 120, default=""),
    _ms("created_ms"),
    _ms("deadline_ms"),
    _ms("sent_ms", null=True),
    _ms("ended_ms", null=True),
    _text("outcome", 10, null=True),
    _text("outcome_why", 120, default=""),
    _ms("outcome_ms", null=True),
    Index("ix_commands_cabinet_created_ms", "cabinet", "created_ms"),
    Index("ix_commands_state_deadline_ms", "state", "deadline_ms"),
)

documents = Table(
    "documents",
    metadata,
    _id("cabinet"),
    _id("name", 16),
    _tenant(),
    Column("version", BigInteger, nullable=False),
    _text("hash"),
    Column("content", JSON, nullable=False),
    _ms("changed_ms"),
    Column("reported_version", BigInteger, nullable=False, server_default="0"),
    _text("reported_hash", default=""),
    _text("refused", 300, default=""),
    _ms("reported_ms", null=True),
)

idempotency = Table(
    "idempotency",
    metadata,
    _id("actor", 64),
    _id("key", 128),
    _tenant(),
    _text("route", 80),
    _text("request_hash"),
    _text("resource", 32),
    _ms("created_ms"),
)
