"""Wrong tries and unattended openings, each exactly at its limit."""

from dataclasses import replace

from config.contract.messages import CabinetSettings
from controller.access import Tries, after_right, after_wrong, wait_ms
from controller.commands import Budget


def test_six_wrong_tries_lock_and_each_further_one_doubles_the_wait():
    tries, waits = Tries(), []
    for at in range(12):
        tries = after_wrong(tries, at)
        waits.append(wait_ms(tries, at))
    assert waits == [0] * 5 + [30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000]
    assert wait_ms(tries, 11 + 900_000) == 0
    assert wait_ms(replace(tries, locked_until=10**9), 0) == 900_000
    assert after_right(tries).waits == 0
    assert after_right(tries).wrong == tries.wrong


def test_wrong_tries_count_for_ten_minutes():
    tries = Tries(wrong=(0, 0, 0, 0, 0))
    assert wait_ms(after_wrong(tries, 599_999), 599_999) == 30_000
    assert wait_ms(after_wrong(tries, 600_000), 600_000) == 0


def test_unattended_openings_are_counted_by_minute_and_hour():
    settings = CabinetSettings()
    minute = Budget(tuple([1000] * settings.remote_opens_per_minute))
    assert not minute.allows(60_999, settings)
    assert minute.allows(61_000, settings)
    hour = Budget(tuple([1000] * settings.remote_opens_per_hour))
    assert not hour.allows(3_600_999, settings)
    assert hour.allows(3_601_000, settings)
    assert minute.spent(3_600_999).opened_ms == (*minute.opened_ms, 3_600_999)
    assert minute.spent(3_601_000).opened_ms == (3_601_000,)
