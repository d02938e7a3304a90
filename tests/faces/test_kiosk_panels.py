"""What the kiosk says: every answer and fact in both languages, and nothing beyond that."""

import re
import string

import pytest

from config.contract import events as fact
from config.contract.faults import REFUSALS, Sentence
from controller.entrance import Answer
from controller.kiosk.panels import EMERGENCY, of_answer, of_facts
from controller.kiosk.words import WORDS, say

HAN = re.compile(r"[\u4e00-\u9fff]")
ORDER, PARCEL = "00000000000000aa", "00000000000000bb"
BOX = fact.BoxNow(
    label="05", state="occupied", door="open", occupancy="00000000000000ee-1", order=ORDER, parcel=PARCEL
)


CLOSED = BOX.model_copy(update={"door": "closed"})


def in_opening(kind, purpose="collect", **more):
    return kind(**{"box": BOX, "opening": 1, "purpose": purpose, "proof": "code", **more})


def none_follow(order, door):
    return 0


def panel_of(*facts, more=none_follow):
    return of_facts(facts, more)


def with_parcel(kind, purpose, **more):
    return in_opening(kind, purpose, occupancy="0" * 16 + "-1", order=ORDER, parcel=PARCEL, **more)


TOLD = [
    in_opening(fact.OpeningStarted),
    in_opening(fact.PulseIntended, pulse=2),
    in_opening(fact.PulseWithheld, pulse=1, reason="late"),
    in_opening(fact.DoorOpened, pulse=1, after_pulse_ms=90),
    in_opening(fact.DoorOpened, "load", pulse=1, after_pulse_ms=90),
    in_opening(fact.OpeningFailed, pulses=3),
    with_parcel(fact.ParcelDeposited, "load"),
    with_parcel(fact.DepositAborted, "load", reason="courier"),
    with_parcel(fact.DepositAborted, "load", reason="does_not_fit"),
    with_parcel(fact.ParcelRemoved, "remove"),
    in_opening(fact.DoorOpened, "remove", pulse=1, after_pulse_ms=90),
    with_parcel(fact.ParcelDeposited, "load", proof="qr"),
    with_parcel(fact.ParcelCollected, "collect"),
    in_opening(fact.OpeningEnded, "service", box=CLOSED),
    in_opening(fact.CheckNeeded, "service", box=CLOSED, reason="opened for service"),
    fact.InsideCalled(first_door="05"),
    fact.DoorLeftOpen(box=BOX, open_ms=60_000),
]


def assert_said_well(sentence):
    assert HAN.search(sentence.zh) or sentence.zh in ("English",), sentence
    assert not HAN.search(sentence.en) or sentence.en == "中文", sentence
    assert "_" not in sentence.zh + sentence.en
    assert "{" not in sentence.zh + sentence.en


@pytest.mark.parametrize("key", WORDS)
def test_every_word_is_in_both_languages_with_the_same_blanks(key):
    zh, en = WORDS[key].zh, WORDS[key].en
    blanks = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (zh, en)]
    assert blanks[0] == blanks[1]
    filled = dict.fromkeys(blanks[0], "05")
    assert_said_well(type(WORDS[key])(zh.format(**filled), en.format(**filled)))


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_that_locks_the_keypad_says_so_and_counts_down(code):
    panel = of_answer(Answer("refused", refusal=code, wait_s=40))
    assert panel is not None
    assert (panel.tone, panel.wait_s, panel.stay_s) == ("stop", 40, 40)
    assert panel.says == REFUSALS["wait"].says


@pytest.mark.parametrize("code", [*REFUSALS, "a_code_of_a_later_version"])
def test_every_refusal_is_said_and_says_what_next(code):
    panel = of_answer(Answer("refused", refusal=code))
    assert panel is not None
    assert_said_well(panel.says)
    assert_said_well(panel.next_step)
    assert panel.says == (REFUSALS[code].says if code in REFUSALS else say("not_possible"))


@pytest.mark.parametrize("told", TOLD, ids=lambda told: f"{told.type}-{getattr(told, 'purpose', '')}")
def test_every_step_at_the_door_is_said_and_names_no_parcel(told):
    panel = panel_of(told)
    assert panel is not None
    for sentence in (panel.says, panel.next_step):
        assert_said_well(sentence)
    assert not re.search(f"{ORDER}|{PARCEL}|occupied", str(panel.as_json()))


@pytest.mark.parametrize(
    "told",
    [
        fact.AccessRefused(proof="code", reason="not_valid"),
        fact.FaultRaised(fault="board_silent", subject="locks"),
        fact.DoorForced(box=BOX),
        in_opening(fact.PulseIntended, pulse=1),
        in_opening(fact.OpeningStarted, "emergency"),
        in_opening(fact.OpeningEnded),
    ],
    ids=lambda told: told.type,
)
def test_what_is_not_for_people_at_the_cabinet_is_not_shown(told):
    assert panel_of(told) is None


@pytest.mark.parametrize(
    "kind",
    [
        "courier", "courier_left", "queued", "noted", "removed_all", "pin", "service", "service_left",
        "again",
    ],
)  # fmt: skip
def test_whoever_works_here_or_asks_for_more_is_answered(kind):
    panel = of_answer(Answer(kind))
    assert panel is not None
    assert_said_well(panel.says)


def test_a_code_tells_how_many_doors_follow_and_a_phone_opens_one_alone():
    def two(order, door):
        assert (order, door) == (ORDER, "05")
        return 2

    opened = {"pulse": 1, "after_pulse_ms": 90}
    assert panel_of(in_opening(fact.DoorOpened, **opened), more=two).more == 2
    assert panel_of(in_opening(fact.DoorOpened, proof="phone", **opened), more=two).more == 0


def test_of_several_facts_the_last_that_concerns_people_is_shown():
    closed = fact.DoorClosed(box=CLOSED)
    panel = panel_of(closed, with_parcel(fact.ParcelCollected, "collect"), closed)
    assert panel.says == say("collected")


def test_an_opening_is_told_by_its_facts():
    assert of_answer(Answer("opening", door="05")) is None


def test_an_emergency_says_what_to_do_and_shows_all_doors():
    assert_said_well(EMERGENCY.next_step)
    assert EMERGENCY.all_doors


@pytest.mark.parametrize(
    "asked",
    [
        Answer("question", door="05", asks=("is_in", "not_in"), about="00000000000000ee-1"),
        Answer(
            "question",
            door="05",
            other="06",
            asks=("in_other", "is_in", "not_in"),
            about="00000000000000ee-2",
        ),
        Answer("question", door="05", asks=("this_door", "another_door")),
    ],
)
def test_a_question_offers_its_answers_as_buttons_in_both_languages(asked):
    panel = of_answer(asked)
    assert_said_well(panel.says)
    assert_said_well(panel.next_step)
    assert [(choice.word, choice.door) for choice in panel.choices] == [(word, "05") for word in asked.asks]
    for choice in panel.choices:
        assert_said_well(choice.says)
        assert choice.about == asked.about


def test_a_full_cabinet_says_what_is_missing():
    panel = of_answer(Answer("refused", refusal="no_fit", size="L", zone="chilled"))
    assert panel.says == Sentence("没有 L 号以上的冷藏空箱", "No chilled box of size L or larger is free")


def test_an_open_door_lets_the_courier_say_that_it_does_not_fit():
    panel = panel_of(in_opening(fact.DoorOpened, "load", pulse=1, after_pulse_ms=90))
    assert [(choice.word, choice.about) for choice in panel.choices] == [
        ("does_not_fit", BOX.occupancy),
        ("not_empty", BOX.occupancy),
    ]
    assert panel_of(in_opening(fact.DoorOpened, pulse=1, after_pulse_ms=90)).choices == ()


def test_a_technician_is_told_which_doors_are_to_be_proven_and_which_one_moved_instead():
    doors = ("05", "06")
    for answer in (Answer("service", unproven=doors), Answer("proven", door="04", unproven=doors)):
        panel = of_answer(answer)
        assert_said_well(panel.says)
        assert_said_well(panel.next_step)
        assert panel.next_step.en.endswith("05, 06")
    assert of_answer(Answer("proven", door="06")).next_step == say("all_proven")
    moved = of_answer(Answer("other_moved", door="05", other="06"))
    assert moved.says == say("other_moved", door="05", other="06")
    assert moved.door == "06"


def test_goods_that_were_too_warm_are_the_first_thing_a_technician_is_told() -> None:
    begun, after = of_answer(Answer("service", held=("cold",))), of_answer(Answer("released", zone="cold"))
    assert begun is not None
    assert [(choice.word, choice.door) for choice in begun.choices] == [("release", "cold")]
    assert after is not None
    assert after.choices == ()
