"""Who this cabinet is to the cloud: at first start a one-time token becomes ``identity.toml`` (0600)."""

import base64
import json
import os
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from config.problems import one
from controller.uplink import Broker

FILE = "identity.toml"


class NotEnrolled(Exception):
    """There is no identity and no way to get one; says what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """All that ties this computer to its cabinet; secret."""

    cabinet: str
    cloud_url: str
    broker_url: str
    broker_login: str
    broker_password: str
    root_public: str
    cabinet_key: str

    @property
    def broker(self) -> Broker:
        return Broker(self.broker_url, self.broker_login, self.broker_password)

    @property
    def root_key(self) -> bytes:
        return base64.b64decode(self.root_public)

    @property
    def key(self) -> bytes:
        return base64.b64decode(self.cabinet_key)


def read_identity(folder: Path, cabinet: str) -> Identity | None:
    """The identity in the folder; None when there is none. ``BadFile`` when it is another cabinet's."""
    file = folder / FILE
    if not file.exists():
        return None
    try:
        identity = Identity(**tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise one(file, "-", f"is not an identity: {error}") from error
    if identity.cabinet != cabinet:
        raise one(file, "cabinet", f"is {identity.cabinet}, the cabinet file says {cabinet}")
    return identity


def exchange(token: str, cloud_url: str, cabinet: str, folder: Path) -> Identity:
    """Spend the token and keep what comes back. ``NotEnrolled`` names the reason of a refusal."""
    url = f"{cloud_url.rstrip('/')}/v1/enrolments/exchange"
    try:
        response = httpx.post(url, json={"token": token}, timeout=10)
    except httpx.HTTPError as error:
        raise NotEnrolled(f"the cloud at {cloud_url} cannot be reached: {error}") from error
    if response.status_code != 200:
        raise NotEnrolled(f"the cloud at {cloud_url} refused the token: {_why(response)}")
    answer = response.json()
    if answer.get("cabinet") != cabinet:
        raise NotEnrolled(f"the token is for cabinet {answer.get('cabinet')}, the file says {cabinet}")
    identity = Identity(cloud_url=cloud_url, **{key: answer[key] for key in _ANSWERED})
    _keep(identity, folder / FILE)
    return identity


_ANSWERED = ("cabinet", "broker_url", "broker_login", "broker_password", "root_public", "cabinet_key")


def _why(response: httpx.Response) -> str:
    try:
        problem: dict[str, Any] = response.json()
    except ValueError:
        return f"HTTP {response.status_code}"
    return str(problem.get("detail") or problem.get("title") or response.status_code)


def _keep(identity: Identity, file: Path) -> None:
    """Whole or not at all, and for nobody else's eyes."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in asdict(identity).items())
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
