"""An order of two officers: its exact bytes, who may sign it, and the command line with which they do."""

import base64
import json
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.cabinet import parse
from config.contract.messages import BadMessage, Command, OpenAll, OpenDoor, Session, SignedOrder
from config.contract.officers import (
    LONGEST_MS,
    BadOrder,
    OpenAllOrder,
    read_order,
    sign_order,
    sign_too,
    two_signers,
)
from config.contract.signing import SigningKey, signature_holds

CABINET = "garden-east-1"
LIN, WANG = SigningKey.from_bytes("lin", b"l" * 32), SigningKey.from_bytes("wang", b"w" * 32)
MADE = 1_700_000_000_000


def order(**changed):
    given = {"id": "00000000000000aa", "cabinet": CABINET, "reason": "fire", "made_ms": MADE}
    return OpenAllOrder(**({"good_until_ms": MADE + 600_000} | given | changed))


SIGNED = sign_too(WANG, sign_order(LIN, order()))


def test_the_signed_bytes_are_these():
    text = (
        '{"id":"00000000000000aa","cabinet":"garden-east-1","reason":"fire",'
        '"made_ms":1700000000000,"good_until_ms":1700000600000}'
    )
    assert SIGNED.order == text
    for key, signature in zip((LIN, WANG), SIGNED.signatures, strict=True):
        proof = base64.b64decode(signature.signature)
        assert signature_holds(key.public, b"tg1|open_all|garden-east-1|" + text.encode(), proof)


def test_two_signers_are_told_by_their_keys_in_the_order_of_signing():
    assert two_signers(SIGNED, CABINET) == (LIN.public, WANG.public)


def test_a_command_of_either_kind_reads_back():
    given = {"id": "ab" * 8, "cabinet": CABINET, "deadline_ms": 1}
    session = Session(epoch="00000000000000aa", n=1)
    for command in (
        OpenAll(signed=SIGNED, session=session, **given),
        OpenDoor(compartment="01", purpose="service", session=session, **given),
    ):
        assert Command.read(command.body()) == command


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 50_000, b"\xff", b'{"kind":"open_some"}'])
def test_what_is_no_command_is_named(body):
    with pytest.raises(BadMessage, match="Command"):
        Command.read(body)


@given(st.data())
def test_whatever_byte_is_changed_there_are_not_two_signers_any_more(data):
    """Of the order's text, of either key, of either signature."""
    body = SIGNED.body()
    at = data.draw(st.integers(0, len(body) - 1))
    changed = bytearray(body)
    changed[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != body[at]))
    try:
        told = SignedOrder.read(bytes(changed))
        signers = two_signers(told, read_order(told).cabinet)
    except (BadMessage, BadOrder):
        return
    assert (told.order, signers) == (SIGNED.order, (LIN.public, WANG.public)), "only a name for people"


@given(at=st.integers(0, len(SIGNED.order) - 1), by=st.characters(codec="utf-8"))
def test_no_other_text_stands_under_the_signatures(at, by):
    text = SIGNED.order[:at] + by + SIGNED.order[at + 1 :]
    if text != SIGNED.order:
        with pytest.raises(BadOrder):
            two_signers(SignedOrder(order=text, signatures=SIGNED.signatures), CABINET)


@pytest.mark.parametrize("cabinet", ["garden-east-2", "garden-east-1|", ""])
def test_a_signature_is_for_one_cabinet(cabinet):
    with pytest.raises(BadOrder, match="does not fit"):
        two_signers(SIGNED, cabinet)


def test_one_officer_is_not_two_however_the_key_is_written():
    once = sign_order(LIN, order())
    other_name = once.signatures[0].model_copy(update={"name": "wang"})
    for signatures in (once.signatures, once.signatures * 2, (*once.signatures, other_name)):
        with pytest.raises(BadOrder, match="two different officers"):
            two_signers(SignedOrder(order=once.order, signatures=signatures), CABINET)


@pytest.mark.parametrize(
    "changed",
    [
        {"good_until_ms": MADE},
        {"good_until_ms": MADE + LONGEST_MS + 1},
        {"reason": "no"},
        {"reason": "x" * 121},
        {"reason": "drill\x1b[2K\rfire"},
        {"reason": "drill\u202eerif"},
        {"cabinet": "Garden"},
        {"id": "aa"},
    ],
)
def test_an_order_keeps_to_its_bounds(changed):
    with pytest.raises(ValueError, match="OpenAllOrder"):
        order(**changed)


@pytest.mark.parametrize("now", [MADE + 600_000 - LONGEST_MS, MADE + 600_000 - 1])
def test_an_order_is_good_for_a_while(now):
    order().check_time(now)


@pytest.mark.parametrize(
    ("now", "code"),
    [(MADE + 600_000, "order_expired"), (MADE + 600_000 - LONGEST_MS - 1, "order_too_long")],
)
def test_an_order_is_not_good_before_and_after(now, code):
    with pytest.raises(BadOrder) as caught:
        order().check_time(now)
    assert caught.value.code == code


# --- the command line


def officer(folder, *words, said="", expect=0):
    """What ``tuangui officer`` prints, in a process of its own without any network setting."""
    where = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path.cwd()), "TZ": "UTC"}
    done = subprocess.run(
        [sys.executable, "-m", "config.officer", *words],
        cwd=folder, env=where, input=said, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout if expect == 0 else done.stderr


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the keys of two officers and the lines for the cabinet file."""
    folder = tmp_path_factory.mktemp("officers")
    told = [officer(folder, "key", name, "--out", f"{name}.key") for name in ("lin", "wang")]
    lines = "\n".join(each[each.index("[[officer]]") :] for each in told)
    (folder / "officers.toml").write_text(lines, encoding="utf-8")
    return folder


def ordered(desk, name, *more):
    given = ("order", CABINET, "--reason", "大厅冒烟", "--key", "lin.key", "--out", name)
    return officer(desk, *given, *more)


def test_two_officers_make_an_order_that_their_cabinet_file_knows(desk):
    shown = ordered(desk, "a.json", "--minutes", "5")
    assert "OPEN EVERY DOOR of cabinet garden-east-1" in shown
    shown = officer(desk, "sign", "a.json", "--key", "wang.key", said="y\n")
    assert "大厅冒烟" in shown
    assert "signed by   lin" in shown
    raw = tomllib.loads(Path("config/cabinets/locker-8a80.toml").read_text(encoding="utf-8"))
    file = parse(raw | tomllib.loads((desk / "officers.toml").read_text(encoding="utf-8")))
    signed = SignedOrder.read((desk / "a.json").read_bytes())
    made = read_order(signed)
    assert two_signers(signed, file.id) == tuple(each.public for each in file.officer)
    assert made.good_until_ms - made.made_ms == 5 * 60_000
    assert abs(made.made_ms - time.time() * 1000) < 60_000


def test_a_private_key_is_for_nobody_elses_eyes_and_is_never_written_over(desk):
    assert (desk / "lin.key").stat().st_mode & 0o777 == 0o600
    before = (desk / "lin.key").read_bytes()
    assert "File exists" in officer(desk, "key", "lin", "--out", "lin.key", expect=2)
    assert (desk / "lin.key").read_bytes() == before


def test_who_does_not_agree_signs_nothing(desk):
    ordered(desk, "b.json")
    before = (desk / "b.json").read_bytes()
    assert "not signed" in officer(desk, "sign", "b.json", "--key", "wang.key", said="n\n", expect=2)
    assert (desk / "b.json").read_bytes() == before


def test_the_same_officer_cannot_sign_twice_nor_a_third_at_all(desk):
    ordered(desk, "c.json")
    told = officer(desk, "sign", "c.json", "--key", "lin.key", "--yes", expect=2)
    assert "two different officers" in told
    officer(desk, "sign", "c.json", "--key", "wang.key", "--yes")
    assert "by two officers already" in officer(desk, "sign", "c.json", "--key", "lin.key", expect=2)


def test_an_order_that_is_over_or_damaged_is_not_signed(desk):
    key = SigningKey.generate("lin")
    now = int(time.time() * 1000)
    over = sign_order(key, order(made_ms=now - 600_000, good_until_ms=now - 1))
    (desk / "d.json").write_bytes(over.body())
    assert "has expired" in officer(desk, "sign", "d.json", "--key", "wang.key", "--yes", expect=2)
    good = json.loads(sign_order(key, order(made_ms=now, good_until_ms=now + 600_000)).body())
    good["order"] = good["order"].replace("fire", "fair")
    (desk / "d.json").write_text(json.dumps(good))
    assert "does not fit" in officer(desk, "sign", "d.json", "--key", "wang.key", "--yes", expect=2)
    (desk / "d.json").write_text("fire!")
    assert "d.json: -: is not an order" in officer(desk, "sign", "d.json", "--key", "wang.key", expect=2)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("key", "Lin Wei", "--out", "x.key"), "an officer's name has lower-case letters"),
        (("key", "lin", "--out", "nowhere/x.key"), "nowhere/x.key: -: cannot be written"),
        (("order", "Garden!", "--reason", "fire", "--key", "lin.key", "--out", "x.json"), "cabinet:"),
        (("order", CABINET, "--reason", "a\nb", "--key", "lin.key", "--out", "x.json"), "one line of plain"),
        (
            ("order", CABINET, "--reason", "fire", "--key", "no.key", "--out", "x.json"),
            "no.key: -: cannot be",
        ),
        (("order", CABINET, "--reason", "fire", "--key", "bad.key", "--out", "x.json"), "bad.key: private:"),
        (("sign", "none.json", "--key", "lin.key"), "none.json: -: cannot be read"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_written(desk, words, reason):
    (desk / "bad.key").write_text('name = "lin"\nprivate = "QUJD"\n')
    assert reason in officer(desk, *words, expect=2)
    assert not (desk / "x.json").exists()
