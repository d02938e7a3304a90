"""Keeps the broker's logins in step with the enrolled cabinets."""

import structlog

from cloud.broker import CLOUD_LOGIN, ChildBroker, Login
from cloud.enrolment import Enrolment
from cloud.problems import Refused

log = structlog.get_logger("logins")


class BrokerLogins:
    """``public_url`` is where cabinets find the broker. Logins of an external one are its operator's task."""

    def __init__(
        self, enrolment: Enrolment, broker: ChildBroker | None, password: str, public_url: str
    ) -> None:
        self._enrolment = enrolment
        self._broker = broker
        self._own = Login(CLOUD_LOGIN, password, None)
        self.public_url = public_url

    async def all(self) -> list[Login]:
        return [self._own, *await self._enrolment.logins()]

    async def admit(self, login: Login) -> None:
        """Put the logins in force; returns when this new one works."""
        if self._broker is None:
            return
        try:
            self._broker.reload(await self.all())
        except OSError as error:
            why = f"the broker's files cannot be written: {error}"
            raise Refused(503, "broker_unreachable", why) from error
        if not await self._broker.admits(login):
            log.warning("the broker does not know a new login yet", login=login.name)
