"""Stronger proof, badges with rights, and shared rights to collect"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as table:
        table.add_column(sa.Column("low_door", sa.Boolean(), server_default=sa.false(), nullable=False))
        table.add_column(sa.Column("shares", sa.Integer(), server_default="0", nullable=False))
    with op.batch_alter_table("parcels", schema=None) as table:
        table.add_column(sa.Column("strong_digest", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("sensitive", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("badges", schema=None) as table:
        table.add_column(sa.Column("rights", sa.Integer(), server_default="1", nullable=False))
        table.add_column(sa.Column("pin_digest", sa.String(length=64), nullable=True))
    op.create_table(
        "shares",
        sa.Column("link_hash", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("order_id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("link_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("taken_back_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("link_hash", name=op.f("pk_shares")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_shares_order_id_number")),
    )
