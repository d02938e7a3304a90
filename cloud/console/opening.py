"""A door opened from afar: asked twice, with a reason, through the same ledger as the API."""

from collections.abc import Callable
from typing import Any

from nicegui import ui
from pydantic import ValidationError

from cloud.api.asked import OpenAsked
from cloud.console.gate import Desk
from cloud.problems import Refused

Row = dict[str, Any]


class Opening:
    """The dialog for the doors of one cabinet."""

    def __init__(self, desk: Desk, cabinet: str, box_of: Callable[[str], Row]) -> None:
        self._desk, self._words = desk, desk.words
        self._cabinet, self._box_of = cabinet, box_of
        self._label = ""
        with ui.dialog().props("persistent") as self._dialog, ui.card().classes("ask"):
            self._title = ui.element("h2")
            with self._title:
                self._asks = ui.label()
            self._occupied = ui.label(self._words("open_occupied")).classes("occupied")
            ui.label(self._words("open_warning"))
            self._reason = ui.input(self._words("reason")).props("autofocus outlined")
            self._reason.on("keydown.enter", self._open)
            self._refused = ui.label().classes("refused").props('role="alert"')
            with ui.element("div").classes("answers"):
                ui.button(self._words("cancel"), on_click=self._dialog.close).props("flat no-caps")
                self._go = ui.button(self._words("open_now"), on_click=self._open).props("unelevated no-caps")

    def ask(self, label: str) -> None:
        """Ask whether this door is to be opened, and why."""
        self._label = label
        self._asks.set_text(self._words("open_title", label=label))
        self._occupied.set_visibility(self._box_of(label)["occupancy"] is not None)
        self._reason.set_value("")
        self._say("")
        self._dialog.open()

    def _say(self, refused: str) -> None:
        self._refused.set_text(refused)
        self._refused.set_visibility(bool(refused))

    async def _open(self) -> None:
        if not (self._go.enabled and self._dialog.value):
            return  # a second press while the first is on its way is not a second opening
        self._go.disable()
        try:
            asked = OpenAsked(reason=(self._reason.value or "").strip())
            self._say(await self._refusal(asked.reason))
        except ValidationError:
            self._say(self._words("reason_short"))
        finally:
            self._go.enable()

    async def _refusal(self, reason: str) -> str:
        """Sends the command; why not, in words, or nothing."""
        if not await self._desk.may_stay():
            return self._words("refused.signed_out")
        try:
            await self._desk.parts.commands.open_for_service(
                self._cabinet, self._label, self._desk.asked_by, reason
            )
        except Refused as error:
            return self._words.or_else(f"refused.{error.code}", error.sentence)
        self._dialog.close()
        ui.notify(self._words("open_sent", label=self._label), position="top")
        return ""
