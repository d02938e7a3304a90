"""The console's words: complete in both languages; and what is told without a browser."""

import re
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from cloud.commands import FINAL
from cloud.console.face import places
from cloud.console.frame import BRAND
from cloud.console.gate import AT_THIS_MACHINE
from cloud.console.phrases import asker, sentence
from cloud.console.words import LANGUAGES, WORDS, words_for
from cloud.store.commands import UNDER_WAY
from config.cabinet import load
from config.contract import events as said
from config.contract.messages import Clock, DocumentName
from config.look import TOKENS
from tests.service.conftest import CABINETS


def test_everything_that_is_shown_has_words_in_both_languages() -> None:
    names = {
        "presence": ("online", "lost", "offline", "never"),
        "door": get_args(said.DoorState),
        "state": get_args(said.CompartmentState),
        "side": get_args(said.SideState),
        "event": said.EVENT_TYPES,
        "type": said.EVENT_TYPES,
        "purpose": get_args(said.OpeningPurpose),
        "proof": get_args(said.Proof),
        "command": (*FINAL, *UNDER_WAY),
        "document": list(DocumentName),
        "clock": list(Clock),
        "zone": ("ambient", "chilled", "frozen"),
    }
    needed = {f"{kind}.{name}" for kind, all_names in names.items() for name in all_names}
    looks = Path(__file__).parents[2] / "cloud" / "console"
    for file in [*looks.glob("*.py"), *looks.glob("looks/*.html")]:
        needed |= set(re.findall(r"""words\(\s*["']([\w.]+)["'][,)]""", file.read_text(encoding="utf-8")))
    assert needed - set(WORDS) == set()
    assert [key for key, both in WORDS.items() if not (both.zh.strip() and both.en.strip())] == []


def test_both_languages_say_the_same_facts() -> None:
    def facts(text: str) -> set[str]:
        return set(re.findall(r"{(\w+)}", text))

    assert [key for key, both in WORDS.items() if facts(both.zh) != facts(both.en)] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", said.EVENT_TYPES)
def test_every_event_is_a_sentence(name: str, language: Any) -> None:
    model = said.EVENT_TYPES[name]
    told = {field: 1 if "int" in str(info.annotation) else "x" for field, info in model.model_fields.items()}
    row = {"type": name, "line": httpx.Response(200, json={"data": told}).content}
    assert not re.search(r"[{}]", sentence(row, words_for(language)))


def test_an_event_that_cannot_be_read_says_so() -> None:
    assert "cannot be read" in sentence({"type": "", "line": b"\xff"}, words_for("en"))


def test_doors_are_drawn_from_the_floor_up() -> None:
    map_ = load(CABINETS / "locker-8a80.toml").map()["compartments"]
    drawn = places(map_)
    assert drawn["01"].startswith("grid-row:1;grid-column:1")  # row 6 is the highest
    assert drawn["06"].startswith("grid-row:6;grid-column:1")
    assert drawn["24"].startswith("grid-row:6;grid-column:4")
    assert len(set(drawn.values())) == len(map_)


def test_the_consoles_brand_is_the_shared_one() -> None:
    assert f"--brand: {BRAND};" in TOKENS.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("asked_by", "zh", "en"),
    [
        ("resident of 58d1020f28fdc67e", "居民，订单 58d1020f28fdc67e", "resident of order 58d1020f28fdc67e"),
        ("key shop, console", "运营台，密钥 shop", "console, key shop"),
        ("key shop", "接口，密钥 shop", "API, key shop"),
        (AT_THIS_MACHINE, "服务器本机的运营台", "console at the service's machine"),
        ("somebody else", "somebody else", "somebody else"),
    ],
)
def test_who_asked_for_a_door_is_told_in_the_language_of_the_page(asked_by: str, zh: str, en: str) -> None:
    assert (asker(asked_by, words_for("zh")), asker(asked_by, words_for("en"))) == (zh, en)
