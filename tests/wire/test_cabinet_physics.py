import pytest

from simulators.cabinet import LATCH_SECONDS, SPRING_SECONDS, Cabinet, Door, Goods, HandsRefused
from simulators.faults import Cause, Fault


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cabinet(clock) -> Cabinet:
    made = Cabinet(clock)
    made.build("A")
    made.build("B")
    return made


def opened(cabinet: Cabinet, clock: Clock, label: str = "A") -> None:
    cabinet.pulse(label, 0.3)
    clock.now += 0.5
    assert cabinet.pull(label)


def test_a_pulse_releases_the_latch_and_the_spring_moves_the_door(cabinet, clock):
    cabinet.pulse("A", 0.3)
    assert not cabinet.switch_open("A")
    clock.now += 0.1
    assert cabinet.switch_open("A")
    assert cabinet.compartment("A").door is Door.AJAR
    clock.now += 1
    assert cabinet.compartment("A").energised[0].seconds(clock.now) == pytest.approx(0.3)
    assert not cabinet.switch_open("B")


def test_a_pulse_too_short_for_the_latch_leaves_the_door_locked(cabinet, clock):
    cabinet.pulse("A", 0.02)
    clock.now += 1
    assert cabinet.compartment("A").door is Door.CLOSED
    assert not cabinet.pull("A")


def test_a_second_pulse_starts_the_time_anew_and_is_one_time_under_current(cabinet, clock):
    cabinet.pulse("A", 0.3)
    clock.now += 0.2
    cabinet.pulse("A", 0.3)
    clock.now += 5
    assert [e.seconds(clock.now) for e in cabinet.compartment("A").energised] == pytest.approx([0.5])


def test_a_held_coil_stays_on_until_it_is_dropped(cabinet, clock):
    cabinet.hold("A")
    clock.now += 7
    assert cabinet.longest_energised() == pytest.approx(7)
    cabinet.drop("A")
    clock.now += 7
    assert cabinet.longest_energised() == pytest.approx(7)


def test_a_closed_door_latches_unless_its_coil_is_still_on(cabinet, clock):
    cabinet.pulse("A", 0.3)
    clock.now += 0.1
    assert not cabinet.close("A")
    clock.now += 0.1
    assert cabinet.switch_open("A")
    clock.now += 0.2
    assert cabinet.close("A")
    assert not cabinet.pull("A")


def test_hands_reach_only_into_open_compartments(cabinet, clock):
    with pytest.raises(HandsRefused, match="door of compartment A is closed"):
        cabinet.put("A", Goods("parcel"))
    opened(cabinet, clock)
    cabinet.put("A", Goods("parcel", 300))
    with pytest.raises(HandsRefused, match="no hat in compartment A"):
        cabinet.take("A", "hat")
    assert cabinet.take("A") == Goods("parcel", 300)
    with pytest.raises(HandsRefused, match="there is no compartment Z"):
        cabinet.pull("Z")


def test_a_door_leant_to_is_still_open(cabinet, clock):
    opened(cabinet, clock)
    cabinet.push("A")
    assert cabinet.switch_open("A")


@pytest.mark.parametrize(
    ("cause", "reads"),
    [
        (Cause.SWITCH_BROKEN_OPEN, {True}),
        (Cause.SWITCH_BROKEN_CLOSED, {False}),
        (Cause.SWITCH_FLAPPING, {True, False}),
    ],
)
def test_a_broken_switch_lies_and_the_door_does_not(cabinet, clock, cause, reads):
    cabinet.faults.begin(Fault(cause, "A"))
    seen = set()
    for _ in range(10):
        clock.now += 0.017
        seen.add(cabinet.switch_open("A"))
    assert seen == reads
    assert cabinet.compartment("A").door is Door.CLOSED


def test_a_jammed_latch_keeps_the_door_shut_until_it_is_freed(cabinet, clock):
    cabinet.faults.begin(Fault(Cause.LATCH_JAMMED, "A"))
    cabinet.pulse("A", 0.3)
    clock.now += 1
    assert not cabinet.pull("A")
    cabinet.faults.end(Cause.LATCH_JAMMED, "A")
    opened(cabinet, clock)


def test_the_truth_is_plain_data(cabinet, clock):
    opened(cabinet, clock)
    cabinet.put("A", Goods("parcel", 300))
    told = cabinet.truth()["compartments"]["A"]
    assert told.pop("sprang_open") == [pytest.approx(100.0 + LATCH_SECONDS + SPRING_SECONDS)]
    assert told == {
        "door": "open",
        "latched": False,
        "coil_on": False,
        "goods": [{"name": "parcel", "grams": 300}],
        "supply": "main",
        "energised": [[100.0, 100.3]],
    }
