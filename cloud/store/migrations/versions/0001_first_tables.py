"""First tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("cabinet", sa.String(length=32), nullable=False),
        sa.Column("fault", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("detail", sa.String(length=300), server_default="", nullable=False),
        sa.Column("raised_ms", sa.BigInteger(), nullable=False),
        sa.Column("cleared_ms", sa.BigInteger(), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cabinet", "fault", "subject", name=op.f("pk_alarms")),
    )
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.create_index("ix_alarms_cleared_ms", ["cleared_ms"], unique=False)

    op.create_table(
        "api_keys",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.String(length=200), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("tenant", "name", name=op.f("uq_api_keys_tenant_name")),
    )
    op.create_table(
        "badges",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("cabinet", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), server_default="", nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_badges")),
    )
    with op.batch_alter_table("badges", schema=None) as batch_op:
        batch_op.create_index("ix_badges_cabinet", ["cabinet"], unique=False)

    op.create_table(
        "cabinets",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("number", sa.String(length=12), nullable=False),
        sa.Column("name_zh", sa.String(length=64), nullable=False),
        sa.Column("name_en", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=200), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=30), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("map", sa.JSON(), nullable=False),
        sa.Column("map_version", sa.String(length=64), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("enrolled_ms", sa.BigInteger(), nullable=True),
        sa.Column("key_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("broker_login", sa.String(length=32), nullable=True),
        sa.Column("broker_password_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cabinets")),
    )
    op.create_table(
        "commands",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("cabinet", sa.String(length=32), nullable=False),
        sa.Column("compartment", sa.String(length=8), nullable=False),
        sa.Column("occupancy", sa.String(length=40), nullable=True),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=120), server_default="", nullable=False),
        sa.Column("epoch", sa.String(length=16), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=120), server_default="", nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("deadline_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("outcome_why", sa.String(length=120), server_default="", nullable=False),
        sa.Column("outcome_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
    )
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.create_index("ix_commands_cabinet_created_ms", ["cabinet", "created_ms"], unique=False)
        batch_op.create_index("ix_commands_state_deadline_ms", ["state", "deadline_ms"], unique=False)

    op.create_table(
        "compartments",
        sa.Column("cabinet", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=8), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("door", sa.String(length=12), nullable=False),
        sa.Column("sides", sa.String(length=80), nullable=False),
        sa.Column("occupancy", sa.String(length=40), nullable=True),
        sa.Column("order_id", sa.String(length=16), nullable=True),
        sa.Column("parcel", sa.String(length=16), nullable=True),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cabinet", "label", name=op.f("pk_compartments")),
    )
    op.create_table(
        "cursors",
        sa.Column("cabinet", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.String(length=16), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("through", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.Column("undecodable", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("cabinet", "epoch", name=op.f("pk_cursors")),
    )
    op.create_table(
        "documents",
        sa.Column("cabinet", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("reported_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reported_hash", sa.String(length=64), server_default="", nullable=False),
        sa.Column("refused", sa.String(length=300), server_default="", nullable=False),
        sa.Column("reported_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("cabinet", "name", name=op.f("pk_documents")),
    )
    op.create_table(
        "enrolments",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("cabinet", sa.String(length=32), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_enrolments")),
    )
    op.create_table(
        "events",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("cabinet", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=40), server_default="", nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("cabinet", "epoch", "seq", name=op.f("uq_events_cabinet_epoch_seq")),
    )
    op.create_table(
        "idempotency",
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("route", sa.String(length=80), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("resource", sa.String(length=32), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_idempotency")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("cabinet", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=64), server_default="", nullable=False),
        sa.Column("phone_masked", sa.String(length=20), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("code_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("code_lookup", sa.String(length=64), nullable=True),
        sa.Column("generation", sa.Integer(), server_default="0", nullable=False),
        sa.Column("link_hash", sa.String(length=64), nullable=False),
        sa.Column("link_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("cabinet", "code_lookup", name=op.f("uq_orders_cabinet_code_lookup")),
        sa.UniqueConstraint("link_hash", name=op.f("uq_orders_link_hash")),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index("ix_orders_cabinet_created_ms", ["cabinet", "created_ms"], unique=False)
        batch_op.create_index("ix_orders_expires_ms", ["expires_ms"], unique=False)

    op.create_table(
        "parcels",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("order_id", sa.String(length=16), nullable=False),
        sa.Column("cabinet", sa.String(length=32), nullable=False),
        sa.Column("size", sa.String(length=4), nullable=False),
        sa.Column("zone", sa.String(length=12), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parcels")),
    )
    with op.batch_alter_table("parcels", schema=None) as batch_op:
        batch_op.create_index("ix_parcels_cabinet", ["cabinet"], unique=False)
        batch_op.create_index("ix_parcels_order_id", ["order_id"], unique=False)

    op.create_table(
        "presence",
        sa.Column("cabinet", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("epoch", sa.String(length=16), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("software", sa.String(length=40), nullable=False),
        sa.Column("map_version", sa.String(length=64), nullable=False),
        sa.Column("clock", sa.String(length=8), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cabinet", name=op.f("pk_presence")),
    )
    op.create_table(
        "quarantine",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("cabinet", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.String(length=16), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_quarantine")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(length=4), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("public", sa.String(length=64), nullable=False),
        sa.Column("not_before_ms", sa.BigInteger(), nullable=False),
        sa.Column("not_after_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "whereabouts",
        sa.Column("cabinet", sa.String(length=32), nullable=False),
        sa.Column("parcel", sa.String(length=16), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("compartment", sa.String(length=8), nullable=True),
        sa.Column("occupancy", sa.String(length=40), nullable=True),
        sa.Column("deposited_ms", sa.BigInteger(), nullable=True),
        sa.Column("collected_ms", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(length=64), server_default="", nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cabinet", "parcel", name=op.f("pk_whereabouts")),
    )


def downgrade() -> None:
    op.drop_table("whereabouts")
    op.drop_table("signing_keys")
    op.drop_table("quarantine")
    op.drop_table("presence")
    with op.batch_alter_table("parcels", schema=None) as batch_op:
        batch_op.drop_index("ix_parcels_order_id")
        batch_op.drop_index("ix_parcels_cabinet")

    op.drop_table("parcels")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index("ix_orders_expires_ms")
        batch_op.drop_index("ix_orders_cabinet_created_ms")

    op.drop_table("orders")
    op.drop_table("idempotency")
    op.drop_table("events")
    op.drop_table("enrolments")
    op.drop_table("documents")
    op.drop_table("cursors")
    op.drop_table("compartments")
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.drop_index("ix_commands_state_deadline_ms")
        batch_op.drop_index("ix_commands_cabinet_created_ms")

    op.drop_table("commands")
    op.drop_table("cabinets")
    with op.batch_alter_table("badges", schema=None) as batch_op:
        batch_op.drop_index("ix_badges_cabinet")

    op.drop_table("badges")
    op.drop_table("api_keys")
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.drop_index("ix_alarms_cleared_ms")

    op.drop_table("alarms")
