"""``/p/{secret}``: what the holder of a resident link may see and do, without an API key."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse, StreamingResponse

from cloud.api.asked import AtCabinet, WaitS
from cloud.api.commands import as_answer
from cloud.parts import Parts
from cloud.problems import Refused
from config.contract.faults import REFUSALS
from config.contract.messages import Presence

Secret = Annotated[str, Path(min_length=20, max_length=64)]
NO_STORE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
UNBUFFERED = {**NO_STORE, "X-Accel-Buffering": "no"}  # a reverse proxy passes each event on at once
Row = dict[str, Any]


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/p/{secret}", tags=["resident"])

    @router.get("/state")
    async def state(secret: Secret) -> JSONResponse:
        """The order, its parcels and their doors."""
        told = parts.resident.state(await parts.resident.visit(secret))
        return JSONResponse(told, headers=NO_STORE)

    @router.get("/live")
    async def live(secret: Secret) -> StreamingResponse:
        """Server-sent events: the state at once and after every change."""
        visit = await parts.resident.visit(secret)
        stream = _states(parts, secret, visit.cabinet["id"])
        return StreamingResponse(stream, media_type="text/event-stream", headers=UNBUFFERED)

    @router.post("/open", status_code=202)
    async def open_now(secret: Secret, asked: AtCabinet, wait: WaitS) -> JSONResponse:
        """Open for somebody who stands at the cabinet and has read its QR and number."""
        presence = Presence(nonce=asked.nonce, number=asked.number)
        row = await parts.resident.open(secret, presence, asked.parcel, again=asked.again)
        if wait:
            row = await parts.commands.ended(row["id"], wait)
        return as_answer(_for_resident(row), f"/p/{secret}/commands/{row['id']}")

    @router.get("/commands/{command}")
    async def one_command(secret: Secret, command: str) -> Row:
        """What became of an opening that this resident asked for."""
        visit = await parts.resident.visit(secret)
        row = await parts.commands.row(command)
        if row["asked_by"] != f"resident of {visit.order['id']}":
            raise Refused(404, "unknown_command", f"there is no command {command!r}")
        return _for_resident(row)

    return router


async def _states(parts: Parts, secret: str, cabinet: str) -> AsyncIterator[str]:
    last = ""
    with parts.live.watching(cabinet=cabinet) as watch:
        while True:
            try:
                state = parts.resident.state(await parts.resident.visit(secret))
            except Refused:  # the link has ended meanwhile
                return
            told = json.dumps(state, ensure_ascii=False)
            yield f"event: state\ndata: {told}\n\n" if told != last else ": still here\n\n"
            last = told
            await watch.pause()
            if watch.over:
                return


def _for_resident(row: Row) -> Row:
    """The ledger row with the refusal in words, where there is one."""
    names = ("id", "compartment", "state", "why", "outcome", "outcome_why", "deadline_ms", "ended_ms")
    told = {name: row[name] for name in names}
    refusal = REFUSALS.get(row["outcome_why"] or row["why"])
    if refusal is not None:
        told["says"] = {"zh": refusal.says.zh, "en": refusal.says.en}
        told["next_step"] = {"zh": refusal.next_step.zh, "en": refusal.next_step.en}
    return told
