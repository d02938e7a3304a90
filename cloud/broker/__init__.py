"""The message broker: a child of ours (NATS or mosquitto), or one that runs elsewhere.

The broker is a wire, not a store. Each cabinet has a login that reaches its own topics and nothing else;
the cloud has one that reaches all of them. Who may do what is said once, in ``rights.py``.
"""

from cloud.broker.child import BrokerProblem, ChildBroker
from cloud.broker.kinds import MOSQUITTO, NATS
from cloud.broker.rights import CLOUD_LOGIN, Login

__all__ = ["CLOUD_LOGIN", "MOSQUITTO", "NATS", "BrokerProblem", "ChildBroker", "Login"]
