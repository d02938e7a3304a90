"""What all pages of the console share: head, navigation, language, and how old it is what they show."""

import copy
from typing import Any

from nicegui import ui

from cloud.console.gate import Desk, desk_of
from cloud.console.look import render, script, style
from cloud.console.words import TAGS
from cloud.moment import now_ms

BRAND = "#0b5a3e"
"""``--brand`` of the shared colours; NiceGUI's own parts want it in figures."""


class Frame:
    """The frame of the page being built; what is built inside ``with frame.body:`` is its content."""

    def __init__(self, desk: Desk, title: str, *, here: str) -> None:
        self._desk, self._words = desk, desk.words
        client = ui.context.client
        client.page = copy.copy(client.page)  # NiceGUI has one language per page, we have one per operator
        client.page.language = TAGS[desk.language]
        ui.page_title(f"{title} · {self._words('title')}")
        ui.add_head_html(f"<style>{style()}</style><script>{script(self._words)}</script>")
        ui.colors(primary=BRAND)
        client.content.classes("console")
        self._head(here)
        self._trouble = ui.html(tag="p", sanitize=False).classes("trouble").props('role="alert"')
        self._trouble.set_visibility(False)
        self.body = ui.element("div").classes("page")

    def _head(self, here: str) -> None:
        with ui.element("header").classes("bar"):
            piece("bar.html", self._desk, here=here, name=self._desk.name)
            self._as_of = ui.element("span").classes("as-of").props(f'data-as-of="{now_ms()}"')

    def is_fresh(self) -> None:
        """What the page shows is as the service knows it now."""
        self._as_of.props["data-as-of"] = now_ms()
        self._trouble.set_visibility(False)

    def cannot_read(self) -> None:
        """What the page shows gets older: the database cannot be read."""
        self._trouble.set_content(self._words("cannot_read"))
        self._trouble.set_visibility(True)

    def to_sign_in(self) -> None:
        self._as_of.client.open("/sign-in")


def failed_page(_error: Exception) -> None:
    """In place of a page that could not be built; NiceGUI logs why."""
    desk = desk_of(ui.context.client.request)
    with Frame(desk, desk.words("failed"), here="").body:
        piece("failed.html", desk)


def piece(template: str, desk: Desk, **facts: Any) -> ui.html:
    """A piece of HTML in the page that can be shown again with other facts."""
    return ui.html(render(template, desk.words, **facts), sanitize=False)
