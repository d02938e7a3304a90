"""The words of the resident's pages: complete in both languages, and right for every step."""

import re

import pytest

from cloud.pages.words import ORDERS, PROBLEMS, PROGRESS, STEPS, WORDS
from cloud.steps import Step, step_of


def test_every_word_is_there_in_both_languages() -> None:
    everything = [*WORDS.items(), *ORDERS.items(), *STEPS.items()]
    everything += [(code, sentence) for code, pair in PROBLEMS.items() for sentence in pair]
    everything += [(f"progress {n}", sentence) for n, sentence in enumerate(PROGRESS)]
    for name, sentence in everything:
        assert sentence.zh, name
        assert sentence.en or name == "open_door_suffix", name
        if name != "language":
            assert re.search("[一-鿿]", sentence.zh), name
            assert not re.search("[一-鿿]", sentence.en), name


def test_every_step_and_every_state_of_an_order_has_words() -> None:
    assert set(STEPS) == set(Step)
    assert set(ORDERS) == {"expected", "ready", "collected", "unclear", "expired", "removed"}


@pytest.mark.parametrize(
    ("state", "door", "sides", "note", "over", "step"),
    [
        ("expected", None, "", "", False, "expected"),
        ("expected", None, "", "courier", False, "expected"),
        ("expected", None, "", "", True, "expired"),
        ("ready", "closed", "", "", False, "ready"),
        ("ready", "unknown", "", "", False, "ready"),
        ("ready", "pulsing", "", "", False, "opening"),
        ("ready", "open", "", "", False, "open"),
        ("ready", "ajar", "", "", False, "open"),
        ("ready", "stuck", "", "", False, "stuck"),
        ("ready", "closed", "", "door_stuck", False, "stuck"),
        ("ready", "open", "", "door_stuck", False, "open"),
        ("ready", "closed", "cold_hold", "", False, "call"),
        ("ready", "closed", "overdue quarantine", "", False, "call"),
        ("ready", "closed", "overdue", "", True, "expired"),
        ("ready", "open", "", "", True, "open"),
        ("unclear", "closed", "", "", False, "call"),
        ("collected", None, "", "", True, "collected"),
    ],
)
def test_a_parcel_is_told_as_it_is(
    state: str, door: str | None, sides: str, note: str, over: bool, step: str
) -> None:
    there = None if door is None else {"door": door, "sides": sides}
    assert step_of({"state": state, "note": note}, there, over=over) == step
