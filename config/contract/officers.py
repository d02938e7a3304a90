"""Every door at once, in an emergency: an order that two officers sign with keys kept outside the cloud.

The order is one line of JSON. Each signature is Ed25519 over ``tg1|open_all|cabinet|`` and its exact bytes:
whoever owns the cloud can carry an order to the cabinet, and can neither write nor change one. Whose keys
count is written in the cabinet file.
"""

import base64
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from config.contract.messages import BadMessage, Id64, OfficerSignature, SignedOrder, _Said
from config.contract.signing import SigningKey, covered, signature_holds

PURPOSE = "open_all"
LONGEST_MIN = 30
LONGEST_MS = LONGEST_MIN * 60_000
"""No order is good for longer: one that was signed and not used must not lie about."""


class BadOrder(ValueError):
    """An order that opens nothing; ``code`` is of the refusal table."""

    def __init__(self, code: str, sentence: str) -> None:
        self.code = code
        super().__init__(sentence)


def _on_one_line(text: str) -> str:
    """Officers read it in a terminal before they sign: nothing in it may move the cursor or hide."""
    if not text.isprintable():
        raise ValueError("must be one line of plain text")
    return text


Reason = Annotated[
    str, StringConstraints(min_length=3, max_length=120, strip_whitespace=True), AfterValidator(_on_one_line)
]


class OpenAllOrder(_Said):
    """Open every door of one cabinet. Times are the cloud's clock."""

    id: Id64
    cabinet: str = Field(pattern=r"^[a-z0-9-]{3,32}$")
    reason: Reason
    made_ms: int = Field(ge=0)
    good_until_ms: int = Field(ge=0)

    @model_validator(mode="after")
    def _is_good_for_a_while(self) -> "OpenAllOrder":
        if not self.made_ms < self.good_until_ms <= self.made_ms + LONGEST_MS:
            raise ValueError(f"an order is good for at most {LONGEST_MIN} minutes")
        return self

    def check_time(self, now_ms: float) -> None:
        """``BadOrder`` when it is over, or good for longer from now on than any order may be."""
        if now_ms >= self.good_until_ms:
            raise BadOrder("order_expired", f"order {self.id} has expired")
        if self.good_until_ms - now_ms > LONGEST_MS:
            raise BadOrder("order_too_long", f"order {self.id} is good for more than {LONGEST_MIN} minutes")


def read_order(signed: SignedOrder) -> OpenAllOrder:
    """What was signed; ``BadOrder`` when it is not an order. Says nothing of the signatures."""
    try:
        order: OpenAllOrder = OpenAllOrder.read(signed.order.encode())
    except BadMessage as error:
        raise BadOrder("bad_order", str(error)) from error
    return order


def sign_order(key: SigningKey, order: OpenAllOrder) -> SignedOrder:
    """The order with its first signature; ``key.kid`` is the officer's name."""
    text = order.body().decode()
    return SignedOrder(order=text, signatures=(_signature(key, order.cabinet, text),))


def sign_too(key: SigningKey, signed: SignedOrder) -> SignedOrder:
    """The same bytes with a second officer's signature; ``BadOrder`` when that cannot be."""
    order = read_order(signed)
    if len(signed.signatures) > 1:
        raise BadOrder("bad_order", f"order {order.id} has been signed by two officers already")
    second = _signature(key, order.cabinet, signed.order)
    twice = SignedOrder(order=signed.order, signatures=(*signed.signatures, second))
    two_signers(twice, order.cabinet)
    return twice


def two_signers(signed: SignedOrder, cabinet: str) -> tuple[bytes, bytes]:
    """The public keys of the two who have signed this for this cabinet; ``BadOrder`` otherwise."""
    keys = [_signer(each, cabinet, signed.order) for each in signed.signatures]
    if len(set(keys)) != 2:
        raise BadOrder("one_officer", "two different officers have to sign")
    return keys[0], keys[1]


def _signature(key: SigningKey, cabinet: str, text: str) -> OfficerSignature:
    proof = key.private.sign(covered(PURPOSE, cabinet, text.encode()))
    return OfficerSignature(name=key.kid, key=_base64(key.public), signature=_base64(proof))


def _signer(signature: OfficerSignature, cabinet: str, text: str) -> bytes:
    """The public key, when the signature is its own."""
    try:
        public, proof = _bytes(signature.key), _bytes(signature.signature)
    except ValueError as error:
        raise BadOrder("bad_signature", f"the signature of {signature.name} is not base64") from error
    if not signature_holds(public, covered(PURPOSE, cabinet, text.encode()), proof):
        raise BadOrder("bad_signature", f"the signature of {signature.name} does not fit the order")
    return public


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
