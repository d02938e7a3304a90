"""The cabinet's line to the broker: one connection at a time, each a session of its own.

``connection`` says what a session needs of a connection, ``paho_connection`` is one over paho, ``session``
keeps the rules. Whatever the broker forgets or repeats is made good by the outbox and the acks.
"""

from controller.uplink.connection import Broker, Connect, Connection, Heard, SessionLost
from controller.uplink.paho_connection import INBOX, PahoConnection
from controller.uplink.session import Uplink

__all__ = ["INBOX", "Broker", "Connect", "Connection", "Heard", "PahoConnection", "SessionLost", "Uplink"]
