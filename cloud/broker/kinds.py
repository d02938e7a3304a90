"""The brokers that we can run as a child: where the program is, and how its files are written."""

import base64
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cloud.broker.rights import Login


@dataclass(frozen=True, slots=True)
class Kind:
    """``files`` writes the configuration below a folder and returns the command that starts the broker."""

    name: str
    program: str
    files: Callable[[str, Path, str, int, list[Login]], list[str]]

    def find(self) -> str | None:
        """The program beside this Python (a package shipped it), on PATH, or where Debian puts daemons."""
        beside = Path(sys.executable).parent / self.program
        if beside.exists():
            return str(beside)
        return shutil.which(self.program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and for nobody else: the files hold passwords."""
    draft = path.with_suffix(".new")
    opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


# --- NATS ---------------------------------------------------------------------------------------------

DEFAULT_MAX_CONSUMERS = 200_000
"""Every QoS 1 subscription is a consumer, and NATS stops at 1,000 unless told otherwise."""


def _nats_files(program: str, folder: Path, host: str, port: int, logins: list[Login]) -> list[str]:
    config = folder / "nats.conf"
    _write(config, _nats_config(folder, host, port, logins))
    return [program, "-c", str(config)]


def _nats_config(folder: Path, host: str, port: int, logins: list[Login]) -> str:
    # The native port cannot be closed. It stays on loopback, and no login works there: a cabinet's
    # would otherwise read other cabinets' deliveries.
    users = ",\n".join(f"    {_nats_user(login)}" for login in logins)
    return f"""\
server_name: tuangui
host: 127.0.0.1
port: -1
ports_file_dir: {json.dumps(str(folder))}
max_payload: 262144
jetstream {{
  store_dir: {json.dumps(str(folder / "jetstream"))}
  max_memory_store: 64MB
  max_file_store: 1GB
  limits {{ default_max_consumers: {DEFAULT_MAX_CONSUMERS} }}
}}
mqtt {{ host: {json.dumps(host)}, port: {port}, max_ack_pending: 1000 }}
authorization {{
  users: [
{users}
  ]
}}
"""


def _nats_user(login: Login) -> str:
    return json.dumps(
        {
            "user": login.name,
            "password": login.password,
            "allowed_connection_types": ["MQTT"],
            "permissions": {
                "publish": {"allow": [_subject(topic) for topic in login.may_publish]},
                "subscribe": {"allow": [_subject(topic) for topic in login.may_subscribe]},
            },
        }
    )


def _subject(topic: str) -> str:
    """``tg/v1/07/garden-east-1/events`` is ``tg.v1.07.garden-east-1.events`` inside NATS."""
    return topic.replace("/", ".").replace("#", ">")


# --- mosquitto ----------------------------------------------------------------------------------------

PASSWORD_ROUNDS = 101
"""mosquitto's own default; the passwords are 256 random bits, which no number of rounds makes stronger."""


def _mosquitto_files(program: str, folder: Path, host: str, port: int, logins: list[Login]) -> list[str]:
    config = folder / "mosquitto.conf"
    passwords, rights = folder / "mosquitto.passwords", folder / "mosquitto.acl"
    _write(passwords, "".join(f"{login.name}:{_mosquitto_hash(login.password)}\n" for login in logins))
    _write(rights, "\n".join(_mosquitto_rights(login) for login in logins))
    _write(
        config,
        f"listener {port} {host}\n"
        "allow_anonymous false\n"
        f"password_file {passwords}\n"
        f"acl_file {rights}\n"
        "persistence false\n"
        "max_queued_messages 10000\n"
        "message_size_limit 262144\n"
        "log_type error\nlog_type warning\nlog_type notice\n" + ("user root\n" if os.geteuid() == 0 else ""),
        # mosquitto started as root would become another user, who cannot read these files
    )
    return [program, "-c", str(config)]


def _mosquitto_hash(password: str) -> str:
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PASSWORD_ROUNDS)
    return f"$7${PASSWORD_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _mosquitto_rights(login: Login) -> str:
    lines = [f"user {login.name}"]
    lines += [f"topic write {topic}" for topic in login.may_publish]
    lines += [f"topic read {topic}" for topic in login.may_subscribe]
    return "\n".join(lines) + "\n"


NATS = Kind("nats", "nats-server", _nats_files)
MOSQUITTO = Kind("mosquitto", "mosquitto", _mosquitto_files)
