"""What a resident carries and what a courier carries: code, QR, link, badge.

Codes, telephone numbers and links are sealed in the database; a code is erased when its order is collected
or over.
"""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

from cloud.keys import SigningKeys
from cloud.vault import Vault, hash_of, new_secret
from config.contract import codes
from config.contract.codes import Purpose, Token, cabinet_hash
from config.contract.messages import Parcels

ALL_PARCELS = 0
"""``right`` of the owner's pickup token; greater ones are shares. All are good for every parcel."""
SCRYPT_LOG2_N: int = Parcels.model_fields["scrypt_log2_n"].default

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Code:
    """A new pickup code as the database and the cabinet know it."""

    sealed: bytes
    lookup: str
    digest: str
    strong_digest: str
    """Of the code together with the last digits of the phone."""


async def digest_of(digits: str, salt: str) -> str:
    """As the cabinet with this salt computes it."""
    digest = await asyncio.to_thread(codes.code_digest, digits, bytes.fromhex(salt), SCRYPT_LOG2_N)
    return digest.hex()


async def pin_digest_of(badge: str, pin: str, salt: str) -> str:
    """As the cabinet with this salt computes it."""
    digest = await asyncio.to_thread(codes.pin_digest, badge, pin, bytes.fromhex(salt), SCRYPT_LOG2_N)
    return digest.hex()


def masked(phone: str) -> str:
    """``138****8000``: enough for its owner to recognise."""
    if len(phone) < 7:
        return "*" * len(phone)
    return phone[:3] + "*" * (len(phone) - 7) + phone[-4:]


class Pickup:
    """Makes and opens what people carry."""

    def __init__(self, vault: Vault, keys: SigningKeys, public_url: str) -> None:
        self._vault = vault
        self._keys = keys
        self.public_url = public_url

    async def new_code(self, order: str, cabinet: str, salt: str, phone: str) -> Code:
        """Random; whether another order of the cabinet has the same, only the database can tell."""
        code = codes.new_pickup_code()
        digest = await digest_of(code, salt)
        strong = await digest_of(code + codes.phone_tail(phone), salt)
        sealed = self._vault.seal(code.encode(), f"code {order}")
        return Code(sealed, self._vault.lookup(code, f"code {cabinet}"), digest, strong)

    def code_of(self, order: Row) -> str | None:
        """None once it has been erased."""
        if order["code_sealed"] is None:
            return None
        return self._vault.open(order["code_sealed"], f"code {order['id']}").decode()

    def seal_phone(self, order: str, phone: str) -> bytes:
        return self._vault.seal(phone.encode(), f"phone {order}")

    def phone_of(self, order: Row) -> str:
        return self._vault.open(order["phone_sealed"], f"phone {order['id']}").decode()

    def new_link(self, order: str) -> tuple[str, bytes]:
        """Hash and sealed secret of a resident link that nobody can guess."""
        secret = new_secret()
        return hash_of(secret), self._vault.seal(secret.encode(), f"link {order}")

    def link_of(self, order: Row) -> str:
        secret = self._vault.open(order["link_sealed"], f"link {order['id']}").decode()
        return f"{self.public_url}/p/{secret}"

    def qr_of(self, order: Row, right: int = ALL_PARCELS) -> str | None:
        """The text of the pickup QR, of its owner or of a share; None once the order is over."""
        if order["closed_ms"] is not None:
            return None
        return self._signed(
            Purpose.PICKUP, order["cabinet"], order["id"], right, order["created_ms"],
            order["expires_ms"], order["generation"],
        )  # fmt: skip

    def badge_of(self, badge: Row) -> str:
        """The text of a badge with its rights."""
        return self._signed(
            Purpose.BADGE, badge["cabinet"], badge["id"], badge["rights"], badge["created_ms"],
            badge["expires_ms"], 0,
        )  # fmt: skip

    def _signed(
        self,
        purpose: Purpose,
        cabinet: str,
        holder: str,
        right: int,
        from_ms: int,
        to_ms: int,
        generation: int,
    ) -> str:
        key = self._keys.signer("token")
        iat, exp = from_ms // 1000, to_ms // 1000
        token = Token(purpose, int(key.kid), generation, cabinet_hash(cabinet), holder, int(right), iat, exp)
        return token.signed(key)


def new_id() -> str:
    """Order, parcel, badge: random 64 bit."""
    return secrets.token_hex(8)
