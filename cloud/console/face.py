"""The face of a cabinet: its doors where they are, as they stand."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from nicegui import ui

from cloud.console.gate import Desk
from cloud.console.look import render

Row = dict[str, Any]
SIZES = ("S", "M", "L", "XL")


class Face:
    """Draws the doors once and then only what has changed; ``press`` gets the label of a pressed door."""

    def __init__(self, desk: Desk, boxes: list[Row], press: Callable[[str], None]) -> None:
        self._words = desk.words
        self._shown: dict[str, Row] = {}
        self._doors: dict[str, ui.html] = {}
        with ui.element("div").classes("face"):
            for label, style in places(boxes).items():
                door = ui.html(tag="button", sanitize=False).style(style).props('type="button"')
                self._doors[label] = door.on("click", lambda label=label: press(label))
        self.show(boxes)

    def fits(self, boxes: list[Row]) -> bool:
        """Whether these are the doors that were drawn; a changed cabinet map needs a new page."""
        return [box["label"] for box in boxes] == list(self._doors)

    def show(self, boxes: list[Row]) -> None:
        """How the doors stand now."""
        for box in boxes:
            label = box["label"]
            if self._shown.get(label) != box:
                self._shown[label] = box
                self._doors[label].set_content(render("door.html", self._words, box=box))
                self._doors[label].classes(replace=f"door door-{box['door']} state-{box['state']}")


def places(boxes: list[Row]) -> dict[str, str]:
    """The place of each door in the grid, as CSS: rows from the floor up, columns in the order of the map."""
    rows = sorted({box["row"] for box in boxes}, reverse=True)
    in_row: Counter[int] = Counter()
    found = {}
    for box in boxes:
        in_row[box["row"]] += 1
        height = 1 + SIZES.index(box["size"])
        at = f"grid-row:{rows.index(box['row']) + 1};grid-column:{in_row[box['row']]}"
        found[box["label"]] = f"{at};--height:{height}"
    return found
