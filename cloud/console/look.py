"""How things look: templates, style and script in ``looks/``. What is put into a template is escaped."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cloud.console.words import TAGS, Words
from cloud.moment import now_ms
from config.look import TOKENS

LOOKS = Path(__file__).parent / "looks"
_BROWSER_WORDS = ("as_of", "no_news", "ago", "seconds", "minutes", "hours", "days")


def render(template: str, words: Words, **facts: Any) -> str:
    """A piece of a page as HTML."""
    return _environment().get_template(template).render(words=words, style=style, **facts)


@cache
def style() -> str:
    return TOKENS.read_text(encoding="utf-8") + (LOOKS / "console.css").read_text(encoding="utf-8")


def script(words: Words) -> str:
    """What counts the ages up in the browser, with the words and the clock it needs."""
    # read as they stand in the catalogue: the browser fills them in
    said = {key: words.pattern(key) for key in _BROWSER_WORDS}
    told = json.dumps({"words": said, "server_ms": now_ms(), "language": TAGS[words.language]})
    return f"const CONSOLE = {told};\n{_script()}"


@cache
def _script() -> str:
    return (LOOKS / "console.js").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(LOOKS), autoescape=True, undefined=StrictUndefined)
