"""``/console/cabinet/{id}``: one cabinet's doors as they stand, what is wrong, what happened."""

from typing import Any

from fastapi import Request
from nicegui import ui

from cloud.commands import ALL_DOORS
from cloud.console.events import told
from cloud.console.face import Face
from cloud.console.follow import follow
from cloud.console.frame import Frame, piece
from cloud.console.gate import Desk, desk_of
from cloud.console.look import render
from cloud.console.opening import Opening
from cloud.console.phrases import asker
from cloud.problems import Refused
from config.contract.faults import FAULTS, Severity

Row = dict[str, Any]
EVENTS, OPENINGS = 25, 6


def add_page() -> None:
    """Tell NiceGUI of this page."""

    @ui.page("/cabinet/{cabinet}")
    async def cabinet(request: Request, cabinet: str) -> None:
        desk = desk_of(request)
        try:
            facts = await facts_of(desk, cabinet)
        except Refused:
            _unknown(desk, cabinet)
            return
        page = CabinetPage(desk, facts)
        follow(desk, page.frame, page.renew, cabinet=cabinet)


def _unknown(desk: Desk, cabinet: str) -> None:
    ui.context.client.status_code = 404
    with Frame(desk, cabinet, here="").body:
        piece("unknown.html", desk, cabinet=cabinet)


async def facts_of(desk: Desk, cabinet: str) -> Row:
    """What the page shows; ``Refused`` when there is no such cabinet."""
    fleet = desk.parts.fleet
    row = await fleet.cabinet(cabinet)
    return {
        "cabinet": row,
        "alarms": [_alarm(alarm, desk) for alarm in row["alarms"]],
        "events": told(await fleet.latest_events(cabinet=cabinet, limit=EVENTS), desk),
        "openings": [
            _opening(command, desk) for command in await fleet.commands(cabinet=cabinet, limit=OPENINGS)
        ],
    }


def _alarm(alarm: Row, desk: Desk) -> Row:
    """With sentence and next step; a fault that this version does not know keeps its code."""
    fault = FAULTS.get(alarm["fault"])
    severity = fault.severity if fault else Severity.WARNING
    step = fault.next_step.in_language(desk.language) if fault else ""
    return {**alarm, "severity": severity, "says": desk.words.fault(alarm["fault"]), "next_step": step}


def _opening(command: Row, desk: Desk) -> Row:
    """With why it ended so, and what was heard after its time."""
    is_late = command["outcome"] is not None and command["outcome"] != command["state"]
    outcome = desk.words(f"command.{command['outcome']}") if is_late else ""
    late = desk.words("late_outcome", outcome=outcome) if is_late else ""
    because = desk.words.why(command["why"]) if command["why"] else ""
    is_all = command["compartment"] == ALL_DOORS
    door = desk.words("all_doors") if is_all else command["compartment"]
    taken = is_all and command["state"] == "succeeded"
    ended = desk.words("command.open_all") if taken else desk.words(f"command.{command['state']}")
    who = asker(command["asked_by"], desk.words)
    return {**command, "door": door, "ended": ended, "because": because, "late": late, "who": who}


class CabinetPage:
    """The page of one cabinet, built once and shown again in part."""

    def __init__(self, desk: Desk, facts: Row) -> None:
        self._desk, self._facts = desk, facts
        cabinet = facts["cabinet"]
        self._pieces: dict[str, ui.html] = {}
        self.frame = Frame(desk, cabinet["number"], here="")
        with self.frame.body:
            self._piece("about.html")
            with ui.element("div").classes("columns"):
                with ui.element("section").classes("panel doors"):
                    self._piece("doors.html")
                    self._opening = Opening(desk, cabinet["id"], self._box)
                    self._face = Face(desk, cabinet["compartments"], self._opening.ask)
                    piece("legend.html", desk)
                with ui.element("div").classes("side"):
                    for name in ("alarms.html", "openings.html", "last_events.html", "documents.html"):
                        self._piece(name)

    def _piece(self, template: str) -> None:
        self._pieces[template] = piece(template, self._desk, **self._facts)

    def _box(self, label: str) -> Row:
        boxes: list[Row] = self._facts["cabinet"]["compartments"]
        return next(box for box in boxes if box["label"] == label)

    async def renew(self) -> None:
        """As everything is now."""
        self._facts = await facts_of(self._desk, self._facts["cabinet"]["id"])
        boxes = self._facts["cabinet"]["compartments"]
        if not self._face.fits(boxes):
            self._pieces["about.html"].client.run_javascript("location.reload()")
            return
        self._face.show(boxes)
        for template, shown in self._pieces.items():
            shown.set_content(render(template, self._desk.words, **self._facts))
