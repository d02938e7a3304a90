"""What cabinet and cloud say: every message there and back, every proof, and nothing else."""

import json
import re
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.contract import asyncapi, codes, labels
from config.contract.events import (
    EVENT_TYPES,
    MOST_BOXES,
    MOST_USED,
    Baseline,
    Booted,
    BoxNow,
    Event,
    FaultRaised,
)
from config.contract.faults import FAULTS, REFUSALS
from config.contract.messages import (
    LARGEST_EVENT_BYTES,
    BadMessage,
    Batch,
    BatchHead,
    Clock,
    Session,
    Status,
    Sync,
    chain_over,
)
from config.contract.signing import (
    CHAIN_START,
    BadProof,
    CabinetKeys,
    SigningKey,
    chain,
    check_mac,
    check_signature,
    mac,
    seal,
    sign,
    unseal,
)
from config.contract.topics import SHARDS, BadTopic, Leaf, parse, shard_of, topic

KEYS = CabinetKeys.derive("garden-east-1", b"k" * 32)
OTHER = CabinetKeys.derive("garden-west-1", b"k" * 32)
SESSION = Session(epoch="00000000000000aa", n=3)


def test_the_generated_contract_is_the_one_that_is_kept():
    assert asyncapi.FILE.read_text(encoding="utf-8") == asyncapi.as_text(), "tuangui config contract --write"


def test_every_reference_in_the_contract_resolves():
    document = asyncapi.document()

    def references(part):
        if isinstance(part, dict):
            yield from [part["$ref"]] if "$ref" in part else []
            for value in part.values():
                yield from references(value)
        elif isinstance(part, list):
            for value in part:
                yield from references(value)

    for reference in references(document):
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


@pytest.mark.parametrize("leaf", list(Leaf))
def test_a_topic_reads_back(leaf):
    assert parse(topic("garden-east-1", leaf)).leaf is leaf


@pytest.mark.parametrize(
    "text",
    [
        "tg/v2/07/garden-east-1/status",
        "tg/v1/99/garden-east-1/status",
        "tg/v1/garden-east-1/status",
        "tg/v1/07/Garden/status",
        "other/v1/07/garden-east-1/status",
        "",
    ],
)
def test_a_topic_outside_the_contract_is_refused(text):
    with pytest.raises(BadTopic):
        parse(text)


def test_an_unknown_leaf_is_refused():
    with pytest.raises(BadTopic, match="gossip"):
        parse(topic("garden-east-1", Leaf.STATUS).replace("status", "gossip"))


def test_cabinets_spread_over_all_shards():
    assert {shard_of(f"cabinet-{n}") for n in range(2000)} == set(range(SHARDS))


def test_a_mac_holds_for_its_cabinet_purpose_and_bytes_only():
    message = mac(KEYS, "events", b"body")
    assert check_mac(KEYS, "events", message) == b"body"
    for wrong in (message + b"x", message.replace(b"body", b"bodz")):
        with pytest.raises(BadProof):
            check_mac(KEYS, "events", wrong)
    for keys, purpose in ((OTHER, "events"), (KEYS, "ack")):
        with pytest.raises(BadProof):
            check_mac(keys, purpose, message)


def test_a_signature_holds_for_its_cabinet_purpose_and_key_only():
    key, other = SigningKey.generate("1"), SigningKey.generate("1")
    message = sign(key, "commands", "garden-east-1", b"{}")
    trusted = {"1": key.public}
    assert check_signature(trusted, "commands", "garden-east-1", message) == b"{}"
    for keys, purpose, cabinet in (
        (trusted, "desired", "garden-east-1"),
        (trusted, "commands", "garden-west-1"),
        ({"1": other.public}, "commands", "garden-east-1"),
        ({}, "commands", "garden-east-1"),
    ):
        with pytest.raises(BadProof):
            check_signature(keys, purpose, cabinet, message)


def test_a_sealed_document_opens_for_its_cabinet_only():
    sealed = seal(KEYS, "desired", b"secret digests")
    assert b"secret" not in sealed
    assert unseal(KEYS, "desired", sealed) == b"secret digests"
    with pytest.raises(BadProof):
        unseal(OTHER, "desired", sealed)


@given(st.binary(max_size=400))
def test_no_bytes_are_taken_for_a_proven_message(noise):
    for check in (
        lambda: check_mac(KEYS, "events", noise),
        lambda: check_signature({}, "commands", "garden-east-1", noise),
        lambda: unseal(KEYS, "desired", noise),
    ):
        with pytest.raises(BadProof):
            check()


def event(seq=1):
    told = FaultRaised(fault="door_stuck", subject="01")
    return Event(
        id=f"00000000000000aa-{seq}", source="/cabinets/garden-east-1", type=told.type,
        time="2026-01-01T00:00:00Z", data=told.model_dump(mode="json"), epoch="00000000000000aa", seq=seq,
        boot="b", mono_ms=1, clock=Clock.FLOOR,
    )  # fmt: skip


def batch(count=3):
    lines = tuple(event(n + 1).line() for n in range(count))
    head = BatchHead(
        session=SESSION, nonce="0" * 16, epoch="00000000000000aa", first=1, count=count, chain=CHAIN_START
    )
    return Batch(head=head, lines=lines)


def test_a_batch_reads_back_and_its_chain_covers_the_exact_bytes():
    sent = batch()
    read = Batch.read(sent.body())
    assert read == sent
    assert read.chain_after() == chain_over(CHAIN_START, sent.lines)
    assert chain(CHAIN_START, sent.lines[0]) != chain(CHAIN_START, sent.lines[0] + b" ")


def test_a_batch_with_more_or_fewer_lines_than_it_says_is_refused():
    body = batch().body()
    for wrong in (body + b"\n{}", body.rsplit(b"\n", 1)[0]):
        with pytest.raises(BadMessage, match="count"):
            Batch.read(wrong)


def test_an_event_reads_back_as_its_fact():
    assert Event.read(event().line()).fact() == FaultRaised(fault="door_stuck", subject="01")


def test_an_event_of_an_unknown_type_or_with_a_wrong_field_is_named():
    raw = json.loads(event().line())
    with pytest.raises(BadMessage, match="FlyingSaucer"):
        Event.read(json.dumps({**raw, "type": "FlyingSaucer"}).encode()).fact()
    with pytest.raises(BadMessage, match="subject"):
        Event.read(json.dumps({**raw, "data": {"fault": "x"}}).encode()).fact()


@pytest.mark.parametrize("noise", [b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 50_000, b'{"session":{}}'])
def test_bodies_that_are_no_messages_are_refused(noise):
    for kind in (Status, Sync, BatchHead, Event):
        with pytest.raises(BadMessage):
            kind.read(noise)


def test_the_largest_survey_fits_into_one_event():
    box = BoxNow(
        label="AAAAAAAA", state="collecting", door="sensor_fault", occupancy=f"{'a' * 16}-{10**14}",
        order="b" * 16, parcel="c" * 16, verified=False,
        sides=("cold_hold", "forced", "out_of_service", "overdue", "quarantine"),
    )  # fmt: skip
    counted = {"part": 10**6, "parts": 10**6, "openings": 10**15, "occupancies": 10**15}
    for told in (
        Booted(software="x" * 40, map_version="y" * 64, reason="crash", boxes=(box,) * MOST_BOXES),
        Baseline(boxes=(box,) * MOST_BOXES, **counted),
        Baseline(used=("d" * 16,) * MOST_USED, **counted),
    ):
        line = event().model_copy(update={"data": told.model_dump(mode="json")}).line()
        assert len(line) <= LARGEST_EVENT_BYTES


def test_an_event_line_never_holds_a_newline():
    told = FaultRaised(fault="x", subject="y", detail="a\nb\r\u2028c")
    line = event().model_copy(update={"data": told.model_dump(mode="json")}).line()
    assert b"\n" not in line


def test_every_event_type_is_named_like_its_model():
    assert all(name == model.type for name, model in EVENT_TYPES.items())


# --- codes


def test_a_token_has_151_characters_that_a_qr_holds_as_alphanumeric():
    key = SigningKey.generate("3")
    token = codes.Token(codes.Purpose.PICKUP, 3, 0, codes.cabinet_hash("c"), "0" * 16, 0, 1, 2)
    text = token.signed(key)
    assert len(text) == codes.TOKEN_CHARACTERS
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    read = codes.read_token(text.lower())
    assert read.token == token
    assert read.holds(key.public)


def test_no_changed_character_of_a_token_goes_unnoticed():
    key = SigningKey.generate("3")
    token = codes.Token(codes.Purpose.PICKUP, 3, 0, codes.cabinet_hash("c"), "0" * 16, 0, 1, 2).signed(key)
    for at in range(len(token)):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        try:
            assert not codes.read_token(changed).holds(key.public)
        except codes.BadCode:
            continue


@given(st.text(max_size=200))
def test_no_text_crashes_the_readers_of_codes(text):
    for read in (codes.typed_code, codes.read_token, codes.read_parcel_label, labels.read_label):
        try:
            read(text)
        except codes.BadCode:
            continue


@pytest.mark.parametrize("typed", ["12345678", "1234 5678", "１２３４５６７８", " 1234-5678 "])
def test_a_code_is_read_as_a_person_means_it(typed):
    assert codes.typed_code(typed) == "12345678"


@pytest.mark.parametrize("typed", ["1234567", "123456789", "1234567a", "", "1.345678", "١٢٣٤٥٦٧٨"])
def test_what_is_no_code_is_refused(typed):
    with pytest.raises(codes.BadCode):
        codes.typed_code(typed)


def test_a_label_reads_back():
    parcel = secrets.token_hex(8)
    assert codes.read_parcel_label(codes.parcel_label(parcel).lower()) == parcel


def label(**changed):
    told = {
        "purpose": labels.LabelPurpose.DELIVERY, "kid": 3, "cabinet": codes.cabinet_hash("c"),
        "order": "0" * 16, "parcel": "1" * 16, "size": "S", "zone": "ambient", "iat": 1, "exp": 2, **changed,
    }  # fmt: skip
    return labels.ParcelLabel(**told)


@pytest.mark.parametrize("size", labels.SIZES)
@pytest.mark.parametrize("zone", labels.ZONES)
def test_a_signed_label_reads_back_in_the_alphabet_of_qr(size, zone):
    key = SigningKey.generate("3")
    text = label(size=size, zone=zone).signed(key)
    assert len(text) == labels.LABEL_CHARACTERS
    assert re.fullmatch(r"[0-9A-Z-]+", text)
    read = labels.read_label(f" {text.lower()}\n")
    assert read.label == label(size=size, zone=zone)
    assert read.holds(key.public)
    assert not read.holds(SigningKey.generate("3").public)


def test_no_changed_character_of_a_signed_label_goes_unnoticed():
    key = SigningKey.generate("3")
    text = label().signed(key)
    for at in range(len(text)):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        try:
            assert not labels.read_label(changed).holds(key.public)
        except codes.BadCode:
            continue


def test_a_pickup_token_is_no_label_and_a_label_no_token():
    key = SigningKey.generate("3")
    token = codes.Token(codes.Purpose.PICKUP, 3, 0, codes.cabinet_hash("c"), "0" * 16, 0, 1, 2).signed(key)
    with pytest.raises(codes.BadCode):
        labels.read_label(token)
    with pytest.raises(codes.BadCode):
        codes.read_token(label().signed(key))


def test_every_fault_and_refusal_speaks_both_languages():
    for row in (*FAULTS.values(), *REFUSALS.values()):
        assert row.says.zh
        assert row.says.en
        assert bool(row.next_step.zh) == bool(row.next_step.en)
