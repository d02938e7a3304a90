"""Stands for systemd: a notify socket, and a program that is killed and started again when it is still."""

import os
import select
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path


class Listening:
    """A notify socket; keeps what was said and when."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._heard: list[tuple[float, str]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ended.is_set():
            if select.select([self._socket], [], [], 0.05)[0]:
                self._heard.append((time.monotonic(), self._socket.recv(1000).decode()))

    def times(self, state: str, since: float = 0.0) -> list[float]:
        """When this was said."""
        return [at for at, said in self._heard if said == state and at > since]

    def still_s(self) -> float:
        """Seconds since the last sign of life."""
        return time.monotonic() - max(self.times("WATCHDOG=1") + self.times("READY=1"))

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()


class Restarter:
    """Starts a program, kills it when it gave no sign of life for ``waits`` seconds, starts it again."""

    def __init__(self, command: list[str], folder: Path, waits: float, cwd: Path) -> None:
        self.listening = Listening(folder)
        self.starts: list[float] = []
        self._command, self._cwd, self._waits = command, cwd, waits
        told = {"NOTIFY_SOCKET": self.listening.address, "WATCHDOG_USEC": str(int(waits * 1_000_000))}
        self._environment = {**os.environ, **told}
        self._log = (folder / "restarter.log").open("ab")
        self._ended = threading.Event()
        self.process: subprocess.Popen[bytes]
        self._start()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _start(self) -> None:
        self.starts.append(time.monotonic())
        self.process = subprocess.Popen(
            self._command, cwd=self._cwd, env=self._environment, stdout=self._log, stderr=self._log
        )

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            if self.listening.times("READY=1", self.starts[-1]) and self.listening.still_s() > self._waits:
                self.process.kill()
            if self.process.poll() is not None:
                self._start()

    def serving_after(self, since: float) -> float | None:
        """Seconds from the first start after this moment until it was ready; None while it is not."""
        begun = [at for at in self.starts if at > since]
        ready = self.listening.times("READY=1", begun[0]) if begun else []
        return ready[0] - begun[0] if ready else None

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(10)
        self.listening.close()
        self._log.close()
