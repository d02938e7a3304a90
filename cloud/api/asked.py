"""What callers send, and who they are."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import Depends, Header, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from cloud.auth import ApiKeys, Caller, Scope
from cloud.problems import Refused
from config.contract.codes import phone_tail
from config.contract.messages import Id64
from config.contract.topics import CABINET_ID

CabinetId = Annotated[str, StringConstraints(pattern=f"^{CABINET_ID.pattern}$")]
InPath = Annotated[str, Path(max_length=64)]
Limit = Annotated[int, Query(ge=1, le=500)]
LONGEST_WAIT_S = 30.0


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _has_a_tail(phone: str) -> str:
    phone_tail(phone)
    return phone


class ParcelAsked(_Body):
    size: Literal["S", "M", "L", "XL"]
    zone: Literal["ambient", "chilled", "frozen"] = "ambient"
    sensitive: bool = Field(
        default=False, description="handed out only to the code together with the phone's last 4 digits"
    )


class OrderAsked(_Body):
    """An order for one cabinet; all its parcels share one pickup code."""

    cabinet: CabinetId
    parcels: tuple[ParcelAsked, ...] = Field(min_length=1, max_length=20)
    phone: Annotated[str, StringConstraints(pattern=r"^\+?[0-9 -]{5,20}$"), AfterValidator(_has_a_tail)]
    reference: str = Field(default="", max_length=64, description="the shop's own number")
    keep_hours: int = Field(default=48, ge=1, le=24 * 14, description="until it expires")
    low_door: bool = Field(default=False, description="a low door if there is one")


class BadgeAsked(_Body):
    """A badge for one cabinet."""

    cabinet: CabinetId
    valid_hours: int = Field(default=12, ge=1, le=24 * 31)
    name: str = Field(default="", max_length=60)
    rights: tuple[Literal["load", "remove", "service"], ...] = Field(default=("load",), min_length=1)


class OpenAsked(_Body):
    reason: str = Field(min_length=3, max_length=120, description="why; kept in the ledger")


class AtCabinet(_Body):
    """What the cabinet's screen shows, read back by the phone."""

    nonce: Id64
    number: int = Field(ge=0, le=99)
    parcel: Id64 | None = None
    again: bool = Field(default=False, description="once more, for a parcel collected within 10 minutes")


class TokenAsked(_Body):
    token: str = Field(min_length=10, max_length=100)


class AlarmAsked(_Body):
    cabinet: CabinetId
    fault: str = Field(max_length=40)
    subject: str = Field(max_length=64)


def may(keys: ApiKeys, *scopes: Scope) -> Callable[..., Awaitable[Caller]]:
    """A dependency: the caller, who holds one of these scopes."""

    async def caller(authorization: Annotated[str | None, Header()] = None) -> Caller:
        return await keys.caller(authorization, *scopes)

    return caller


def idempotency_key(idempotency_key: Annotated[str | None, Header(max_length=128)] = None) -> str:
    """A dependency: the Idempotency-Key, without which a mutation is refused."""
    if not idempotency_key:
        raise Refused(
            400, "no_idempotency_key", "send an Idempotency-Key header, so that a repeat is harmless"
        )
    return idempotency_key


def wait_s(prefer: Annotated[str | None, Header()] = None) -> float:
    """A dependency: seconds to wait by ``Prefer: wait=10``; 0 without it."""
    found = re.search(r"\bwait=(\d{1,4})\b", prefer or "")
    return min(float(found[1]), LONGEST_WAIT_S) if found else 0.0


IdempotencyKey = Annotated[str, Depends(idempotency_key)]
WaitS = Annotated[float, Depends(wait_s)]
