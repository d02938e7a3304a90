"""Which order links this phone has opened: cookies that only the page of a cabinet's QR gets to see.

One cookie per order, so that two tabs never write over each other. Each ends with its order.
"""

from fastapi import Request, Response

from cloud.moment import now_ms
from cloud.vault import hash_of

PREFIX = "tg_order_"
WHERE = "/c"
MOST = 12
"""So many are looked at; a phone that brings more loses the rest."""
LONGEST_SECRET = 64


def remember(page: Response, secret: str, expires_ms: int, *, secure: bool) -> None:
    """Until the order expires; nothing when it has."""
    left_s = (expires_ms - now_ms()) // 1000
    if left_s > 0:
        page.set_cookie(
            _name(secret), secret, max_age=left_s, path=WHERE, httponly=True, samesite="lax", secure=secure
        )


def held(request: Request) -> list[str]:
    """The secrets that the phone brings, believed only as far as an order is found by them."""
    found = [
        secret
        for name, secret in request.cookies.items()
        if name.startswith(PREFIX) and len(secret) <= LONGEST_SECRET and name == _name(secret)
    ]
    return found[-MOST:]


def forget(page: Response, brought: list[str], keep: list[str]) -> None:
    """Drop the cookies of these names but not those of the secrets to keep."""
    kept = {_name(secret) for secret in keep}
    for name in brought:
        if name not in kept:
            page.delete_cookie(name, path=WHERE)


def names(request: Request) -> list[str]:
    """Every order cookie that the phone brings, good or not."""
    return [name for name in request.cookies if name.startswith(PREFIX)]


def _name(secret: str) -> str:
    return PREFIX + hash_of(secret)[:12]
