"""The cabinet's memory: what is kept, how it is made durable, how damage and a full disk are met."""

from controller.store.changes import Change, DamagedRow, Document, Rows, StoreFailing
from controller.store.fall import Fallen
from controller.store.journal import Keep
from controller.store.memory import Store
from controller.store.rows import box_from_json, box_to_json, checksum

__all__ = [
    "Change",
    "DamagedRow",
    "Document",
    "Fallen",
    "Keep",
    "Rows",
    "Store",
    "StoreFailing",
    "box_from_json",
    "box_to_json",
    "checksum",
]
