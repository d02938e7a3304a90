"""API keys, signing keys' public halves, badges, and requests that were already answered."""

from typing import Any

from sqlalchemy import delete, select, update

from cloud.store.engine import Reading, Writing
from cloud.store.schema import api_keys, badges, idempotency, signing_keys

Row = dict[str, Any]


async def add_api_key(db: Writing, row: Row) -> None:
    await db.execute(api_keys.insert(), row)


async def api_key(db: Reading, key_hash: str) -> Row | None:
    query = select(api_keys).where(api_keys.c.hash == key_hash, api_keys.c.revoked_ms.is_(None))
    found = (await db.execute(query)).mappings().first()
    return dict(found) if found else None


async def all_api_keys(db: Reading) -> list[Row]:
    return [dict(row) for row in (await db.execute(select(api_keys).order_by(api_keys.c.name))).mappings()]


async def revoke_api_key(db: Writing, name: str, now: int) -> bool:
    """False when no key of that name is in force."""
    which = (api_keys.c.name == name, api_keys.c.revoked_ms.is_(None))
    return (await db.execute(update(api_keys).where(*which).values(revoked_ms=now))).rowcount > 0


async def add_signing_key(db: Writing, row: Row) -> None:
    await db.execute(signing_keys.insert(), row)


async def all_signing_keys(db: Reading) -> list[Row]:
    query = select(signing_keys).order_by(signing_keys.c.kid)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def add_badge(db: Writing, row: Row) -> None:
    await db.execute(badges.insert(), row)


async def badge(db: Reading, badge_id: str) -> Row | None:
    found = (await db.execute(select(badges).where(badges.c.id == badge_id))).mappings().first()
    return dict(found) if found else None


async def revoke_badge(db: Writing, badge_id: str, now: int) -> None:
    which = (badges.c.id == badge_id, badges.c.revoked_ms.is_(None))
    await db.execute(update(badges).where(*which).values(revoked_ms=now))


async def revoked_badges(db: Reading, cabinet: str, now: int) -> list[str]:
    """Those that would otherwise still be good."""
    which = (badges.c.cabinet == cabinet, badges.c.revoked_ms.is_not(None), badges.c.expires_ms > now)
    return list((await db.execute(select(badges.c.id).where(*which).order_by(badges.c.id))).scalars())


async def badge_pins(db: Reading, cabinet: str, now: int) -> list[Row]:
    """``id`` and ``pin_digest`` of the badges in force that have a PIN."""
    which = (
        badges.c.cabinet == cabinet, badges.c.pin_digest.is_not(None), badges.c.revoked_ms.is_(None),
        badges.c.expires_ms > now,
    )  # fmt: skip
    query = select(badges.c.id, badges.c.pin_digest).where(*which).order_by(badges.c.id)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def answered(db: Reading, actor: str, key: str) -> Row | None:
    query = select(idempotency).where(idempotency.c.actor == actor, idempotency.c.key == key)
    found = (await db.execute(query)).mappings().first()
    return dict(found) if found else None


async def add_answered(db: Writing, row: Row) -> None:
    await db.execute(idempotency.insert(), row)


async def forget_answered(db: Writing, before_ms: int) -> None:
    await db.execute(delete(idempotency).where(idempotency.c.created_ms < before_ms))
