"""A child of a supervisor ends when its supervisor does, also after a kill -9."""

import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
CHECK_S = 0.5


def end_with_parent() -> None:
    """From now on SIGTERM reaches this process when its parent has gone.

    Linux sends it by itself when the thread that started us ends (so children are started from the main
    thread); a check twice a second serves elsewhere, and where the parent was gone before we asked.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    threading.Thread(target=_watch, args=(parent,), name="parent watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(CHECK_S)
    os.kill(os.getpid(), signal.SIGTERM)
