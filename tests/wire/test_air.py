"""The air of a cold zone in the simulator: what warms it, what cools it, how fast."""

import pytest

from simulators.air import Air, Body

MINUTE = 60


def pass_time(air: Air, seconds: int) -> list[float]:
    seen = []
    for _ in range(seconds):
        air.step()
        seen.append(air.celsius)
    return seen


@pytest.fixture
def doors():
    return {"open": 0}


@pytest.fixture
def air(doors):
    return Air(3.5, lambda: doors["open"])


def test_a_thermostat_keeps_the_air_around_its_set_point(air):
    seen = pass_time(air, 6 * 3600)
    assert 2.0 < min(seen) < max(seen) < 5.0


def test_an_open_door_warms_the_air_and_a_closed_one_lets_it_come_back(air, doors):
    pass_time(air, 600)
    doors["open"] = 2
    seen = pass_time(air, 5 * MINUTE)
    assert max(seen) > 6.0
    doors["open"] = 0
    assert pass_time(air, 20 * MINUTE)[-1] < 5.0


def test_a_dead_compressor_lets_it_warm_by_about_a_degree_in_an_hour(doors):
    air = Air(3.5, lambda: doors["open"], is_dead=lambda: True)
    assert 4.2 < pass_time(air, 3600)[-1] < 6.0


def test_a_compressor_rests_three_minutes_before_it_starts_again(air):
    running = []
    for _ in range(4 * 3600):
        air.step()
        running.append(air.running)
    stops = [at for at in range(1, len(running)) if running[at - 1] and not running[at]]
    starts = [at for at in range(1, len(running)) if running[at] and not running[at - 1]]
    assert stops
    for stop in stops:
        after = [start for start in starts if start > stop]
        assert not after or after[0] - stop >= 180


def test_after_the_mains_return_it_rests_first(air):
    pass_time(air, 3600)
    air.powered = False
    dark = pass_time(air, 3 * 3600)
    assert dark[-1] > 5.0
    air.powered = True
    air.step()
    assert air.running, "it has rested for hours"


def test_a_defrost_warms_the_air_and_ends(doors):
    air = Air(3.5, lambda: doors["open"], body=Body(defrost_every_s=3600, defrost_s=900))
    pass_time(air, 3590)
    during = pass_time(air, 920)
    assert max(during) > 5.0
    assert pass_time(air, 20 * MINUTE)[-1] < 5.0


def test_warm_goods_bring_their_heat(air):
    before = air.inside
    air.put(25.0)
    assert air.inside > before
