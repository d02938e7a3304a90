"""A door opened from afar: asked twice, with a reason, through the same ledger as the API."""

from collections.abc import Callable
from typing import Any

from nicegui import ui

from cloud.api.asked import OpenAsked
from cloud.console.gate import Desk
from cloud.problems import Refused

Row = dict[str, Any]
SHORTEST, LONGEST = (
    next(getattr(limit, name) for limit in OpenAsked.model_fields["reason"].metadata if hasattr(limit, name))
    for name in ("min_length", "max_length")
)


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
            self._reason = ui.input(self._words("reason")).props(f"autofocus outlined maxlength={LONGEST}")
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
        reason = (self._reason.value or "").strip()
        if not SHORTEST <= len(reason) <= LONGEST:
            self._say(self._words("reason_short"))
            return
        self._go.disable()  # a second press while the first is on its way is not a second opening
        try:
            self._say(await self._refusal(reason))
        finally:
            self._go.enable()

    async def _refusal(self, reason: str) -> str:
        """Sends the command; why not, in words, or nothing."""
        if not await self._desk.may_stay():
            return self._words("refused.signed_out")
        if not self._dialog.value:
            return ""
        try:
            await self._desk.parts.commands.open_for_service(
                self._cabinet, self._label, self._desk.asked_by, reason
            )
        except Refused as error:
            return self._words.or_else(f"refused.{error.code}", error.sentence)
        self._dialog.close()
        ui.notify(self._words("open_sent", label=self._label), position="top")
        return ""
