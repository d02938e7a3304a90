"""The operators' console: every cabinet, one cabinet's doors live, what happened, doors opened from afar.

* ``mount.py`` puts it under ``/console`` of the service; ``gate.py`` lets operators in, and nobody else
* ``cabinets.py cabinet.py events.py`` one file per page; ``face.py opening.py`` the parts of a cabinet's page
* ``frame.py`` what all pages share, ``follow.py`` how they stay live
* ``words.py`` every word in two languages, ``phrases.py`` events in plain sentences
"""

from cloud.console.mount import console_running, mount_console

__all__ = ["console_running", "mount_console"]
