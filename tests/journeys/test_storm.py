"""kill -9 of edges, cloud and broker while residents collect: nothing is lost, doubled or opened twice."""

import secrets
from pathlib import Path

import pytest

from config.neighbourhood import load_neighbourhood
from simulators.demo.place import BrokerKind, Place
from simulators.demo.storm import Storm, Victim, rage
from tests.proofs import Reached

NEIGHBOURHOOD = Path(__file__).resolve().parents[2] / "config" / "cabinets" / "neighbourhood.toml"
QUICK = {"reconnect_s": "0.5", "safe_after_ends": "0"}


async def storm(folder: Path, kills: dict[Victim, int], seed: int, broker: BrokerKind = "nats") -> Storm:
    place = Place(folder, load_neighbourhood(NEIGHBOURHOOD), print, broker=broker, edge_settings=QUICK)
    try:
        await place.start()
        return await rage(place, kills, seed, print)
    finally:
        await place.stop()


def check(outcome: Storm, kills: dict[Victim, int]) -> None:
    assert outcome.kills == kills
    assert outcome.pickups == sum(kills.values())
    assert outcome.ok, str(outcome)


@pytest.mark.timeout(300)
async def test_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path) -> None:
    kills: dict[Victim, int] = {"edge": 5, "stopped edge": 3, "cloud": 2, "broker": 2}
    check(await storm(tmp_path, kills, secrets.randbelow(10**6)), kills)


@pytest.mark.hard
@pytest.mark.row("R1")
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("broker", ["nats", "mosquitto"])
async def test_r1_hundreds_of_kills_lose_and_double_nothing(
    tmp_path: Path, broker: BrokerKind, reached: Reached
) -> None:
    kills: dict[Victim, int] = {"edge": 120, "stopped edge": 60, "cloud": 30, "broker": 15}
    outcome = await storm(tmp_path, kills, secrets.randbelow(10**6), broker)
    wrong = sum(len(each.against) for each in outcome.checks)
    figure = f"{wrong} in {outcome.pickups} kills, {outcome.facts['OpeningAmbiguous']} in mid-opening"
    reached("R1", goal="0 lost, doubled, opened twice", figure=figure, seed=outcome.seed)
    check(outcome, kills)
