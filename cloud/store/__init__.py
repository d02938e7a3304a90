"""What the cloud remembers. The only rooms that know SQLAlchemy are the files in this folder.

* ``engine.py`` opens the database: one writing connection, some that can only read
* ``schema.py`` the tables, ``migrations/`` how they came to be
* one file of queries per subject: ``cabinets events orders commands documents access``
"""

from cloud.store.engine import Clash, Reading, Store, Writing, open_store

__all__ = ["Clash", "Reading", "Store", "Writing", "open_store"]
