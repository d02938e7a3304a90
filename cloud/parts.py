"""The parts of a running service, as faces (API, pages, console) are given them."""

from dataclasses import dataclass

from cloud.auth import ApiKeys
from cloud.badges import Badges
from cloud.broker import ChildBroker
from cloud.commands import Commands
from cloud.downlink import Downlink
from cloud.enrolment import Enrolment
from cloud.fleet import Fleet
from cloud.live import Live
from cloud.logins import BrokerLogins
from cloud.metrics import Metrics
from cloud.orders import Orders
from cloud.presence import OnlineCabinets
from cloud.resident import Resident
from cloud.sessions import Sessions
from cloud.store import Store
from config.settings import CloudSettings


@dataclass(frozen=True, slots=True)
class Parts:
    """What faces may use. Only ``app.py`` makes one."""

    settings: CloudSettings
    public_url: str
    store: Store
    live: Live
    online: OnlineCabinets
    metrics: Metrics
    api_keys: ApiKeys
    sessions: Sessions
    enrolment: Enrolment
    logins: BrokerLogins
    downlink: Downlink
    broker: ChildBroker | None
    fleet: Fleet
    commands: Commands
    orders: Orders
    badges: Badges
    resident: Resident
