"""An officer's two papers: the private key, and the order that goes from hand to hand."""

import base64
import binascii
import json
import os
import re
import tomllib
from pathlib import Path

from config.contract.messages import BadMessage, SignedOrder
from config.contract.signing import SigningKey
from config.problems import one

PRIVATE_KEY_BYTES = 32
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def write_key(key: SigningKey, file: Path) -> None:
    """For nobody else's eyes. ``BadFile`` when the file is there: a key in force must not be lost."""
    private = base64.b64encode(key.to_bytes()).decode()
    warning = f"# Whoever has this signs as officer {key.kid}. Keep it off every server and off the network."
    _write_new(file, f'{warning}\nname = "{key.kid}"\nprivate = "{private}"\n', mode=0o600)


def read_key(file: Path) -> SigningKey:
    """The key with its officer's name as ``kid``; ``BadFile`` names what is wrong."""
    try:
        told = tomllib.loads(_read(file))
    except tomllib.TOMLDecodeError as error:
        raise one(file, "-", f"is not a key file: {error}") from error
    name, private = told.get("name"), told.get("private")
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        raise one(file, "name", "a key file names its officer: lower-case letters, digits, dashes")
    try:
        raw = base64.b64decode(private if isinstance(private, str) else "", validate=True)
    except binascii.Error as error:
        raise one(file, "private", "is not base64") from error
    if len(raw) != PRIVATE_KEY_BYTES:
        raise one(file, "private", f"a private key has {PRIVATE_KEY_BYTES} bytes, not {len(raw)}")
    return SigningKey.from_bytes(name, raw)


def for_the_cabinet_file(key: SigningKey) -> str:
    """The lines that make this officer one of a cabinet's."""
    public = base64.b64encode(key.public).decode()
    return f'[[officer]]\nname = "{key.kid}"\nkey = "{public}"'


def write_order(signed: SignedOrder, file: Path) -> None:
    """A new order. ``BadFile`` when the file is there already."""
    _write_new(file, _text(signed), mode=0o644)


def replace_order(signed: SignedOrder, file: Path) -> None:
    """One more signature; the order as it was, or as it is now, whatever happens."""
    part = file.with_name(file.name + ".part")
    part.unlink(missing_ok=True)
    _write_new(part, _text(signed), mode=0o644)
    part.replace(file)


def read_order_file(file: Path) -> SignedOrder:
    """What lies in the file; ``BadFile`` when it is not an order. Nothing in it is to be believed yet."""
    try:
        signed: SignedOrder = SignedOrder.read(_read(file).encode())
    except BadMessage as error:
        raise one(file, "-", f"is not an order: {error}") from error
    return signed


def _text(signed: SignedOrder) -> str:
    return json.dumps(signed.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise one(file, "-", f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise one(file, "-", "is not text") from error


def _write_new(file: Path, text: str, *, mode: int) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise one(file, "-", f"cannot be written: {error.strerror or error}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
