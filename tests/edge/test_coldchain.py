"""The rules for warm air: when goods are held, what excuses warmth, and that nothing but a person ends it."""

from dataclasses import replace
from functools import reduce

import pytest

from controller.climate import coldchain
from controller.climate.coldchain import Air, Exposure, Limits

LIMITS = Limits(celsius=5.0)
MINUTE = 60.0
BEGIN = 100_000.0


def cold(at: float = BEGIN, limits: Limits = LIMITS) -> Air:
    """A zone that has been read cold just now."""
    return coldchain.reading(coldchain.first(at - 1), 4.0, at, limits, goods=False)


def read(air: Air, since: float, until: float, celsius: float, limits: Limits = LIMITS) -> Air:
    """Readings every ten seconds, the last one at ``until``."""
    moments = [since + 10 * n for n in range(1, int((until - since) / 10) + 1)]
    return reduce(lambda a, at: coldchain.reading(a, celsius, at, limits, goods=True), moments, air)


def test_fifteen_warm_minutes_without_an_opening_hold_the_goods_and_not_a_second_less():
    air = read(cold(), BEGIN, BEGIN + 14.9 * MINUTE, 5.1)
    assert coldchain.tick(air, BEGIN + 15 * MINUTE - 0.1, LIMITS, goods=True).held == ""
    assert coldchain.tick(air, BEGIN + 15 * MINUTE, LIMITS, goods=True).held == "too_warm"


def test_the_limit_itself_is_cold_enough():
    assert read(cold(), BEGIN, BEGIN + 3600, 5.0).held == ""


def test_one_cold_reading_in_time_begins_the_fifteen_minutes_anew():
    air = read(cold(), BEGIN, BEGIN + 14 * MINUTE, 8.0)
    air = coldchain.reading(air, 5.0, BEGIN + 14.5 * MINUTE, LIMITS, goods=True)
    assert read(air, BEGIN + 14.5 * MINUTE, BEGIN + 29 * MINUTE, 8.0).held == ""


def test_a_cold_reading_that_comes_too_late_saves_nothing():
    air = read(cold(), BEGIN, BEGIN + 14 * MINUTE, 8.0)
    assert coldchain.reading(air, 3.0, BEGIN + 15.1 * MINUTE, LIMITS, goods=True).held == "no_reading"


def test_after_an_opening_there_are_thirty_minutes_from_the_last_door():
    air = coldchain.door_moved(cold(), BEGIN + 5, LIMITS)
    air = coldchain.door_moved(air, BEGIN + 60, LIMITS)
    air = read(air, BEGIN, BEGIN + 30 * MINUTE + 50, 9.0)
    assert air.held == ""
    assert coldchain.tick(air, BEGIN + 31 * MINUTE + 0.1, LIMITS, goods=True).held == "not_back"


def test_an_opening_explains_nothing_that_began_without_it():
    air = read(cold(), BEGIN, BEGIN + 5 * MINUTE, 7.0)
    air = coldchain.door_moved(air, BEGIN + 5 * MINUTE, LIMITS)
    assert coldchain.deadline(air, LIMITS) == BEGIN + 15 * MINUTE


def test_openings_one_after_the_other_excuse_two_hours_and_no_more():
    air = cold()
    for minute in range(0, 125, 5):
        air = coldchain.door_moved(air, BEGIN + minute * MINUTE + 1, LIMITS)
        air = read(air, BEGIN + minute * MINUTE, BEGIN + (minute + 5) * MINUTE - 10, 9.0)
        assert bool(air.held) == (minute >= 120)


def test_a_door_that_stays_open_gets_thirty_minutes_from_its_opening():
    air = read(coldchain.door_moved(cold(), BEGIN + 1, LIMITS), BEGIN, BEGIN + 30 * MINUTE, 12.0)
    assert air.held == ""
    assert coldchain.tick(air, BEGIN + 30 * MINUTE + 2, LIMITS, goods=True).held == "not_back"


def test_a_silent_probe_counts_as_warm_from_its_last_cold_reading():
    assert coldchain.tick(cold(), BEGIN + 15 * MINUTE - 1, LIMITS, goods=True).held == ""
    assert coldchain.tick(cold(), BEGIN + 15 * MINUTE, LIMITS, goods=True).held == "no_reading"


def test_a_defrost_may_last_and_half_an_hour_more_once_in_its_time():
    limits = replace(LIMITS, defrost_s=20 * MINUTE, defrost_every_s=6 * 3600)
    air = replace(cold(), defrosted_at=BEGIN - 7 * 3600)
    air = read(air, BEGIN, BEGIN + 49 * MINUTE, 9.0, limits)
    assert air.held == ""
    assert coldchain.tick(air, BEGIN + 50 * MINUTE, limits, goods=True).held == "too_warm"
    back = coldchain.reading(air, 4.0, BEGIN + 49.5 * MINUTE, limits, goods=True)
    again = read(back, BEGIN + 49.5 * MINUTE, BEGIN + 65 * MINUTE, 9.0, limits)
    assert again.held == "too_warm", "a second one so soon is no defrost"


def test_an_empty_zone_is_not_held_but_takes_nothing_until_it_is_cold():
    air = coldchain.tick(cold(), BEGIN + 3600, LIMITS, goods=False)
    assert air.held == ""
    assert coldchain.bars(air, BEGIN + 3600, LIMITS)
    air = coldchain.reading(air, 4.0, BEGIN + 3601, LIMITS, goods=False)
    assert not coldchain.bars(air, BEGIN + 3602, LIMITS)


def test_a_new_zone_counts_as_warm_until_it_is_read():
    assert coldchain.bars(coldchain.first(BEGIN), BEGIN, LIMITS)
    assert coldchain.tick(coldchain.first(BEGIN), BEGIN, LIMITS, goods=True).held == "power_gap"


# --- without power

DARK_FROM_MS = 1_790_000_000_000


def test_a_gap_of_which_nobody_knows_the_length_holds_at_once():
    air = coldchain.rebooted(cold(), None)
    assert coldchain.bars(air, 20.0, LIMITS)
    assert coldchain.tick(air, 20.0, LIMITS, goods=True).held == "power_gap"


def test_until_the_time_is_known_nothing_is_handed_out_and_nothing_is_held_for_good():
    air = coldchain.rebooted(cold(), DARK_FROM_MS)
    air = coldchain.reading(air, 3.0, 20.0, LIMITS, goods=True)
    assert air.held == ""
    assert coldchain.bars(air, 21.0, LIMITS)


def test_a_gap_known_to_be_short_is_forgiven_once_it_is_cold():
    air = coldchain.rebooted(cold(), DARK_FROM_MS)
    air = coldchain.time_known(air, 30.0, DARK_FROM_MS + 14 * MINUTE * 1000)
    assert coldchain.tick(air, 31.0, LIMITS, goods=True).held == ""
    air = coldchain.reading(air, 3.0, 32.0, LIMITS, goods=True)
    assert not coldchain.bars(air, 33.0, LIMITS)
    assert coldchain.exposed_until(air, 33.0, LIMITS).warm_s >= 14 * MINUTE


def test_a_gap_known_to_be_long_is_held_however_cold_it_is_now():
    air = coldchain.rebooted(cold(), DARK_FROM_MS)
    air = coldchain.reading(air, 3.0, 20.0, LIMITS, goods=True)
    air = coldchain.time_known(air, 30.0, DARK_FROM_MS + 15 * MINUTE * 1000)
    assert coldchain.reading(air, 3.0, 31.0, LIMITS, goods=True).held == "power_gap"


def test_a_gap_whose_length_stays_unknown_is_held_after_fifteen_minutes():
    air = read(coldchain.rebooted(cold(), DARK_FROM_MS), 0.0, 14 * MINUTE, 3.0)
    assert air.held == ""
    assert coldchain.tick(air, 15 * MINUTE, LIMITS, goods=True).held == "power_gap"


def test_a_second_cut_before_the_time_is_known_does_not_shorten_the_first():
    twice = coldchain.rebooted(coldchain.rebooted(cold(), DARK_FROM_MS), DARK_FROM_MS + 3_600_000)
    assert twice.dark_from_ms == DARK_FROM_MS
    assert coldchain.rebooted(coldchain.rebooted(cold(), None), DARK_FROM_MS).dark_from_ms is None


def test_a_gap_is_never_shorter_than_the_time_since_the_boot():
    """A clock of the cloud that went back would otherwise make the past cold."""
    air = coldchain.rebooted(cold(), DARK_FROM_MS)
    assert coldchain.time_known(air, 60.0, DARK_FROM_MS - 10).cold_at == 0.0


# --- the hold


def held() -> Air:
    return coldchain.tick(cold(), BEGIN + 3600, LIMITS, goods=True)


@pytest.mark.parametrize(
    "happens",
    [
        lambda air: read(air, BEGIN + 3600, BEGIN + 7200, 1.0),
        lambda air: coldchain.rebooted(air, DARK_FROM_MS),
        lambda air: coldchain.tick(air, BEGIN + 1e9, LIMITS, goods=False),
        lambda air: coldchain.door_moved(air, BEGIN + 3601, LIMITS),
        lambda air: coldchain.time_known(coldchain.rebooted(air, DARK_FROM_MS), 1.0, DARK_FROM_MS + 1),
    ],
)
def test_neither_cold_nor_time_nor_a_restart_nor_the_cloud_ends_a_hold(happens):
    assert happens(held()).held == "no_reading"


def test_a_person_ends_it_once_it_is_cold():
    assert coldchain.released(held(), BEGIN + 3600, LIMITS) is None
    air = read(held(), BEGIN + 3600, BEGIN + 3660, 4.0)
    after = coldchain.released(air, BEGIN + 3661, LIMITS)
    assert after is not None
    assert not coldchain.bars(after, BEGIN + 3662, LIMITS)


# --- exposure


def test_exposure_counts_minutes_and_degree_minutes_from_the_moment_the_goods_came():
    air = read(cold(), BEGIN, BEGIN + 5 * MINUTE, 7.0)
    air = coldchain.arrived(air, "mine", BEGIN + 5 * MINUTE, LIMITS)
    air = read(air, BEGIN + 5 * MINUTE, BEGIN + 10 * MINUTE, 8.0)
    told = coldchain.exposure(air, "mine", BEGIN + 10 * MINUTE, LIMITS)
    assert told.warm_s == pytest.approx(5 * MINUTE)
    assert told.degree_s / 60 == pytest.approx(5 * 3.0, rel=0.02)
    assert told.blind_s == 0


def test_exposure_of_goods_that_nobody_measured_is_blind_and_warm():
    air = coldchain.arrived(cold(), "mine", BEGIN, LIMITS)
    told = coldchain.exposure(air, "mine", BEGIN + 10 * MINUTE, LIMITS)
    assert told == Exposure(warm_s=10 * MINUTE, blind_s=10 * MINUTE)


def test_a_gap_of_unknown_length_is_counted_as_a_gap():
    air = coldchain.rebooted(coldchain.arrived(cold(), "mine", BEGIN, LIMITS), None)
    assert coldchain.exposure(air, "mine", 10.0, LIMITS).gaps == 1
    assert coldchain.left(air, "mine").came == {}
