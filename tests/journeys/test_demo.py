"""The whole demo as somebody starts it: an evening that adds up, and programs that never stay behind."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROOFS = {"code", "qr", "phone", "badge and label"}

pytestmark = pytest.mark.timeout(300)


def demo(*words: str) -> list[str]:
    return [sys.executable, "-m", "simulators", "demo", *words]


@pytest.mark.parametrize("broker", ["nats", "mosquitto"])
def test_an_evening_plays_by_itself_and_adds_up(broker: str, tmp_path: Path) -> None:
    told = tmp_path / "evening.json"
    began = time.monotonic()
    command = demo("--once", "--broker", broker, "--json", str(told))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 90
    assert "it all adds up" in done.stdout
    check_evening(json.loads(told.read_text()), broker)


def check_evening(evening: dict[str, Any], broker: str) -> None:
    assert (evening["ok"], evening["broker"]) == (True, broker)
    assert {check["ok"] for check in evening["checks"]} == {True}
    assert len(evening["checks"]) == 10
    deeds = evening["deeds"]
    assert {deed["proof"] for deed in deeds if deed["ms"] is not None} == PROOFS
    assert {deed["cabinet"] for deed in deeds} == {"A01", "B01"}
    for happened in ("types a wrong code", "jams", "is cut", "(network cut)", "kill -9", "used code again"):
        assert any(happened in deed["what"] for deed in deeds), happened
    assert evening["counts"]["parcels collected"] == 7
    assert evening["counts"]["parcels loaded"] == 11
    assert set(evening["latencies_ms"]) == {
        "scan to open door", "last digit to open door", "tap to open door", "event to cloud",
    }  # fmt: skip
    medians = {what: statistics.median(times) for what, times in evening["latencies_ms"].items()}
    assert medians["scan to open door"] < 3 * medians["last digit to open door"], "scans wait for something"


class Running:
    """A demo that stays up; ``told`` is its line of JSON."""

    def __init__(self, *words: str, environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            demo("--json", "-", *words),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.told: dict[str, Any] = json.loads(line)

    @property
    def family(self) -> list[int]:
        """Every process of this demo, the broker with them."""
        return [self.process.pid, *descendants(self.process.pid)]

    def process_of(self, name: str) -> int:
        return next(each["pid"] for each in self.told["processes"] if each["name"] == name)


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One demo for the tests that leave it running."""
    yield from stays_up(tmp_path_factory.mktemp("house"))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A demo of one's own, to be ended."""
    yield from stays_up(tmp_path)


def stays_up(folder: Path) -> Iterator[Running]:
    running = Running("--folder", str(folder / "kept"))
    family = running.family
    yield running
    if running.process.poll() is None:
        running.process.terminate()
    running.process.communicate(timeout=60)
    for pid in family:
        if is_there(pid):
            os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """All children and their children, by what the kernel says of each process's parent."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def becomes_true(condition: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.loads(answer.read())


def answers(url: str) -> bool:
    try:
        return bool(get(url))
    except OSError:
        return False


def post(url: str, body: dict[str, Any]) -> Any:
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.loads(answer.read())


def kiosk(running: Running, cabinet: str) -> str:
    return next(str(each["kiosk_url"]) for each in running.told["cabinets"] if each["cabinet"] == cabinet)


def test_a_typed_code_opens_a_door_and_a_hand_takes_the_parcel_and_shuts_it(open_house: Running) -> None:
    order = open_house.told["orders"][0]
    url = kiosk(open_house, order["cabinet"])
    answer = post(f"{url}code", {"code": order["code"]})
    assert answer["kind"] == "opening"
    assert becomes_true(lambda: get(f"{url}state")["doors"][answer["door"]] == "open")
    assert becomes_true(lambda: get(f"{url}state")["doors"][answer["door"]] == "closed")
    page = f"{order['link']}/state"
    assert becomes_true(lambda: get(page)["state"] == "collected")


def test_a_program_that_dies_is_back_under_the_same_address(open_house: Running) -> None:
    url = open_house.told["cabinets"][0]["kiosk_url"]
    edge = open_house.process_of(f"edge-{open_house.told['cabinets'][0]['cabinet']}")
    for pid, address in (
        (edge, f"{url}state"),
        (open_house.process_of("cloud"), f"{open_house.told['cloud_url']}/readyz"),
    ):
        os.kill(pid, signal.SIGKILL)
        assert becomes_true(lambda pid=pid: not is_there(pid))
        assert becomes_true(lambda address=address: answers(address))


def test_ctrl_c_ends_everything(running: Running) -> None:
    family = running.family
    assert len(family) >= 7  # ourselves, the cloud, its broker, two edges, the hardware of two cabinets
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(timeout=30) == 130
    assert [pid for pid in family if is_there(pid)] == []


def test_kill_9_of_the_supervisor_leaves_nothing_behind(running: Running) -> None:
    family = running.family
    running.process.kill()
    assert becomes_true(lambda: not any(is_there(pid) for pid in family))


def test_a_folder_of_its_own_is_removed_at_the_end(tmp_path: Path) -> None:
    running = Running(environment={"TMPDIR": str(tmp_path)})
    assert Path(running.told["folder"]).is_relative_to(tmp_path)
    running.process.terminate()
    running.process.communicate(timeout=30)
    assert running.process.returncode == 130
    assert list(tmp_path.iterdir()) == []
