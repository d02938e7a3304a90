"""An order of two officers on its way to their cabinet: what the service can see is checked, all is kept."""

import asyncio
import os
import secrets
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloud.auth import Scope, create_api_key
from cloud.console.cabinet import facts_of
from cloud.console.words import words_for
from config.contract.messages import Command, OpenAll, SignedOrder
from config.contract.officers import OpenAllOrder, sign_order, sign_too
from config.contract.signing import SigningKey, check_signature
from config.contract.topics import Leaf
from tests.service.conftest import Service, public_keys
from tests.service.fake_cabinet import FakeCabinet

to = asyncio.to_thread
CABINET = "garden-east-1"
ALL = f"/v1/cabinets/{CABINET}/open-all"
LIN, WANG = SigningKey.generate("lin"), SigningKey.generate("wang")


def order(**changed: Any) -> OpenAllOrder:
    now = int(time.time() * 1000)
    given = {
        "cabinet": CABINET,
        "reason": "smoke in the hall",
        "made_ms": now,
        "good_until_ms": now + 600_000,
    }
    return OpenAllOrder(**({"id": secrets.token_hex(8)} | given | changed))


def by_both(asked: OpenAllOrder | None = None) -> SignedOrder:
    return sign_too(WANG, sign_order(LIN, asked or order()))


def as_json(signed: SignedOrder) -> Any:
    return signed.model_dump(mode="json")


def heard_by(cabinet: FakeCabinet, service: Service) -> OpenAll:
    message = cabinet.hear(Leaf.COMMANDS)
    command = Command.read(check_signature(public_keys(service, "commands"), "commands", cabinet.id, message))
    assert isinstance(command, OpenAll)
    return command


def carried_out(cabinet: FakeCabinet, asked: OpenAllOrder, command: OpenAll) -> tuple[bytes, bytes]:
    """What the cabinet tells of an order that it has taken."""
    who = {"order": asked.id, "reason": asked.reason, "officers": ["lin", "wang"], "command": command.id}
    ordered = cabinet.event("OpenAllOrdered", **who)
    return ordered, cabinet.event("CommandEnded", command=command.id, outcome="succeeded", reason="")


async def test_an_order_comes_to_its_cabinet_byte_for_byte_and_stands_in_the_ledger(service: Service) -> None:
    cabinet = await service.connected()
    asked = order()
    signed = by_both(asked)
    answer = await service.http.post(ALL, json=as_json(signed))
    assert (answer.status_code, answer.json()["state"]) == (202, "sent")
    command = await to(heard_by, cabinet, service)
    assert (command.signed, command.session, command.cabinet) == (signed, cabinet.session, CABINET)
    assert command.deadline_ms <= asked.good_until_ms
    await to(cabinet.tell, *carried_out(cabinet, asked, command))
    row = (await service.http.get(answer.headers["Location"])).json()
    assert (row["state"], row["compartment"], row["purpose"]) == ("succeeded", "*", "open_all")
    assert (row["reason"], row["asked_by"]) == ("smoke in the hall", f"order {asked.id}, key test-0")


async def test_the_console_tells_who_ordered_it_in_both_languages(service: Service) -> None:
    cabinet = await service.connected()
    asked = order()
    await service.http.post(ALL, json=as_json(by_both(asked)))
    command = await to(heard_by, cabinet, service)
    await to(cabinet.tell, *carried_out(cabinet, asked, command))
    for words, door, says in (
        (words_for("zh"), "全部箱门", "负责人 lin, wang"),
        (words_for("en"), "All doors", "officers lin, wang"),
    ):
        desk: Any = SimpleNamespace(parts=service.parts, words=words, language=words.language)
        facts = await facts_of(desk, CABINET)
        assert facts["openings"][0]["door"] == door
        assert asked.id in facts["openings"][0]["who"]
        assert facts["openings"][0]["ended"] == words("command.open_all")
        assert any(says in event["says"] for event in facts["events"])


NOW = int(time.time() * 1000)


@pytest.mark.parametrize(
    ("signed", "code"),
    [
        (lambda: sign_order(LIN, order()), "one_officer"),
        (lambda: by_both(order(made_ms=NOW - 900_000, good_until_ms=NOW - 1)), "order_expired"),
        (lambda: by_both(order(made_ms=NOW + 3_600_000, good_until_ms=NOW + 4_200_000)), "order_too_long"),
        (lambda: by_both(order(cabinet="garden-west-1")), "other_cabinet"),
        (
            lambda: SignedOrder(order=order().body().decode(), signatures=by_both().signatures),
            "bad_signature",
        ),
        (lambda: SignedOrder(order="{}", signatures=by_both().signatures), "bad_order"),
    ],
)
async def test_what_can_be_seen_to_be_wrong_is_not_even_sent(
    service: Service, signed: Any, code: str
) -> None:
    await service.connected()
    answer = await service.http.post(ALL, json=as_json(signed()))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (await service.http.get("/v1/commands")).json()["commands"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"fire",
        b"{}",
        b'"fire"',
        b'{"order":1,"signatures":[]}',
        by_both().body().replace(b"smoke", b"\\ud800"),
        by_both().body().replace(b'{"order"', b'{"more":1,"order"'),
    ],
)
async def test_what_is_no_order_is_a_problem_and_not_sent(service: Service, body: bytes) -> None:
    await service.connected()
    answer = await service.http.post(ALL, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (await service.http.get("/v1/commands")).json()["commands"] == []


async def test_a_cabinet_that_is_not_there_or_not_ours_is_told(service: Service) -> None:
    await service.enrolled()
    answer = await service.http.post(ALL, json=as_json(by_both()))
    assert (answer.status_code, answer.json()["code"]) == (409, "cabinet_offline")
    answer = await service.http.post("/v1/cabinets/nowhere-1/open-all", json=as_json(by_both()))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_cabinet")


async def handed_in(service: Service, file: Path, key: str) -> tuple[int, str]:
    """``tuangui cloud open-all`` in a process of its own."""
    where = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path.cwd()), "TUANGUI_API_KEY": key}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cloud", "open-all", str(file), "--url", service.parts.public_url,
        env=where, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_the_command_line_hands_an_order_in_and_says_what_the_cabinet_answered(
    service: Service, tmp_path: Path
) -> None:
    cabinet = await service.connected()
    key = await create_api_key(service.parts.store, "desk", [Scope.OPERATOR])
    file = tmp_path / "order.json"
    for outcome, reason, code, says in (
        ("succeeded", "", 0, "has taken the order and opens every door"),
        ("rejected", "unknown_officer", 2, "Somebody has signed who is no officer of this cabinet"),
    ):
        file.write_bytes(by_both().body())
        handing = asyncio.create_task(handed_in(service, file, key))
        command = await to(heard_by, cabinet, service)
        await to(
            cabinet.tell, cabinet.event("CommandEnded", command=command.id, outcome=outcome, reason=reason)
        )
        returned, said = await handing
        assert returned == code, said
        assert says in said


async def test_the_command_line_names_what_is_wrong(service: Service, tmp_path: Path) -> None:
    await service.enrolled()
    key = await create_api_key(service.parts.store, "desk", [Scope.OPERATOR])
    file = tmp_path / "order.json"
    for text, says in (
        (by_both().body(), "is offline"),
        (sign_order(LIN, order()).body(), "two different officers have to sign"),
        (os.urandom(40).hex().encode(), "is not an order"),
    ):
        file.write_bytes(text)
        returned, said = await handed_in(service, file, key)
        assert returned == 2
        assert says in said
    assert "cannot be read" in (await handed_in(service, tmp_path / "none.json", key))[1]
