"""Keeps the broker's logins in step with the enrolled cabinets."""

from cloud.broker import CLOUD_LOGIN, ChildBroker, Login
from cloud.enrolment import Enrolment
from cloud.problems import Refused


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

    async def renew(self) -> None:
        """Put the logins in force, after a cabinet was enrolled."""
        if self._broker is None:
            return
        try:
            self._broker.reload(await self.all())
        except OSError as error:
            raise Refused(
                503, "broker_unreachable", f"the broker's files cannot be written: {error}"
            ) from error
