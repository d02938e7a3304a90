"""Which language a page speaks: chosen by a tap, else remembered, else as the browser asks, else Chinese."""

from typing import Literal

from fastapi import Request

Language = Literal["zh", "en"]
COOKIE = "tg_lang"
CHOICES: dict[str, Language] = {"zh": "zh", "en": "en"}
TAGS: dict[Language, str] = {"zh": "zh-CN", "en": "en"}


def language_of(request: Request) -> Language:
    for said in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        chosen = CHOICES.get(said or "")
        if chosen is not None:
            return chosen
    return _preferred(request.headers.get("accept-language", ""))


def _preferred(header: str) -> Language:
    """The first of ours by quality, then by order; Chinese when none of ours is named."""
    best: tuple[float, Language] = (0.0, "zh")
    for entry in header.split(","):
        tag, _, weight = entry.strip().lower().partition(";q=")
        quality = _number(weight) if weight else 1.0
        if tag.startswith("zh") and quality > best[0]:
            best = (quality, "zh")
        elif tag.startswith("en") and quality > best[0]:
            best = (quality, "en")
    return best[1]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
