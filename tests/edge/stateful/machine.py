"""Everything that people, network, hardware and power may do to a real edge, as rules; after each of them
everything that must hold is looked at. A failure is shrunk and printed as the calls that lead there.
"""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from simulators.faults import Cause
from tests.edge.stateful.ledger import SWITCHES, told
from tests.edge.stateful.office import STAFF, Office
from tests.edge.stateful.people import People
from tests.edge.stateful.staff import Staff
from tests.edge.stateful.stand import COLD_C, PACE, WARM_C, Stand

LABELS = ("01", "02", "03")
AT_DOORS = (Cause.LATCH_JAMMED, *SWITCHES)
AT_BOARDS = (Cause.BOARD_SILENT, Cause.ANSWER_LOST, Cause.LATE_REPLY, Cause.WRONG_CHECK)
FAR_AWAY: dict[str, Callable[[Stand], None]] = {
    "the connection is cut": lambda stand: stand.network.break_connection(stand.place.id, "reset"),
    "the broker forgets everything": lambda stand: stand.network.restart_broker(),
    "there is no network": lambda stand: stand.weather_is(is_out=True),
    "the network stalls": lambda stand: stand.weather_is(is_stalled=True),
    "the network is well": lambda stand: stand.weather_is(),
    "the cloud stops": lambda stand: stand.cloud_is_stopped(True),
    "the cloud is back": lambda stand: stand.cloud_is_stopped(False),
    "the cloud comes back from a copy": lambda stand: stand.restore_cloud(0.5),
    "the cloud comes back with nothing": lambda stand: stand.restore_cloud(0.0),
}

orders = st.integers(0, 3)
parcels = st.integers(0, 4)
labels = st.sampled_from(LABELS)
TOKENS = ("good", "good", "forged", "elsewhere", "expired")
tokens = st.sampled_from(TOKENS)
staff = st.sampled_from(list(STAFF))
then = st.sampled_from([0.0, 1.0, 4.0, 0.004, 0.05, 0.4])
"""Seconds until the next thing happens."""
SEEN_S = 2 * PACE["poll_s"]
"""Until a door that moved was read."""
deadlines = st.sampled_from([10.0, 0.3, 0.6, 1.5, -5.0])
moments = st.sampled_from([0.0, 0.001, 0.003, 0.02, 0.2, 1.0])
lit = precondition(lambda self: self.stand.place.edge is not None)
cold = precondition(lambda self: self.stand.is_cold)
dead = precondition(lambda self: self.stand.place.edge is None)


class Broken(AssertionError):
    """A promise does not hold; with the violation comes what was said before."""


class RealEdge(RuleBasedStateMachine):
    """One example is one evening at one cabinet of three compartments, three orders and a return.

    Every fourth cabinet keeps one of its compartments cold.
    """

    steps = 0
    evenings = 0

    def __init__(self) -> None:
        super().__init__()
        self.stand: Stand | None = None

    @initialize(seed=st.integers(0, 1000), loaded=st.lists(parcels, min_size=1, unique=True))
    def an_evening_begins(self, seed: int, loaded: list[int]) -> None:
        type(self).evenings += 1
        self.stand = Stand(seed)
        self.office = self.stand.do(Office, self.stand)
        self.people = People(self.stand, self.office)
        self.staff = Staff(self.stand, self.people, self.office)
        self.all_parcels = list(self.stand.parcels.values())
        self.stand.do(self.people.scan_badge, "good")
        for parcel in loaded:
            self.stand.pass_time(1.0)
            self._deliver(parcel)

    def _deliver(self, parcel: int) -> None:
        self.stand.do(self.people.scan_label, self.all_parcels[parcel])
        self.stand.pass_time(1.0)
        self.stand.live(self.people.put(self.all_parcels[parcel]))
        self._shut_all()
        self.stand.pass_time(SEEN_S)

    def _shut_all(self) -> None:
        for label in LABELS:
            self.stand.do(self.people.close, label)

    def _then(self, seconds: float) -> None:
        type(self).steps += 1
        self.stand.pass_time(seconds)

    # --- people

    @lit
    @rule(kind=tokens, then=then)
    def a_badge_is_scanned(self, kind: str, then: float) -> None:
        self.stand.do(self.people.scan_badge, kind)
        self._then(then)

    @lit
    @rule(parcel=parcels, kind=st.sampled_from(["good", "good", "forged", "expired"]), then=then)
    def a_label_is_scanned(self, parcel: int, kind: str, then: float) -> None:
        self.stand.do(self.people.scan_label, self.all_parcels[parcel], kind)
        self._then(then)

    @rule(parcel=parcels)
    def a_parcel_is_put_in(self, parcel: int) -> None:
        self.stand.live(self.people.put(self.all_parcels[parcel]))
        self._then(0)

    @rule(parcel=parcels)
    def a_parcel_is_brought(self, parcel: int) -> None:
        self._deliver(parcel)
        self._then(0)

    @lit
    @rule(parcel=parcels, lies=st.sampled_from(["not_in", "does_not_fit", "not_empty"]))
    def a_courier_says_where_a_parcel_is(self, parcel: int, lies: str) -> None:
        self.stand.live(self.people.say(self.all_parcels[parcel], lies))
        self._then(0)

    @lit
    @rule(order=orders, kind=st.sampled_from(["good", "good", "with tail", "old", "wrong"]), then=then)
    def a_code_is_typed(self, order: int, kind: str, then: float) -> None:
        self.stand.do(self.people.type_code, self.stand.orders[order], kind)
        self._then(then)

    @lit
    @rule(order=orders, kind=st.sampled_from([*TOKENS, "old", "shared"]), then=then)
    def a_qr_is_scanned(self, order: int, kind: str, then: float) -> None:
        self.stand.do(self.people.scan_qr, self.stand.orders[order], kind)
        self._then(then)

    @rule(order=orders)
    def goods_are_taken(self, order: int) -> None:
        self.stand.live(self.people.take(self.stand.orders[order]))
        self._then(0)

    @rule(order=orders)
    def an_order_is_fetched(self, order: int) -> None:
        self.stand.do(self.people.scan_qr, self.stand.orders[order], "good")
        self.stand.pass_time(1.0)
        self.stand.live(self.people.take(self.stand.orders[order]))
        self._shut_all()
        self._then(SEEN_S)

    @lit
    @rule(button=st.sampled_from(["again", "again", "inside"]), then=then)
    def a_button_is_pressed(self, button: str, then: float) -> None:
        self.stand.do(self.people.press_again if button == "again" else self.people.press_inside)
        self._then(then)

    @rule(label=labels, how=st.sampled_from(["shut", "shut", "lean", "force"]), then=then)
    def a_hand_is_at_a_door(self, label: str, how: str, then: float) -> None:
        hands = {"shut": self.people.close, "lean": self.stand.hands.push, "force": self.people.force}
        self.stand.do(hands[how], label)
        self._then(then)

    # --- from afar

    @lit
    @rule(times=st.integers(1, 7), kind=st.sampled_from(["wrong", "wrong with tail"]), then=then)
    def somebody_guesses(self, times: int, kind: str, then: float) -> None:
        for _ in range(times):
            self.stand.do(self.people.type_text, "99999999" if kind == "wrong" else "999999998000")
            self.stand.pass_time(0.4)
        self._then(then)

    # --- staff

    @lit
    @rule(who=staff, kind=tokens, pin=st.sampled_from([None, "right", "right", "wrong"]), then=then)
    def a_staff_badge_is_scanned(self, who: str, kind: str, pin: str | None, then: float) -> None:
        self.stand.do(self.staff.scan, who, kind)
        if pin is not None:
            self.stand.pass_time(1.0)
            self.stand.do(self.staff.type_pin, pin == "right")
        self._then(then)

    @lit
    @rule(label=labels, then=then)
    def the_number_of_a_door_is_typed(self, label: str, then: float) -> None:
        self.stand.do(self.staff.open, label)
        self._then(then)

    @lit
    @rule(label=labels)
    def a_technician_looks_into(self, label: str) -> None:
        self.stand.do(self.staff.scan, "technician", "good")
        self.stand.pass_time(1.0)
        self.stand.do(self.staff.open, label)
        self.stand.pass_time(SEEN_S)
        self._shut_all()
        self._then(SEEN_S)

    @lit
    @rule(then=then)
    def the_goods_of_the_cold_zone_are_released(self, then: float) -> None:
        self.stand.do(self.staff.release)
        self._then(then)

    @lit
    @rule(then=then)
    def a_round_of_removals_begins(self, then: float) -> None:
        self.stand.do(self.staff.remove)
        self._then(then)

    @rule()
    def what_nobody_fetched_is_taken_out(self) -> None:
        self.stand.live(self.staff.take_out())
        self._then(0)

    # --- the office

    @rule(order=orders, days=st.sampled_from([-1.0, -1.0, 5.0, 14.0]), then=then)
    def an_order_is_to_be_fetched_within(self, order: int, days: float, then: float) -> None:
        self.stand.do(self.office.wants_fetched, self.stand.orders[order], days)
        self._then(then)

    @rule(order=orders, then=then)
    def a_code_is_replaced(self, order: int, then: float) -> None:
        self.stand.do(self.people.lose_code, self.stand.orders[order])
        self._then(then)

    @rule(order=orders, then=then)
    def what_was_shared_is_taken_back(self, order: int, then: float) -> None:
        self.stand.do(self.office.take_back_what_was_shared, self.stand.orders[order])
        self._then(then)

    @rule(who=staff, then=then)
    def a_badge_is_revoked(self, who: str, then: float) -> None:
        self.stand.do(self.office.revoke, who)
        self._then(then)

    # --- from afar

    @lit
    @rule(
        who=st.lists(orders, min_size=1, max_size=3),
        kind=st.sampled_from(["good", "present", "forged", "other_session", "other_occupancy"]),
        seconds=deadlines,
        then=then,
    )
    def phones_ask(self, who: list[int], kind: str, seconds: float, then: float) -> None:
        for order in who:
            self.stand.do(self.people.command, self.stand.orders[order], kind, seconds)
        self._then(then)

    @lit
    @rule(label=labels, seconds=deadlines, then=then)
    def the_office_looks_inside(self, label: str, seconds: float, then: float) -> None:
        self.stand.do(self.people.service, label, seconds)
        self._then(then)

    @lit
    @rule(which=st.integers(0, 9), then=then)
    def a_command_comes_again(self, which: int, then: float) -> None:
        self.stand.do(self.people.repeat_a_command, which)
        self._then(then)

    @rule(what=st.sampled_from(list(FAR_AWAY)), then=then)
    def far_away(self, what: str, then: float) -> None:
        self.stand.do(FAR_AWAY[what], self.stand)
        self._then(then)

    # --- hardware

    @rule(cause=st.sampled_from([*AT_DOORS, *AT_BOARDS, Cause.NOISE]), label=labels, then=then)
    def something_breaks(self, cause: Cause, label: str, then: float) -> None:
        self.stand.live(self.stand.damage(cause, label))
        self._then(then)

    @rule(then=then)
    def everything_is_repaired(self, then: float) -> None:
        self.stand.live(self.stand.repair())
        self._then(then)

    @cold
    @rule(
        celsius=st.sampled_from([COLD_C, WARM_C]),
        seconds=st.sampled_from([1.0, 1.0, 20.0, 20.0, 70.0, 970.0]),
    )
    def the_cold_zone_is(self, celsius: float, seconds: float) -> None:
        self.stand.live(self.stand.air(celsius))
        self._then(seconds)

    # --- the computer

    @lit
    @rule(after=st.sampled_from(["nothing", "commit", "pulse"]), number=st.integers(1, 3), delay=moments)
    def the_program_dies(self, after: str, number: int, delay: float) -> None:
        match after:
            case "commit":
                self.stand.die_after_commit(number, delay)
            case "pulse":
                self.stand.die_after_pulse(delay)
            case _:
                self.stand.live(self.stand.die())
        self._then(0)

    @dead
    @rule(then=then)
    def the_program_starts(self, then: float) -> None:
        self.stand.live(self.stand.start())
        self._then(then)

    @rule(
        minutes=st.sampled_from([0.0, 0.1, 2.0, 20.0]), clock_lost=st.booleans(), goods=orders, then=then,
    )  # fmt: skip
    def the_power_is_cut(self, minutes: float, clock_lost: bool, goods: int, then: float) -> None:
        self.stand.live(self.stand.lose_power())
        self.stand.live(self.people.take(self.stand.orders[goods]))
        self.stand.pass_time(60 * minutes)
        self.stand.live(self.stand.power_returns(clock_lost=clock_lost))
        self._then(then)

    @rule(days=st.sampled_from([-10.0, -0.01, 0.01, 10.0]), then=then)
    def the_clock_jumps(self, days: float, then: float) -> None:
        self.stand.place.wrong_by_s += days * 86_400
        self._then(then)

    @rule(then=then)
    def the_disk_is_full(self, then: float) -> None:
        self.stand.fill_disk()
        self._then(then)

    @rule(seconds=st.sampled_from([5.0, 5.0, 20.0, 20.0, 65.0, 130.0, 310.0]))
    def time_passes(self, seconds: float) -> None:
        self._then(seconds)

    # --- what must hold

    @invariant()
    def every_promise_holds(self) -> None:
        if self.stand is not None:
            self.stand.ledger.check()
            self._complain()

    def _complain(self) -> None:
        if self.stand.story.violation is not None:
            raise Broken(told(self.stand.story))

    def teardown(self) -> None:
        if self.stand is None:
            return
        try:
            if self.stand.story.violation is None:
                self.stand.live(self.stand.settle(self.people.close))
                self._complain()
        finally:
            self.stand.close()
