"""Who may say and hear what."""

from dataclasses import dataclass

from config.contract.topics import FROM_CABINET, TO_CABINET, topic

CLOUD_LOGIN = "tuangui.cloud"
"""Has a dot, so that no cabinet can be called the same."""


@dataclass(frozen=True, slots=True)
class Login:
    """One user of the broker. ``cabinet`` is None for the cloud itself."""

    name: str
    password: str
    cabinet: str | None

    @property
    def may_publish(self) -> list[str]:
        if self.cabinet is None:
            return ["tg/#"]
        return sorted(topic(self.cabinet, leaf) for leaf in FROM_CABINET)

    @property
    def may_subscribe(self) -> list[str]:
        if self.cabinet is None:
            return ["tg/#"]
        return sorted(topic(self.cabinet, leaf) for leaf in TO_CABINET)
