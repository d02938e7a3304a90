"""An order of two officers, from its file to a running service, and what became of it in one sentence."""

from pathlib import Path
from typing import Any

import httpx

from config.contract.faults import REFUSALS
from config.contract.officers import BadOrder, read_order
from config.officer.papers import read_order_file

WAIT_S = 20


class NotTaken(Exception):
    """No door opens by this order now; one plain sentence."""


def hand_in(file: Path, url: str, api_key: str) -> str:
    """What the cabinet has answered; ``NotTaken`` and ``BadFile`` say why nothing opens."""
    signed = read_order_file(file)
    try:
        order = read_order(signed)
        answer = httpx.post(
            f"{url.rstrip('/')}/v1/cabinets/{order.cabinet}/open-all", json=signed.model_dump(mode="json"),
            headers={"Authorization": f"Bearer {api_key}", "Prefer": f"wait={WAIT_S}"}, timeout=WAIT_S + 10,
        )  # fmt: skip
        told: dict[str, Any] = answer.json()
    except BadOrder as error:
        raise NotTaken(f"{file}: {error}") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NotTaken(f"the service at {url} does not answer as one: {error}") from error
    if not answer.is_success:
        raise NotTaken(f"the service at {url} refuses it: {told.get('detail', answer.status_code)}")
    return _sentence(told, order.cabinet)


def _sentence(row: dict[str, Any], cabinet: str) -> str:
    if row["state"] == "succeeded":
        return f"cabinet {cabinet} has taken the order and opens every door; the console shows each of them"
    if row["state"] == "rejected" and row["why"] in REFUSALS:
        refusal = REFUSALS[row["why"]]
        raise NotTaken(f"cabinet {cabinet} refuses: {refusal.says.en}. {refusal.next_step.en}".strip())
    raise NotTaken(f"nothing was heard of cabinet {cabinet} yet (command {row['id']} is {row['state']})")
